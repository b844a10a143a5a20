"""The flag log: intact records are found, nothing else is; the store replays them.  PERFORMANCE, "Decided"."""

from __future__ import annotations

import gc
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.model.flags import FLAGGED, SEEN, FlagAction, FlagChange
from courriel.model.ids import MailboxId, ModSeq
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.store.sqlite import shard
from courriel.store.sqlite.flaglog import FlagRecord, parse, render
from courriel.store.sqlite.pending import BULK
from courriel.store.sqlite.recovery import JUMP
from tests.store.conftest import ALICE, BOB, Bench, inbox, letter

records = st.builds(
    lambda account, mailbox, first, pairs: FlagRecord(
        account, mailbox, first, array("I", [uid for uid, _ in pairs]), array("Q", [flags for _, flags in pairs])
    ),
    st.integers(1, 2**48),
    st.integers(1, 2**48),
    st.integers(1, 2**48),
    st.lists(st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**62 - 1)), max_size=5),
)


def written(records: list[FlagRecord]) -> bytes:
    return b"".join(render(r.account, r.mailbox, r.first_modseq, r.uids, r.flags) for r in records)


@given(st.lists(records, max_size=5), st.integers(0, 10_000), st.binary(max_size=60))
@settings(max_examples=100)
def test_a_torn_log_gives_its_intact_beginning(records: list[FlagRecord], cut: int, tail: bytes) -> None:
    assert list(parse(written(records))) == records
    found = list(parse(written(records)[:cut] + tail))
    assert found[: len(records)] == records[: len(found)] or tail


@given(st.lists(records, min_size=1, max_size=3), st.data())
@settings(max_examples=100)
def test_a_flipped_bit_is_noticed(records: list[FlagRecord], data: st.DataObject) -> None:
    octets = bytearray(written(records))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = list(parse(bytes(octets)))
    assert len(found) < len(records)
    assert found == records[: len(found)]


def copy_as_if_killed(bench: Bench, target: Path) -> Bench:
    """The directory as a killed process leaves it: all that was written, nothing that was closed."""
    import shutil

    shutil.copytree(bench.directory, target)
    (target / "store" / "lock").unlink()
    return Bench(target)


async def test_flags_survive_a_killed_process(bench: Bench, tmp_path_factory: object) -> None:
    store = await bench.open(flag_sync_ms=3_600_000)
    box = await inbox(store)
    await store.append([letter(box, str(n)) for n in range(10)])
    await store.change_flags(ALICE, box, range(1, 6), FlagChange(FlagAction.ADD, SEEN))
    last = await store.change_flags(ALICE, box, [2, 9], FlagChange(FlagAction.REPLACE, FLAGGED))
    flags = list((await store.view(ALICE, box)).flags)
    before = await store.mailbox(ALICE, "INBOX")
    assert (bench.directory / "store" / "flags-0.log").stat().st_size > 0
    killed = copy_as_if_killed(bench, bench.directory.parent / (bench.directory.name + "-killed"))
    again = await killed.open()
    view = await again.view(ALICE, box)
    assert list(view.flags) == flags
    assert view.modseqs[8] == last.modseq
    after = await again.mailbox(ALICE, "INBOX")
    assert (after.unseen, after.total, after.deleted) == (before.unseen, before.total, before.deleted)
    assert await again.modseq(ALICE) == before.modseq + JUMP, "no number is given a second meaning"
    assert after.modseq > before.modseq
    await killed.close()


async def test_the_log_is_emptied_when_the_disk_has_the_flags(bench: Bench) -> None:
    store = await bench.open(flag_sync_ms=0)
    box = await inbox(store)
    await store.append([letter(box)])
    await store.change_flags(ALICE, box, [1], FlagChange(FlagAction.ADD, SEEN))
    assert (bench.directory / "store" / "flags-0.log").stat().st_size == 0
    assert store.shards[0].source().execute("SELECT flags FROM member").fetchall() == [(SEEN,)]


async def test_a_view_opened_before_the_fold_shows_the_flags(bench: Bench) -> None:
    store = await bench.open(flag_sync_ms=3_600_000, idle_views=1)
    box = await inbox(store)
    drafts = (await store.mailbox(ALICE, "Drafts")).id
    await store.append([letter(box, str(n)) for n in range(3)])
    await store.change_flags(ALICE, box, [1, 3], FlagChange(FlagAction.ADD, SEEN))
    await store.view(ALICE, drafts)  # the only idle view there may be: INBOX's is let go of
    assert store.shards[0].residents.known_view(ALICE, box) is None
    assert [flags & SEEN for flags in (await store.view(ALICE, box)).flags] == [SEEN, 0, SEEN]


async def test_a_mailbox_marked_again_and_again_is_written_as_it_was_last(bench: Bench) -> None:
    """Records that a later one overwrites are left out of the fold; what lies between them is not."""
    store = await bench.open(flag_sync_ms=3_600_000)
    box = await inbox(store)
    everyone = range(1, 2 * BULK + 1)
    await store.append([letter(box, str(n)) for n in everyone])
    for action in (FlagAction.ADD, FlagAction.REMOVE, FlagAction.ADD):
        await store.change_flags(ALICE, box, everyone, FlagChange(action, SEEN))
        await store.change_flags(ALICE, box, [7], FlagChange(action, FLAGGED))
    await store.change_flags(ALICE, box, [9], FlagChange(FlagAction.REPLACE, 0))
    view = await store.view(ALICE, box)
    flags, modseqs = list(view.flags), list(view.modseqs)
    await bench.close()
    rows = (await bench.open()).shards[0].source().execute("SELECT flags, modseq FROM member ORDER BY uid").fetchall()
    assert rows == list(zip(flags, modseqs, strict=True))
    assert (flags[6], flags[8], flags[0]) == (SEEN | FLAGGED, 0, SEEN)


async def test_the_journal_keeps_which_mailboxes_changed_over_a_fold(bench: Bench) -> None:
    """One row a mailbox and fold says as much as one a change, wherever a follower stands."""
    store = await bench.open(flag_sync_ms=3_600_000)
    box = await inbox(store)
    drafts = (await store.mailbox(ALICE, "Drafts")).id
    await store.append([letter(box), letter(drafts)])
    changed: list[tuple[int, MailboxId]] = []
    for n, mailbox in enumerate((box, drafts, box, box, drafts, box)):
        result = await store.change_flags(ALICE, mailbox, [1], FlagChange(FlagAction.REPLACE, n + 1))
        changed.append((result.modseq, mailbox))
    await bench.close()
    again = await bench.open()
    for since in (changed[0][0] - 1, *(modseq for modseq, _ in changed)):
        journal = await again.journal(ALICE, ModSeq(since))
        assert journal is not None
        told = {mailbox for entry in journal for mailbox in entry.mailboxes}
        assert told == {mailbox for modseq, mailbox in changed if modseq > since}


async def test_no_more_flags_change_than_may_wait_for_the_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in one turn of the loop: after a power cut, numbers given out must lie below ``JUMP``."""
    monkeypatch.setattr(shard, "UNSYNCED_FLAGS", 10)
    store = await bench.open(flag_sync_ms=3_600_000)
    box = await inbox(store)
    everyone = range(1, 9)
    await store.append([letter(box, str(n)) for n in everyone])
    log = bench.directory / "store" / "flags-0.log"
    for n in range(6):
        action = FlagAction.REMOVE if n % 2 else FlagAction.ADD
        await store.change_flags(ALICE, box, everyone, FlagChange(action, SEEN))
        waiting = sum(len(record.uids) for record in parse(log.read_bytes()))
        assert waiting <= 10 + len(everyone)


async def test_an_account_stays_while_flags_of_it_wait_although_its_view_goes(bench: Bench) -> None:
    """One in memory through a view alone was let go of with it, flags waiting: what was read anew
    had a lower number than its message, and the group that writes the flags found no account."""
    store = await bench.open(flag_sync_ms=3_600_000, idle_views=1, idle_accounts=1, shards=1)
    alices = await inbox(store)
    await store.create_account(BOB, SPECIAL_MAILBOXES)
    bobs = (await store.mailbox(BOB, "INBOX")).id
    await store.append([letter(alices), letter(bobs, account=BOB)])
    await store.shards[0].source.settled()
    await store.view(ALICE, alices)
    await store.mailbox(BOB, "INBOX")  # now the account is held by the view alone
    await store.change_flags(ALICE, alices, [1], FlagChange(FlagAction.ADD, SEEN))
    await store.view(BOB, bobs)
    gc.collect()
    view = await store.view(ALICE, alices)
    assert (view.flags[0], view.modseqs[0]) == (SEEN, view.modseq)
    assert await store.modseq(ALICE) == view.modseq
    assert (await store.mailbox(ALICE, "INBOX")).unseen == 0
    del view
    await store.view(BOB, bobs)
    await store.append([letter(bobs, "later", account=BOB)])
    await store.close()
    again = await bench.open(shards=1)
    assert (await again.view(ALICE, alices)).flags[0] == SEEN
