"""The SQLite store as a place for the contract."""

from __future__ import annotations

from pathlib import Path

from courriel.base.clock import ManualClock
from courriel.ports.queue import OutboundQueue
from courriel.ports.store import MailStore
from courriel.store.sqlite.queue import SqliteQueue
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore


class SqlitePlace:
    """A SQLite store in a directory, in one shard unless told otherwise."""

    survives = True

    def __init__(self, directory: Path, settings: StoreSettings | None = None) -> None:
        self.clock = ManualClock()
        self._directory = directory
        self._settings = settings or StoreSettings(shards=1)

    async def open(self) -> MailStore:
        self.store: MailStore = await SqliteStore.open(self._directory, self._settings, self.clock)
        return self.store

    async def reopen(self) -> MailStore:
        await self.store.close()
        return await self.open()

    async def maintain(self) -> None:
        store = self.store
        assert isinstance(store, SqliteStore)
        await store.maintain(self.clock.now())


async def open_sqlite_queue(directory: Path) -> OutboundQueue:
    return await SqliteQueue.open(directory / "queue.db")
