"""COPY, MOVE, EXPUNGE and their undoing."""

from __future__ import annotations

import pytest

from courriel.model.changes import Arrived, Gone
from courriel.model.flags import DELETED, FLAGGED, SEEN, FlagAction, FlagChange
from courriel.model.ids import MailboxId, MessageId, ModSeq
from courriel.model.refusals import NoSuchMailbox
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, DAY_S, Place, fill, inbox, letter, picture, subjects


async def two(store: MailStore) -> tuple[MailboxId, MailboxId]:
    """INBOX with messages 1–5 (2 seen, 3 flagged, all numbers different) and Archive with one."""
    mailbox = await inbox(store)
    archive = (await store.mailbox(ALICE, "Archive")).id
    await fill(store, mailbox, 5)
    await fill(store, archive, 1)
    await store.change_flags(ALICE, mailbox, [2], FlagChange(FlagAction.ADD, SEEN))
    await store.change_flags(ALICE, mailbox, [3], FlagChange(FlagAction.ADD, FLAGGED))
    return mailbox, archive


async def test_copies_are_new_messages_over_the_same_octets(store: MailStore) -> None:
    mailbox, archive = await two(store)
    view, target = await store.view(ALICE, mailbox), await store.view(ALICE, archive)
    before, position = list(view.modseqs), target.position
    copied = await store.copy(ALICE, mailbox, [4, 2, 99, 3, 2], archive)
    assert copied.uidvalidity == target.uidvalidity != view.uidvalidity
    assert (list(copied.sources), list(copied.targets)) == ([2, 3, 4], [2, 3, 4]), "in the order of the sources"
    assert await subjects(store, ALICE, "Archive") == ["1", "2", "3", "4"]
    assert list(target.flags) == [0, SEEN, FLAGGED, 0] and list(view.modseqs) == before
    originals = await store.records(ALICE, mailbox, [2, 3, 4])
    copies = await store.records(ALICE, archive, [2, 3, 4])
    assert not {one.id for one in originals} & {one.id for one in copies} and len({one.id for one in copies}) == 3
    for one, other in zip(originals, copies, strict=True):
        assert (one.received_at, one.size_octets, one.parts, one.preview, one.thread) == (
            other.received_at, other.size_octets, other.parts, other.preview, other.thread,
        )  # fmt: skip
    assert all(isinstance(change, Arrived) for change in target.changes(position) or [None])
    assert list(target.modseqs) == sorted(set(target.modseqs)) and target.modseq == target.modseqs[-1]
    await store.change_flags(ALICE, archive, [2], FlagChange(FlagAction.REPLACE, DELETED))
    assert view.flags[1] == SEEN, "copies have flags of their own"
    assert (await store.quota(ALICE)).used_messages == 9


async def test_copying_into_the_same_mailbox(store: MailStore) -> None:
    mailbox, _ = await two(store)
    copied = await store.copy(ALICE, mailbox, [1, 5], mailbox)
    assert (list(copied.sources), list(copied.targets)) == ([1, 5], [6, 7])
    assert await subjects(store, ALICE, "INBOX") == ["1", "2", "3", "4", "5", "1", "5"]


async def test_the_copy_outlives_the_original(store: MailStore, place: Place) -> None:
    mailbox, archive = await two(store)
    await store.copy(ALICE, mailbox, [1], archive)
    await store.expunge(ALICE, mailbox, [1])
    place.clock.advance(60 * DAY_S)
    await place.maintain()
    assert await subjects(store, ALICE, "Archive") == ["1", "1"]


async def test_a_moved_message_is_the_same_message(store: MailStore) -> None:
    mailbox, archive = await two(store)
    view, target = await store.view(ALICE, mailbox), await store.view(ALICE, archive)
    old, positions, quota = view.uids, (view.position, target.position), await store.quota(ALICE)
    originals = await store.records(ALICE, mailbox, [2, 3])
    modseq = await store.modseq(ALICE)
    moved = await store.move(ALICE, mailbox, [3, 2, 99], archive)
    assert moved.uidvalidity == target.uidvalidity
    assert (list(moved.sources), list(moved.targets)) == ([2, 3], [2, 3])
    assert (list(view.uids), list(target.uids), list(old)) == ([1, 4, 5], [1, 2, 3], [1, 2, 3, 4, 5])
    assert list(target.flags) == [0, SEEN, FLAGGED] and list(view.flags) == [0, 0, 0]
    now = await store.records(ALICE, archive, [2, 3])
    assert [one.id for one in now] == [one.id for one in originals]
    assert [one.received_at for one in now] == [one.received_at for one in originals]
    [gone], arrived = view.changes(positions[0]) or [], target.changes(positions[1]) or []
    assert isinstance(gone, Gone) and list(gone.uids) == [2, 3]
    assert arrived and all(isinstance(change, Arrived) for change in arrived)
    assert view.modseq > modseq and min(target.modseqs[1:]) > modseq
    entries = await store.journal(ALICE, modseq)
    assert entries is not None and len(entries) == 1, "one change"
    assert set(entries[0].mailboxes) == {mailbox, archive}
    assert await store.quota(ALICE) == quota and not await store.expunged(ALICE)
    assert list(await store.vanished(ALICE, mailbox, modseq) or []) == [2, 3]


async def test_moving_within_a_mailbox_gives_new_uids(store: MailStore) -> None:
    mailbox, _ = await two(store)
    originals = await store.records(ALICE, mailbox, [1, 2])
    moved = await store.move(ALICE, mailbox, [1, 2], mailbox)
    assert (list(moved.sources), list(moved.targets)) == ([1, 2], [6, 7])
    view = await store.view(ALICE, mailbox)
    assert list(view.uids) == [3, 4, 5, 6, 7] and list(view.flags) == [FLAGGED, 0, 0, 0, SEEN]
    assert [one.id for one in await store.records(ALICE, mailbox, [6, 7])] == [one.id for one in originals]
    assert (await store.quota(ALICE)).used_messages == 6


async def test_nothing_to_copy_or_move(store: MailStore) -> None:
    mailbox, archive = await two(store)
    target = await store.view(ALICE, archive)
    for result in (
        await store.copy(ALICE, mailbox, [77], archive),
        await store.move(ALICE, mailbox, [77], archive),
        await store.move(ALICE, mailbox, [], archive),
    ):
        assert (result.uidvalidity, list(result.sources), list(result.targets)) == (target.uidvalidity, [], [])
    before = await picture(store, ALICE)
    for source, goal in ((mailbox, MailboxId(10**9)), (MailboxId(10**9), mailbox)):
        with pytest.raises(NoSuchMailbox):
            await store.copy(ALICE, source, [1], goal)
        with pytest.raises(NoSuchMailbox):
            await store.move(ALICE, source, [1], goal)
    assert await picture(store, ALICE) == before


async def test_expunge_takes_what_is_named_whatever_its_flags(store: MailStore) -> None:
    mailbox, _ = await two(store)
    assert list(await store.expunge(ALICE, mailbox, [5, 99, 2, 5])) == [2, 5]
    assert list(await store.expunge(ALICE, mailbox, [5, 2])) == []
    assert await subjects(store, ALICE, "INBOX") == ["1", "3", "4"]


async def test_vanished(store: MailStore) -> None:
    """RFC 7162 §3.2.5."""
    mailbox, archive = await two(store)
    view = await store.view(ALICE, mailbox)
    first = view.modseq
    await store.expunge(ALICE, mailbox, [4, 1])
    second = view.modseq
    await fill(store, mailbox, 1)
    await store.move(ALICE, mailbox, [6, 2], archive)
    third = view.modseq
    assert first < second < third
    assert list(await store.vanished(ALICE, mailbox, first) or []) == [1, 2, 4, 6]
    assert list(await store.vanished(ALICE, mailbox, second) or []) == [2, 6]
    assert list(await store.vanished(ALICE, mailbox, third) or []) == []
    assert list(await store.vanished(ALICE, archive, ModSeq(0)) or []) == []


async def test_the_expunged_can_be_listed_and_restored(store: MailStore, place: Place) -> None:
    mailbox, _ = await two(store)
    stored = await store.append([letter(mailbox, "six", flags=SEEN | DELETED, prefix=b"P: 1\r\n")])
    records = await store.records(ALICE, mailbox, [2, 6])
    place.clock.advance(100.0)
    await store.expunge(ALICE, mailbox, [2])
    place.clock.advance(100.0)
    await store.expunge(ALICE, mailbox, [6])
    now = place.clock.now()
    newest, oldest = await store.expunged(ALICE)
    assert (newest.id, newest.uid, newest.mailbox, newest.path) == (stored[0].id, 6, mailbox, "INBOX")
    assert (oldest.id, oldest.uid) == (records[0].id, 2)
    assert (newest.size_octets, oldest.size_octets) == (records[1].size_octets, records[0].size_octets)
    assert newest.envelope == b'(NIL "six" NIL NIL NIL NIL NIL NIL NIL NIL)'
    assert newest.expunged_at == pytest.approx(now, abs=1.0)
    assert oldest.expunged_at == pytest.approx(now - 100.0, abs=1.0)
    assert newest.forget_at == pytest.approx(now + 30 * DAY_S, abs=1.0)
    view = await store.view(ALICE, mailbox)
    position = view.position
    back = await store.restore(ALICE, [newest.id, oldest.id, MessageId(10**9)])
    assert [(one.id, one.uid, one.mailbox) for one in back] == [(newest.id, 7, mailbox), (oldest.id, 8, mailbox)]
    assert all(one.uidvalidity == view.uidvalidity and one.modseq in view.modseqs for one in back)
    assert list(view.uids) == [1, 3, 4, 5, 7, 8]
    assert [view.flags[4], view.flags[5]] == [SEEN, SEEN], "flags as they were, but \\Deleted is off"
    assert all(isinstance(change, Arrived) for change in view.changes(position) or [None])
    assert not await store.expunged(ALICE) and not await store.restore(ALICE, [newest.id])
    assert (await store.read(ALICE, newest.id)).startswith(b"P: 1\r\nSubject: six")
    assert [one.received_at for one in await store.records(ALICE, mailbox, [8, 7])] == [r.received_at for r in records]
    assert (await store.quota(ALICE)).used_messages == 7


async def test_messages_of_a_mailbox_that_is_gone_come_back_to_inbox(store: MailStore) -> None:
    mailbox, _ = await two(store)
    made = await store.create_mailbox(ALICE, "a")
    await fill(store, made.id, 2)
    await store.expunge(ALICE, made.id, [1])
    await store.delete_mailbox(ALICE, "a")
    await store.create_mailbox(ALICE, "a")  # another one of that name
    back = await store.restore(ALICE, sorted(one.id for one in await store.expunged(ALICE)))
    assert [(one.mailbox, one.uid) for one in back] == [(mailbox, 6), (mailbox, 7)]
    assert (await store.mailbox(ALICE, "a")).total == 0


async def test_after_the_retention_they_are_forgotten(store: MailStore, place: Place) -> None:
    mailbox, _ = await two(store)
    stored = await store.expunge(ALICE, mailbox, [1])
    gone = (await store.expunged(ALICE))[0]
    place.clock.advance(29 * DAY_S)
    await place.maintain()
    assert len(await store.expunged(ALICE)) == 1
    await store.expunge(ALICE, mailbox, [2])
    place.clock.advance(2 * DAY_S)
    await place.maintain()
    assert [one.uid for one in await store.expunged(ALICE)] == [2]
    assert await store.restore(ALICE, [gone.id]) == [] and list(stored) == [1]
    view = await store.view(ALICE, mailbox)
    assert await store.record(ALICE, mailbox, 1) is None and list(view.uids) == [3, 4, 5]
