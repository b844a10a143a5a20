"""Views: arrays that are always current, changes in the order in which they became visible, \\Recent."""

from __future__ import annotations

from array import array

import pytest

from courriel.model.changes import Arrived, Flagged, Gone
from courriel.model.flags import DELETED, SEEN, FlagAction, FlagChange
from courriel.model.ids import MailboxId
from courriel.model.refusals import NoSuchMailbox
from courriel.ports.store import Column, MailStore
from tests.contracts.place import ALICE, fill, heard, inbox, letter

SEE = FlagChange(FlagAction.ADD, SEEN)


async def test_one_view_is_shared_and_has_the_port_s_types(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 3)
    view = await store.view(ALICE, mailbox)
    assert await store.view(ALICE, mailbox) is view
    assert [(type(a), a.typecode) for a in (view.uids, view.flags, view.modseqs)] == [
        (array, "I"), (array, "Q"), (array, "Q"),
    ]  # fmt: skip
    box = await store.mailbox(ALICE, "INBOX")
    assert (view.account, view.mailbox, view.uidvalidity) == (ALICE, mailbox, box.uidvalidity)
    assert (view.uidnext, view.modseq) == (box.uidnext, box.modseq) == (4, max(view.modseqs))
    with pytest.raises(NoSuchMailbox):
        await store.view(ALICE, MailboxId(10**9))


async def test_arrivals_are_appended_in_place(store: MailStore) -> None:
    mailbox = await inbox(store)
    view = await store.view(ALICE, mailbox)
    uids, position = view.uids, view.position
    stored = await fill(store, mailbox, 2)
    stored = [*stored, *await fill(store, mailbox, 1)]
    assert view.uids is uids and list(uids) == [1, 2, 3] and view.uidnext == 4
    assert list(view.modseqs) == [one.modseq for one in stored]
    changes = view.changes(position)
    assert changes is not None and all(isinstance(change, Arrived) for change in changes)
    told = [
        uid for change in changes if isinstance(change, Arrived)
        for uid in range(change.first_uid, change.first_uid + change.count)
    ]  # fmt: skip
    assert told == [1, 2, 3]
    assert changes[-1].modseq == view.modseq == stored[-1].modseq
    assert list(view.changes(view.position) or []) == []


async def test_expunge_replaces_the_arrays(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 5)
    view = await store.view(ALICE, mailbox)
    old, position, modseq = view.uids, view.position, view.modseq
    await store.expunge(ALICE, mailbox, [4, 2])
    assert list(old) == [1, 2, 3, 4, 5], "whoever kept the old array keeps what he has shown to his client"
    assert view.uids is not old and list(view.uids) == [1, 3, 5]
    assert len(view.uids) == len(view.flags) == len(view.modseqs)
    [change] = view.changes(position) or []
    assert isinstance(change, Gone) and list(change.uids) == [2, 4]
    assert change.modseq == view.modseq > modseq, "RFC 7162 §3.2.7: an expunge raises HIGHESTMODSEQ"
    assert view.uidnext == 6
    await fill(store, mailbox, 1)
    assert list(old) == [1, 2, 3, 4, 5] and list(view.uids) == [1, 3, 5, 6]


async def test_flag_changes_show_in_the_arrays_and_name_what_changed(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 4)
    view = await store.view(ALICE, mailbox)
    await store.change_flags(ALICE, mailbox, [2], SEE)
    position = view.position
    await store.change_flags(ALICE, mailbox, [4, 2, 3, 99], SEE)
    [change] = view.changes(position) or []
    assert isinstance(change, Flagged)
    assert list(change.uids) == [3, 4], "2 was seen already"
    assert [view.uids[place] for place in change.places] == [3, 4]
    assert list(view.flags) == [0, SEEN, SEEN, SEEN] and change.modseq == view.modseq == view.modseqs[3]


async def test_changes_come_in_the_order_of_their_numbers(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 3)
    view = await store.view(ALICE, mailbox)
    position = view.position
    await store.change_flags(ALICE, mailbox, [1], SEE)
    await fill(store, mailbox, 1)
    await store.expunge(ALICE, mailbox, [2])
    await store.change_flags(ALICE, mailbox, [3, 4], FlagChange(FlagAction.REPLACE, DELETED))
    await store.copy(ALICE, mailbox, [1], mailbox)
    changes = view.changes(position) or []
    assert [type(change) for change in changes] == [Flagged, Arrived, Gone, Flagged, Arrived]
    numbers = [change.modseq for change in changes]
    assert numbers == sorted(set(numbers)) and view.position == position + 5
    assert list(view.changes(position + 3) or []) == list(changes[3:])


async def test_changes_too_far_back_are_none(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 1)
    view = await store.view(ALICE, mailbox)
    position = view.position
    for turn in range(20_000):
        await store.change_flags(ALICE, mailbox, [1], FlagChange(FlagAction.REPLACE, SEEN * (turn % 2 == 0)))
        if view.changes(position) is None:
            break
    assert view.changes(position) is None, "the ring of changes must be bounded"
    assert len(view.changes(view.position - 10) or []) == 10


async def test_watchers_are_called_after_visibility_until_stopped(store: MailStore) -> None:
    mailbox = await inbox(store)
    trash = (await store.mailbox(ALICE, "Trash")).id
    view, other = await store.view(ALICE, mailbox), await store.view(ALICE, trash)
    seen: list[tuple[list[int], list[int]]] = []
    elsewhere: list[int] = []
    stop = view.watch(lambda: seen.append((list(view.uids), list(view.flags))))
    other.watch(lambda: elsewhere.append(len(other.uids)))
    await fill(store, mailbox, 2)
    await heard()
    assert seen and seen[-1] == ([1, 2], [0, 0])
    await store.change_flags(ALICE, mailbox, [1], SEE)
    await heard()
    assert seen[-1] == ([1, 2], [SEEN, 0])
    assert not elsewhere
    await store.move(ALICE, mailbox, [1], trash)
    await heard()
    assert seen[-1] == ([2], [0]) and elsewhere[-1] == 1
    stop()
    stop()
    count = len(seen)
    await store.expunge(ALICE, mailbox, [2])
    await heard()
    assert len(seen) == count


async def test_nothing_done_wakes_nobody(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 2)
    await store.change_flags(ALICE, mailbox, [1], SEE)
    await heard()
    view = await store.view(ALICE, mailbox)
    position, modseq = view.position, await store.modseq(ALICE)
    woken: list[int] = []
    view.watch(lambda: woken.append(1))
    await store.change_flags(ALICE, mailbox, [1], SEE)
    await store.change_flags(ALICE, mailbox, [], SEE)
    await store.expunge(ALICE, mailbox, [77])
    await store.copy(ALICE, mailbox, [77], mailbox)
    await store.move(ALICE, mailbox, [77], mailbox)
    await store.append([])
    await heard()
    assert (view.position, await store.modseq(ALICE), woken) == (position, modseq, [])


async def test_index(store: MailStore) -> None:
    mailbox = await inbox(store)
    view = await store.view(ALICE, mailbox)
    assert view.index(1) == -1
    await fill(store, mailbox, 5)
    await store.expunge(ALICE, mailbox, [1, 3])
    assert [view.index(uid) for uid in (0, 1, 2, 3, 4, 5, 6, 2**32 - 1)] == [-1, -1, 0, -1, 1, 2, -1, -1]


async def test_recent_is_claimed_once(store: MailStore) -> None:
    """RFC 3501 §2.3.2: one session is the first to be told of a message."""
    mailbox = await inbox(store)
    view = await store.view(ALICE, mailbox)
    assert view.first_recent() == 1
    await fill(store, mailbox, 3)
    assert view.first_recent() == 1, "looking does not claim"
    assert view.claim_recent() == 1
    assert view.first_recent() == 4 and view.claim_recent() == 4
    await store.expunge(ALICE, mailbox, [3])
    await fill(store, mailbox, 2)
    assert view.first_recent() == 4 and view.claim_recent() == 4 and view.first_recent() == 6


async def test_columns_line_up_with_the_view(store: MailStore) -> None:
    mailbox = await inbox(store)
    await store.append(
        [
            letter(mailbox, str(n), prefix=b"P: %d\r\n" % n, pad_octets=n, received_at=1_790_000_000.75 + n)
            for n in range(1, 8)
        ]
    )
    view = await store.view(ALICE, mailbox)

    async def check() -> None:
        names = [str(uid) for uid in view.uids]
        count = len(names)
        assert list(await store.column(view, Column.ENVELOPE, 0, count)) == [
            b'(NIL "%b" NIL NIL NIL NIL NIL NIL NIL NIL)' % name.encode() for name in names
        ]
        previews = await store.column(view, Column.PREVIEW, 0, count)
        assert [bytes(p).decode() for p in previews] == [name + " é" for name in names]  # type: ignore[arg-type]
        assert list(await store.column(view, Column.RECEIVED, 0, count)) == [
            1_790_000_000 + int(name) for name in names
        ]
        ids = list(await store.column(view, Column.ID, 0, count))
        sizes = list(await store.column(view, Column.SIZE, 0, count))
        assert sizes == [len(await store.read(ALICE, number)) for number in ids]  # type: ignore[arg-type]
        structures = await store.column(view, Column.BODYSTRUCTURE, 0, count)
        assert all(b'"7BIT" %d ' % (size - 6) in s for s, size in zip(structures, sizes, strict=True))  # type: ignore[operator]
        assert len(set(ids)) == count == len(await store.column(view, Column.THREAD, 0, count))
        for column in Column:
            whole = list(await store.column(view, column, 0, count))
            assert list(await store.column(view, column, 2, 2)) == whole[2:4]
            assert list(await store.column(view, column, count, 0)) == []
            assert list(await store.values(view, column, list(view.uids))) == whole
            assert list(await store.values(view, column, [view.uids[2], view.uids[0]])) == [whole[2], whole[0]]

    await check()
    await store.expunge(ALICE, mailbox, [1, 4])
    await check()
    await store.append([letter(mailbox, "8", prefix=b"P: 8\r\n", received_at=1_790_000_008.0)])
    await check()
    await store.move(ALICE, mailbox, [5, 8], (await store.mailbox(ALICE, "Trash")).id)
    await check()


NUMBERS = {Column.SIZE, Column.RECEIVED, Column.ID, Column.ORIGIN, Column.THREAD, Column.SAVED}


async def test_types_of_values(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 1)
    view = await store.view(ALICE, mailbox)
    for column in Column:
        kind = int if column in NUMBERS else bytes
        [value] = await store.column(view, column, 0, 1)
        [same] = await store.values(view, column, [1])
        assert isinstance(value, kind) and isinstance(same, kind)


async def test_values_of_the_expunged_are_found_while_they_can_be_restored(store: MailStore) -> None:
    mailbox = await inbox(store)
    trash = (await store.mailbox(ALICE, "Trash")).id
    stored = await fill(store, mailbox, 4)
    view = await store.view(ALICE, mailbox)
    whole = {column: list(await store.column(view, column, 0, 4)) for column in Column}
    whole[Column.SAVED][1] = whole[Column.RECEIVED][1]  # when it entered is forgotten with its place
    await store.expunge(ALICE, mailbox, [2])
    await store.move(ALICE, mailbox, [3], trash)
    for column in Column:
        values = list(await store.values(view, column, [1, 2, 4, 77]))
        assert values == [whole[column][0], whole[column][1], whole[column][3], None]
    record = await store.record(ALICE, mailbox, 2)
    assert record is not None and record.id == stored[1].id
    assert b"Subject: 2" in await store.read(ALICE, record.id)
    assert [r.uid for r in await store.records(ALICE, mailbox, [4, 2, 77, 1])] == [4, 2, 1]
    assert await store.record(ALICE, mailbox, 77) is None


@pytest.mark.slow
async def test_a_mailbox_of_ten_thousand(store: MailStore) -> None:
    mailbox = await inbox(store)
    for _ in range(10):
        await fill(store, mailbox, 1000)
    view = await store.view(ALICE, mailbox)
    assert list(view.uids) == list(range(1, 10_001))
    result = await store.change_flags(ALICE, mailbox, view.uids, SEE)
    assert len(result.changed) == 10_000 and len(set(view.modseqs)) == 10_000
    assert len(await store.column(view, Column.ENVELOPE, 0, 10_000)) == 10_000
    assert len(await store.expunge(ALICE, mailbox, range(1, 10_001, 2))) == 5_000
    assert list(view.uids) == list(range(2, 10_001, 2))
    box = await store.mailbox(ALICE, "INBOX")
    assert (box.total, box.unseen, (await store.quota(ALICE)).used_messages) == (5_000, 0, 5_000)
