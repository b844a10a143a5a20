"""Messages from one account to another: never lost, all or none.  On the memory store and on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from courriel.base.errors import Unavailable
from courriel.formats.message.summary import summarise
from courriel.mailboxes import transfer
from courriel.mailboxes.access import Place
from courriel.model.flags import ANSWERED, DELETED, SEEN
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Stored
from courriel.model.refusals import OverQuota
from courriel.model.rights import ALL, parse
from courriel.ports.store import Column, MailStore, View
from courriel.store.memory.store import MemoryStore
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.contracts.place import ALICE, BOB, bodies


@pytest.fixture(params=["memory", "sqlite", "sqlite-2-shards"])
def store(request: pytest.FixtureRequest, runner: Any, tmp_path: Path) -> Iterator[MailStore]:
    if request.param == "memory":
        store: MailStore = MemoryStore()
    else:
        shards = 1 if request.param == "sqlite" else 2
        store = runner.run(SqliteStore.open(tmp_path, StoreSettings(shards=shards)))
    for account in (ALICE, BOB):
        runner.run(store.create_account(account, SPECIAL_MAILBOXES))
    yield store
    runner.run(store.close())


def octets(number: int, pad: int = 0) -> bytes:
    return b"Subject: %d\r\n\r\n%b\r\n" % (number, b"x" * pad)


async def letters_in(store: MailStore, count: int, pad: int = 0) -> View:
    """Bob's INBOX with so many messages: seen, answered, with a keyword, with a trace field of its own."""
    box = await store.mailbox(BOB, "INBOX")
    news = [
        NewMessage(
            BOB, box.id, octets(number, pad), summarise(octets(number, pad)), 1_700_000_000.0 + number,
            prefix=b"Return-Path: <a@x>\r\n", flags=SEEN | ANSWERED, keywords=("$Work",),
        )
        for number in range(count)
    ]  # fmt: skip
    await store.append(news)
    return await store.view(BOB, box.id)


async def goal(store: MailStore, rights: str = "lrswipkxtea") -> Place:
    mailbox = await store.mailbox(ALICE, "INBOX")
    return Place(ALICE, "INBOX", mailbox, parse(rights))


async def test_copies_are_the_same_messages(store: MailStore) -> None:
    source = await letters_in(store, 4)
    copied = await transfer.copy(store, source, [3, 1, 99, 2], await goal(store))
    assert (list(copied.sources), list(copied.targets)) == ([1, 2, 3], [1, 2, 3])
    assert copied.uidvalidity == (await goal(store)).mailbox.uidvalidity
    assert await bodies(store, ALICE, "INBOX") == (await bodies(store, BOB, "INBOX"))[:3]
    view = await store.view(ALICE, (await goal(store)).mailbox.id)
    names = store.keyword_names(ALICE)
    assert [view.flags[0] & 31, *names.values()] == [SEEN | ANSWERED, "$Work"]
    assert list(await store.column(view, Column.RECEIVED, 0, 3)) == [1_700_000_000 + n for n in range(3)]
    assert len(source.uids) == 4


async def test_flags_go_as_far_as_the_rights(store: MailStore) -> None:
    source = await letters_in(store, 1)
    target = await goal(store, "is")
    await transfer.copy(store, source, [1], target)
    view = await store.view(ALICE, target.mailbox.id)
    assert list(view.flags) == [SEEN] and store.keyword_names(ALICE) == {}
    own = await store.mailbox(BOB, "Archive")
    await transfer.copy(store, source, [1], Place(BOB, "Archive", own, parse("iw")))
    assert [flags & (SEEN | ANSWERED) for flags in (await store.view(BOB, own.id)).flags] == [ANSWERED]


async def test_a_move_leaves_nothing_behind_and_can_be_taken_back(store: MailStore) -> None:
    source = await letters_in(store, 3)
    before = await bodies(store, BOB, "INBOX")
    moved = await transfer.move(store, source, [1, 3], await goal(store))
    assert list(moved.sources) == [1, 3] and list(source.uids) == [2]
    assert await bodies(store, ALICE, "INBOX") == [before[0], before[2]]
    assert [gone.uid for gone in await store.expunged(BOB)] == [3, 1] or len(await store.expunged(BOB)) == 2
    own = await store.mailbox(BOB, "Archive")
    await transfer.move(store, source, [2], Place(BOB, "Archive", own, ALL))
    assert len(await store.expunged(BOB)) == 2, "within the account it is the same message still"
    assert await bodies(store, BOB, "Archive") == [before[1]]


async def test_the_quota_is_that_of_who_gets_them(store: MailStore) -> None:
    source = await letters_in(store, 3, pad=1_000)
    await store.set_quota(ALICE, 2_500)
    with pytest.raises(OverQuota):
        await transfer.move(store, source, [1, 2, 3], await goal(store))
    assert len(source.uids) == 3 and await bodies(store, ALICE, "INBOX") == []
    await transfer.move(store, source, [1, 2], await goal(store))
    assert (await store.quota(ALICE)).used_messages == 2 and (await store.quota(BOB)).used_messages == 1


class Failing:
    """A store whose n-th append fails, or every expunge of one account."""

    def __init__(self, store: MailStore, appends: int = 1_000, no_expunge: int = 0) -> None:
        self._store = store
        self._appends = appends
        self._no_expunge = no_expunge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        self._appends -= 1
        if self._appends < 0:
            raise Unavailable("no room on the disk")
        return await self._store.append(messages)

    async def expunge(self, account: int, mailbox: Any, uids: Sequence[int]) -> Sequence[int]:
        if account == self._no_expunge:
            raise Unavailable("no room on the disk")
        return await self._store.expunge(account, mailbox, uids)  # type: ignore[arg-type]


async def test_what_fails_midway_was_never_there(store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "BATCH_MESSAGES", 2)
    source = await letters_in(store, 5)
    with pytest.raises(Unavailable):
        await transfer.move(Failing(store, appends=2), source, range(1, 6), await goal(store))  # type: ignore[arg-type]
    assert len(source.uids) == 5 and await bodies(store, ALICE, "INBOX") == []
    moved = await transfer.move(store, source, range(1, 6), await goal(store))
    assert len(moved.targets) == 5 and len(source.uids) == 0


async def test_a_move_that_cannot_take_away_doubles_and_loses_nothing(store: MailStore) -> None:
    source = await letters_in(store, 2)
    with pytest.raises(Unavailable):
        await transfer.move(Failing(store, no_expunge=BOB), source, [1, 2], await goal(store))  # type: ignore[arg-type]
    assert len(await bodies(store, BOB, "INBOX")) == len(await bodies(store, ALICE, "INBOX")) == 2


async def test_batches_are_bounded_by_octets(store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "BATCH_OCTETS", 5_000)
    monkeypatch.setattr(transfer, "TURN_OCTETS", 1)
    source = await letters_in(store, 7, pad=2_000)
    sizes: list[int] = []

    class Weighing(Failing):
        async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
            sizes.append(sum(len(message.body) for message in messages))
            return await super().append(messages)

    await transfer.copy(Weighing(store), source, source.uids, await goal(store))  # type: ignore[arg-type]
    assert len(sizes) == 4 and max(sizes) <= 5_000
    await transfer.copy(store, source, [], await goal(store))
    assert len(await bodies(store, ALICE, "INBOX")) == 7
    assert not any(flags & DELETED for flags in source.flags)
