"""The SQLite store as a place for the contract."""

from __future__ import annotations

from pathlib import Path

from courriel.base.clock import ManualClock
from courriel.ports.queue import OutboundQueue
from courriel.ports.store import MailStore
from courriel.store.sqlite.queue import SqliteQueue
from courriel.store.sqlite.store import SqliteStore


class SqlitePlace:
    """A store in one directory, opened again and again."""

    survives = True

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self._directory = directory

    async def open(self) -> MailStore:
        self._store = await SqliteStore.open(self._directory, clock=self.clock)
        self.store: MailStore = self._store
        return self.store

    async def reopen(self) -> MailStore:
        await self._store.close()
        return await self.open()

    async def maintain(self) -> None:
        await self._store.maintain(self.clock.now())


async def open_sqlite_queue(directory: Path) -> OutboundQueue:
    return await SqliteQueue.open(directory)
