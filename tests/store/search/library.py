"""A SQLite store with an index over it, whose feeding the tests do themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from courriel.base.clock import ManualClock
from courriel.formats.message.summary import summarise
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Stored
from courriel.ports.store import View
from courriel.store.search.feed import ShardFeed, shards
from courriel.store.search.index import SqliteIndex
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore

ALICE = AccountId(1)


class Library:
    """Alice's mail and its index."""

    store: SqliteStore
    index: SqliteIndex
    mailbox: MailboxId

    def __init__(self, directory: Path, settings: StoreSettings | None = None) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self._settings = settings or StoreSettings(shards=1, blob_grace_s=0)
        self._feeds: list[ShardFeed] = []

    async def open(self) -> Library:
        self.store = await SqliteStore.open(self.directory, self._settings, self.clock)
        await self.store.create_account(ALICE, SPECIAL_MAILBOXES)
        self.mailbox = (await self.store.mailbox(ALICE, "INBOX")).id
        self.index = SqliteIndex(self.store, self.directory)
        self._feeds = []
        return self

    async def close(self) -> None:
        await self.store.close()

    async def put(self, *contents: bytes, prefix: bytes = b"", mailbox: MailboxId | None = None) -> Sequence[Stored]:
        """Deliver messages, octets as they are."""
        now = self.clock.now()
        return await self.store.append(
            [NewMessage(ALICE, mailbox or self.mailbox, one, summarise(one), now, prefix) for one in contents]
        )

    async def view(self) -> View:
        return await self.store.view(ALICE, self.mailbox)

    async def feed(self) -> None:
        """Index all that is there."""
        for feed in await self.feeds():
            while feed.step():
                pass

    async def feeds(self) -> list[ShardFeed]:
        """What the process that feeds works with; it sees what is there now."""
        for shard in self.store.shards:
            await shard.source.settled()
        if not self._feeds:
            place = self.directory / "store"
            self._feeds = [ShardFeed(place, number) for number in shards(place)]
        return self._feeds
