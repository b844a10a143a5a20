"""The redo log: what is answered is in it or in the tables, once, and is seen by every reader.  ADR 8."""

from __future__ import annotations

import asyncio
import errno
import gc
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import Damaged, Unavailable
from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import ModSeq
from courriel.model.message import NewMessage
from courriel.model.rights import ALL, READ, TAKE_ALL, RightsChange
from courriel.ports.store import Column
from courriel.store.blobs.files import SystemFiles
from courriel.store.sqlite import columns
from courriel.store.sqlite.recovery import JUMP
from courriel.store.sqlite.redolog import GROWTH_OCTETS, HEAD, Change, RedoLog, parse, render
from courriel.store.sqlite.shard import Shard
from courriel.store.sqlite.snapshot import roll_back, take_snapshot
from courriel.store.sqlite.store import SqliteStore
from courriel.store.sqlite.transaction import Transaction
from tests.store.conftest import ALICE, BOB, Bench, inbox, letter

NEVER: dict[str, Any] = {"settle_ms": 3_600_000, "flag_sync_ms": 3_600_000}
"""Settings with which nothing is settled by time."""

HANGS_S = 10.0

values = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=9), st.text(max_size=9)
)
changes = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C"]), st.lists(st.lists(values, max_size=3), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)
logs = st.lists(changes, max_size=5)


def written(groups: Sequence[Sequence[Change]], salt: int = 7, first: int = 1) -> list[bytes]:
    numbers: dict[str, int] = {}
    records = []
    for sequence, group in enumerate(groups, first):
        record, used = render(group, numbers, salt, sequence)
        numbers.update({sql: len(numbers) + n for n, sql in enumerate(used)})
        records.append(record)
    return records


def read(data: bytes) -> list[list[tuple[str, list[list[Any]]]]]:
    return [[(sql, [list(row) for row in rows]) for sql, rows in record.changes] for record in parse(data)]


# --- the format ------------------------------------------------------------------------------------------------
@given(logs, st.integers(0, 5_000), st.binary(max_size=60))
@settings(max_examples=100)
def test_a_torn_log_gives_its_intact_beginning(groups: list[Any], cut: int, tail: bytes) -> None:
    data = b"".join(written(groups))
    assert read(data) == groups
    assert read(data + bytes(100)) == groups
    found = read(data[:cut] + tail)
    assert found[: len(groups)] == groups[: len(found)] or tail


@given(st.lists(changes, min_size=1, max_size=3), st.data())
@settings(max_examples=100)
def test_a_flipped_bit_is_noticed(groups: list[Any], data: st.DataObject) -> None:
    octets = bytearray(b"".join(written(groups)))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = read(bytes(octets))
    assert len(found) < len(groups)
    assert found == groups[: len(found)]


@pytest.mark.parametrize(("salt", "first"), [(8, 2), (7, 1), (7, 3)], ids=["other log", "again", "gap"])
def test_what_an_earlier_log_left_is_not_read(salt: int, first: int) -> None:
    group: list[Change] = [("A", [(1, b"x")])]
    [new] = written([group])
    [rest] = written([group], salt, first)
    assert len(read(new + rest)) == 1


def test_a_file_grows_ahead_and_is_overwritten_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "redo.log"
    log = RedoLog(SystemFiles(), str(path), str(tmp_path))
    octets = log.append([("A", [(b"x" * 1000,)])])
    assert path.stat().st_size == GROWTH_OCTETS
    assert log.octets == octets
    log.append([("A", [(bytes(GROWTH_OCTETS),)])])
    assert path.stat().st_size == 2 * GROWTH_OCTETS
    log.restart()
    log.append([("B", [(3,)])])
    log.close()
    again = RedoLog(SystemFiles(), str(path), str(tmp_path))
    assert [record.sequence for record in again.records()] == [3]
    assert read(path.read_bytes()) == [[("B", [[3]])]]
    again.empty()
    assert path.stat().st_size == 0
    again.close()


# --- the store -------------------------------------------------------------------------------------------------
class CountingFiles(SystemFiles):
    """Counts, and fails where it is told to."""

    def __init__(self) -> None:
        self.writes: list[int] = []
        self.syncs = 0
        self.fails = ""

    def write_at(self, fd: int, data: bytes, offset: int) -> None:
        if self.fails == "write" and data.count(0) < len(data):  # zeros take back what failed
            raise OSError(errno.ENOSPC, "write")
        self.writes.append(len(data))
        super().write_at(fd, data, offset)

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        if self.fails == "sync":
            raise OSError(errno.EIO, "sync")
        super().fdatasync(fd)


def killed(bench: Bench, name: str) -> Bench:
    """The directory as a killed process leaves it."""
    target = bench.directory.parent / f"{bench.directory.name}-{name}"
    shutil.copytree(bench.directory, target)
    (target / "store" / "lock").unlink()
    return Bench(target)


async def picture(store: SqliteStore, box: int) -> list[tuple[int, int, int, bytes]]:
    view = await store.view(ALICE, box)  # type: ignore[arg-type]
    ids: Sequence[Any] = await store.column(view, Column.ID, 0, len(view.uids))
    octets = [await store.read(ALICE, id) for id in ids]
    return list(zip(view.uids, view.flags, view.modseqs, octets, strict=True))


def is_settled(store: SqliteStore) -> bool:
    return store.shards[0].source() is store.shards[0].reader


async def test_a_small_group_is_one_write_and_one_sync(bench: Bench) -> None:
    files = CountingFiles()
    store = await bench.open(files, **NEVER)
    box = await inbox(store)
    files.writes.clear()
    files.syncs = 0
    database = bench.directory / "store" / "shard-0.db-wal"
    size = database.stat().st_size
    for n in range(5):
        await store.append([letter(box, str(n), size=3000)])
    assert files.syncs == len(files.writes) == 5
    assert max(files.writes) < 4_500
    assert database.stat().st_size == size


async def test_what_was_answered_and_not_settled_survives_a_kill_once(bench: Bench) -> None:
    store = await bench.open(**NEVER)
    box = await inbox(store)
    for n in range(6):
        await store.append([letter(box, str(n), size=n * 2_500)])  # in rows and in packs
    await store.expunge(ALICE, box, [2])
    await store.copy(ALICE, box, [4], (await store.mailbox(ALICE, "Archive")).id)
    await store.change_flags(ALICE, box, [1], FlagChange(FlagAction.ADD, SEEN))
    await store.append([letter(box, "last")])
    assert not is_settled(store)
    before, number = await picture(store, box), await store.modseq(ALICE)
    first = killed(bench, "first")
    again = await first.open()
    second = killed(first, "second")  # killed again while it opened
    for opened in (again, await second.open()):
        assert await picture(opened, box) == before
        assert (await opened.mailbox(ALICE, "Archive")).total == 1
        assert await opened.modseq(ALICE) >= number + JUMP
        [stored] = await opened.append([letter(box, "later")])
        assert (stored.uid, stored.modseq > number) == (8, True)
        assert (await opened.check()).is_clean
    await first.close()
    await second.close()


async def test_a_failed_group_leaves_its_neighbours_in_the_open_transaction(bench: Bench) -> None:
    store = await bench.open(**NEVER)
    box = await inbox(store)

    def bug(transaction: Transaction) -> None:
        transaction.account(ALICE).take(1000)
        transaction.connection.execute("DELETE FROM member")
        transaction.connection.execute("INSERT INTO account SELECT * FROM account")

    def unwritable(transaction: Transaction) -> None:
        transaction.connection.execute("INSERT INTO meta VALUES ('zeros', ?)", (apsw.zeroblob(9),))

    for n, bad in enumerate((bug, unwritable, bug)):
        await store.append([letter(box, str(n), size=n * 5000)])
        with pytest.raises((apsw.ConstraintError, TypeError)):
            await store.shards[0].committer.submit(bad)
    await store.append([letter(box, "last")])
    assert not is_settled(store)
    before = await picture(store, box)
    assert [uid for uid, *_ in before] == [1, 2, 3, 4]
    other = killed(bench, "after")
    again = await other.open()
    assert await picture(again, box) == before
    assert (await again.check()).is_clean
    await other.close()
    assert (await store.check()).is_clean


async def test_every_reader_sees_what_is_not_settled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await bench.open(**NEVER, body_cache_octets=0, idle_views=1, idle_accounts=1)
    box, others = await inbox(store), await inbox(store, BOB)
    await store.append([letter(box, str(n), size=n) for n in range(300)])
    await store.expunge(ALICE, box, [7])
    await store.view(BOB, others)  # ALICE's view and account are let go of, her newest rows are not settled
    await store.quota(BOB)
    gc.collect()
    assert store.shards[0].residents.known_view(ALICE, box) is None
    assert (await store.mailbox(ALICE, "INBOX")).total == 299
    view = await store.view(ALICE, box)
    assert not is_settled(store)
    for column in Column:
        assert len(await store.column(view, column, 0, 299)) == 299
        assert len(await store.values(view, column, [1, 300])) == 2
    record = await store.record(ALICE, box, 300)
    assert record is not None and await store.read(ALICE, record.id)
    assert [one.uid for one in await store.expunged(ALICE)] == [7]
    assert await store.vanished(ALICE, box, ModSeq(0)) == [7]
    assert await store.journal(ALICE, ModSeq(0))
    assert not is_settled(store), "none of this was a reason to settle"
    monkeypatch.setattr(columns, "POOL_MESSAGES", 10)
    view.columns.clear()  # type: ignore[attr-defined]
    assert len(await store.column(view, Column.ENVELOPE, 0, 299)) == 299
    assert is_settled(store), "a thread reads over a connection of its own"


@pytest.mark.parametrize("step", ["settle", "seal"])
async def test_readers_wait_while_the_thread_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Before a job, or with a large group."""
    store = await bench.open(**NEVER, body_cache_octets=0, redo_rows=20)
    box = await inbox(store)
    [stored] = await store.append([letter(box)])
    go_on = threading.Event()
    act = getattr(Shard, step)

    def slowly(*arguments: object) -> None:
        go_on.wait(HANGS_S)
        act(*arguments)

    view = await store.view(ALICE, box)
    monkeypatch.setattr(Shard, step, slowly)
    work = store.append([letter(box)] * 9) if step == "seal" else store.shards[0].committer.job(lambda: None)
    committing: asyncio.Future[Any] = asyncio.ensure_future(work)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert store.shards[0].committer.busy
    waiting: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(store.read(ALICE, stored.id)),
        asyncio.ensure_future(store.record(ALICE, box, 1)),
        asyncio.ensure_future(store.records(ALICE, box, [1])),
        asyncio.ensure_future(store.column(view, Column.ENVELOPE, 0, 1)),
        asyncio.ensure_future(store.values(view, Column.ENVELOPE, [1])),
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(one.done() for one in waiting)
    assert (await store.mailbox(ALICE, "INBOX")).total == 1, "what is in memory is there at once"
    go_on.set()
    await committing
    octets, record, records, envelopes, again = await asyncio.gather(*waiting)
    assert octets.startswith(b"Subject") and records == [record] and list(envelopes) == again


@pytest.mark.parametrize("fails", ["write", "sync"])
async def test_a_log_that_cannot_be_written_stops_the_shard(bench: Bench, fails: str) -> None:
    files = CountingFiles()
    store = await bench.open(files, **NEVER)
    box = await inbox(store)
    for n in range(3):
        await store.append([letter(box, str(n))])
    files.fails = fails
    with pytest.raises(Unavailable):
        await store.append([letter(box, "not taken")])
    syncs, files.fails = files.syncs, ""
    with pytest.raises(Unavailable):
        await store.append([letter(box, "too late")])
    assert files.syncs == syncs, "a failed sync is never tried again"
    assert [event for event, _ in bench.said] == ["store.shard.stopped"]
    before = await picture(store, box)
    assert len(before) == 3, "reading goes on, of what is not settled too"
    await store.close()
    again = await bench.open()
    assert await picture(again, box) == before
    assert (await again.append([letter(box, "again")]))[0].uid == 4


async def test_accounts_read_anew_are_as_they_were_answered(bench: Bench) -> None:
    """Groups may have come between a repair and this."""
    store = await bench.open(**NEVER)
    box = await inbox(store)
    await store.append([letter(box)])
    await store.shards[0].committer.when_idle(store.shards[0].residents.start_anew)
    assert not is_settled(store)
    assert (await store.append([letter(box)]))[0].uid == 2


# --- when it is settled ----------------------------------------------------------------------------------------
async def test_it_is_settled_when_the_log_is_large(bench: Bench) -> None:
    store = await bench.open(**NEVER | {"settle_octets": 20_000})
    box = await inbox(store)
    log = bench.directory / "store" / "redo-0.log"
    settled = 0
    for n in range(40):
        await store.append([letter(box, str(n), size=3000)])
        settled += is_settled(store)
    assert 3 <= settled <= 8
    assert log.stat().st_size == GROWTH_OCTETS, "the space is used again"
    await store.close()
    assert log.stat().st_size == 0
    assert len(await picture(await bench.open(), box)) == 40


async def test_it_is_settled_in_time(bench: Bench) -> None:
    store = await bench.open(settle_ms=10)
    box = await inbox(store)
    await store.append([letter(box)])
    assert not is_settled(store)
    async with asyncio.timeout(10):
        while not is_settled(store):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("rows", "direct"), [(2_000, False), (5, True)])
async def test_a_large_group_is_committed_with_all_before_it(bench: Bench, rows: int, direct: bool) -> None:
    store = await bench.open(**NEVER, redo_rows=rows)
    box = await inbox(store)
    await store.append([letter(box, "a", size=9000)])
    await store.append([letter(box, "b"), letter(box, "c")])
    assert is_settled(store) is direct
    other = killed(bench, "after")
    assert await picture(await other.open(), box) == await picture(store, box)
    await other.close()


# --- the log and the tables ------------------------------------------------------------------------------------
async def test_a_log_that_does_not_follow_the_tables_is_damage(bench: Bench) -> None:
    store = await bench.open(**NEVER)
    box = await inbox(store)
    await store.append([letter(box)])
    other = killed(bench, "after")
    [record] = written([[("DELETE FROM member", [()])]], first=9)
    with (other.directory / "store" / "redo-0.log").open("r+b") as file:
        file.write(record + bytes(HEAD.size))
    with pytest.raises(Damaged, match="group 9"):
        await other.open()
    await store.close()


async def test_rights_outlive_a_kill_and_are_found(bench: Bench) -> None:
    store = await bench.open(**NEVER)
    box = await inbox(store)
    await store.change_rights(ALICE, box, "anyone", RightsChange(0, READ))
    await store.change_rights(ALICE, box, "fred@courriel.test", RightsChange(0, ALL))
    await store.change_rights(ALICE, box, "anyone", TAKE_ALL)
    other = killed(bench, "rights")
    again = await other.open()
    assert dict((await again.mailbox(ALICE, "INBOX")).acl) == {"fred@courriel.test": ALL}
    assert [mailbox.path for _, mailbox in await again.shared(["anyone", "fred@courriel.test"])] == ["INBOX"]
    await other.close()


async def test_a_rolled_back_database_does_not_get_the_log_of_the_other(bench: Bench) -> None:
    store = await bench.open(**NEVER)
    box = await inbox(store)
    await store.append([letter(box, "before")])
    await store.shards[0].committer.job(lambda: take_snapshot(store.shards[0], 1))
    await store.append([letter(box, "after")])
    other = killed(bench, "after")
    place = other.directory / "store"
    assert roll_back(SystemFiles(), str(place), 0) == 1
    assert len(await picture(await other.open(), box)) == 1
    assert (place / "redo-0.log.undone").stat().st_size > 0
    await other.close()


async def test_a_message_stored_as_it_is_told(bench: Bench) -> None:
    """Values go through the log unchanged: octets that are not text, times, missing values, large numbers."""
    store = await bench.open(**NEVER)
    box = await inbox(store)
    one = letter(box, "é" * 3)
    odd = NewMessage(
        ALICE, box, bytes(range(256)), one.summary, 1.79e9 + 0.25, b"\xff\0\r\n", flags=SEEN, keywords=("$Né",)
    )
    [stored] = await store.append([odd])
    before = await store.record(ALICE, box, 1)
    other = killed(bench, "after")
    again = await other.open()
    assert await again.record(ALICE, box, 1) == before
    assert await again.read(ALICE, stored.id) == b"\xff\0\r\n" + bytes(range(256))
    assert again.keyword_names(ALICE) == store.keyword_names(ALICE)
    await other.close()
