"""Annotations of mailboxes and accounts, on every store.  RFC 5464; ports/store.py."""

from __future__ import annotations

import asyncio

import pytest

from courriel.model import metadata as limits
from courriel.model.refusals import NoSuchMailbox, TooManyAnnotations
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, BOB, Place, heard, inbox

COMMENT = "/private/comment"
SHARED = "/shared/comment"


def test_private_is_the_viewers_shared_is_everybodys(runner: asyncio.Runner, store: MailStore) -> None:
    async def run() -> None:
        box = await inbox(store)
        assert await store.metadata(ALICE, box, ALICE) == {}
        assert await store.set_metadata(ALICE, box, ALICE, {SHARED: b"all", COMMENT: b"mine"})
        assert await store.set_metadata(ALICE, box, BOB, {COMMENT: b"bob's", "/private/a": b""})
        assert list((await store.metadata(ALICE, box, ALICE)).items()) == [(COMMENT, b"mine"), (SHARED, b"all")]
        assert await store.metadata(ALICE, box, BOB) == {"/private/a": b"", COMMENT: b"bob's", SHARED: b"all"}
        assert await store.metadata(ALICE, None, ALICE) == {}
        assert await store.set_metadata(ALICE, None, ALICE, {COMMENT: b"of the account"})
        assert await store.metadata(ALICE, None, ALICE) == {COMMENT: b"of the account"}

    runner.run(run())


def test_one_change_a_call_in_the_journal_and_none_for_nothing(runner: asyncio.Runner, store: MailStore) -> None:
    async def run() -> None:
        box = await inbox(store)
        before, mailbox = await store.modseq(ALICE), await store.mailbox(ALICE, "INBOX")
        woken: list[int] = []
        stop = store.watch_account(ALICE, lambda: woken.append(1))
        assert await store.set_metadata(ALICE, box, ALICE, {SHARED: b"a", COMMENT: b"b"})
        await heard()
        assert len(woken) == 1
        after = await store.modseq(ALICE)
        [entry] = await store.journal(ALICE, before) or ()
        assert (entry.modseq, entry.kinds, entry.mailboxes) == (after, ("metadata",), (box,))
        assert await store.metadata_changes(ALICE, box, ALICE, before) == [COMMENT, SHARED]
        assert await store.metadata_changes(ALICE, box, BOB, before) == [SHARED]
        assert await store.metadata_changes(ALICE, box, ALICE, after) == []
        assert not await store.set_metadata(ALICE, box, ALICE, {SHARED: b"a", "/shared/none": None})
        assert await store.modseq(ALICE) == after
        assert (await store.mailbox(ALICE, "INBOX")).modseq == mailbox.modseq, "no message has changed"
        await store.set_metadata(ALICE, None, ALICE, {COMMENT: b"x"})
        assert [entry.mailboxes for entry in await store.journal(ALICE, after) or ()] == [()]
        stop()

    runner.run(run())


def test_what_is_taken_away_is_told(runner: asyncio.Runner, store: MailStore) -> None:
    async def run() -> None:
        box = await inbox(store)
        await store.set_metadata(ALICE, box, ALICE, {SHARED: b"a", COMMENT: b"b"})
        before = await store.modseq(ALICE)
        assert await store.set_metadata(ALICE, box, ALICE, {COMMENT: None})
        assert await store.metadata(ALICE, box, ALICE) == {SHARED: b"a"}
        assert await store.metadata_changes(ALICE, box, ALICE, before) == [COMMENT]

    runner.run(run())


def test_it_follows_a_rename_and_goes_with_its_mailbox(runner: asyncio.Runner, place: Place) -> None:
    async def run() -> None:
        store = place.store
        await inbox(store)
        box = (await store.create_mailbox(ALICE, "a/b")).id
        await store.set_metadata(ALICE, box, ALICE, {SHARED: b"stays", COMMENT: bytes(range(256))})
        await store.rename_mailbox(ALICE, "a", "c")
        store = await place.reopen()
        assert (await store.mailbox(ALICE, "c/b")).id == box
        assert await store.metadata(ALICE, box, ALICE) == {SHARED: b"stays", COMMENT: bytes(range(256))}
        await store.delete_mailbox(ALICE, "c/b")
        with pytest.raises(NoSuchMailbox):
            await store.metadata(ALICE, box, ALICE)
        with pytest.raises(NoSuchMailbox):
            await store.set_metadata(ALICE, box, ALICE, {SHARED: b"x"})
        anew = (await store.create_mailbox(ALICE, "c/b")).id
        assert await store.metadata(ALICE, anew, ALICE) == {}
        await store.set_metadata(ALICE, None, ALICE, {COMMENT: b"x"})
        await store.delete_account(ALICE)
        await inbox(store)
        assert await store.metadata(ALICE, None, ALICE) == {}

    runner.run(run())


def test_limits(runner: asyncio.Runner, store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("courriel.store.memory.store", "courriel.store.sqlite.metadata"):
        monkeypatch.setattr(f"{module}.ANNOTATIONS", 3)
        monkeypatch.setattr(f"{module}.ANNOTATION_OCTETS", 10)

    async def run() -> None:
        box = await inbox(store)
        await store.set_metadata(ALICE, box, ALICE, {SHARED: b"12345", COMMENT: b"1"})
        before = await store.modseq(ALICE)
        for refused in ({"/private/x": b"", "/private/y": b""}, {"/private/x": b"12345"}, {COMMENT: b"123456"}):
            with pytest.raises(TooManyAnnotations):
                await store.set_metadata(ALICE, None, ALICE, refused)
            assert await store.modseq(ALICE) == before
        await store.set_metadata(ALICE, None, ALICE, {"/private/x": b"1234"})
        assert await store.set_metadata(ALICE, box, ALICE, {SHARED: b"123", COMMENT: None})
        assert await store.set_metadata(ALICE, box, ALICE, {COMMENT: b"123"})

    runner.run(run())
    assert (limits.ANNOTATIONS, limits.ANNOTATION_OCTETS) == (5_000, 8_000_000)


def test_of_many_removed_ones_only_the_last_are_remembered(runner: asyncio.Runner, store: MailStore) -> None:
    """The oldest removals are forgotten in the SQLite store; what is there is never."""

    async def run() -> None:
        box = await inbox(store)
        names = [f"/private/{n:04}" for n in range(limits.REMOVED_REMEMBERED + 50)]
        await store.set_metadata(ALICE, box, ALICE, {SHARED: b"stays"})
        for name in names:
            await store.set_metadata(ALICE, box, ALICE, {name: b"x"})
            await store.set_metadata(ALICE, box, ALICE, {name: None})
        known = await store.metadata_changes(ALICE, box, ALICE, 0)  # type: ignore[arg-type]
        assert set(names[-limits.REMOVED_REMEMBERED :]) <= set(known)
        assert await store.metadata(ALICE, box, ALICE) == {SHARED: b"stays"}

    runner.run(run())
