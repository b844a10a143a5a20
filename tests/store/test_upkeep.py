"""Upkeep by the minute: forgetting, trimming, collecting bodies, rewriting packs; nothing in use is ever lost."""

from __future__ import annotations

from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import ModSeq
from courriel.store.sqlite.store import SqliteStore
from tests.store.conftest import ALICE, Bench, inbox, letter

DAY_S = 86_400.0


def count(store: SqliteStore, table: str) -> int:
    return store.shards[0].source().execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # type: ignore[no-any-return]


async def test_bodies_go_after_retention_and_grace(bench: Bench) -> None:
    store = await bench.open()
    box = await inbox(store)
    await store.append([letter(box, "goes"), letter(box, "stays")])
    await store.expunge(ALICE, box, [1])
    for days, blobs in ((29, 2), (1.01, 1)):
        bench.clock.advance(days * DAY_S)
        await store.maintain(bench.clock.now())
        assert count(store, "blob") == blobs
    assert count(store, "expunged") == 0
    assert (await store.check()).is_clean


async def test_a_body_used_again_in_time_stays(bench: Bench) -> None:
    store = await bench.open(retention_days=1, blob_grace_s=5 * 86_400)
    box = await inbox(store)
    await store.append([letter(box, "again")])
    await store.expunge(ALICE, box, [1])
    bench.clock.advance(4 * DAY_S)
    await store.maintain(bench.clock.now())
    [stored] = await store.append([letter(box, "again")])  # the same blob: touched
    bench.clock.advance(4 * DAY_S)
    await store.maintain(bench.clock.now())
    assert b"again" in await store.read(ALICE, stored.id)
    assert count(store, "blob") == 1


async def test_a_pack_mostly_unused_is_rewritten_then_unlinked(bench: Bench) -> None:
    store = await bench.open(pack_octets=40_000, body_cache_octets=0, retention_days=1)
    box = await inbox(store)
    stored = [(await store.append([letter(box, str(n), size=9000)]))[0] for n in range(20)]
    packs = bench.directory / "store" / "packs" / "0"
    before = sorted(path.name for path in packs.iterdir())
    assert len(before) > 2
    await store.expunge(ALICE, box, [one.uid for n, one in enumerate(stored) if n % 4])
    bench.clock.advance(3 * DAY_S)
    await store.maintain(bench.clock.now())
    assert before[0] in {path.name for path in packs.iterdir()}, "readers have time to notice"
    bench.clock.advance(301)
    await store.maintain(bench.clock.now())
    assert before[0] not in {path.name for path in packs.iterdir()}
    for n, one in enumerate(stored):
        if n % 4 == 0:
            assert f"Subject: {n}\r\n".encode() in await store.read(ALICE, one.id)
    assert (await store.check()).is_clean


async def test_journals_and_expunge_records_are_trimmed_with_a_floor(bench: Bench) -> None:
    store = await bench.open(journal_rows=5, vanished_rows=2)
    box = await inbox(store)
    start = await store.modseq(ALICE)
    await store.append([letter(box, str(n)) for n in range(6)])
    marks = []
    for uid in range(1, 7):
        marks.append(await store.modseq(ALICE))
        await store.expunge(ALICE, box, [uid])
    await store.maintain(bench.clock.now())
    assert await store.journal(ALICE, start) is None
    assert await store.vanished(ALICE, box, start) is None
    assert list(await store.vanished(ALICE, box, marks[-1]) or []) == [6]
    entries = await store.journal(ALICE, marks[-1])
    assert entries is not None and len(entries) == 1
    await store.close()
    again = await bench.open(journal_rows=5, vanished_rows=2)
    assert await again.journal(ALICE, start) is None
    assert await again.journal(ALICE, marks[-1]) == entries


async def test_old_journal_entries_come_from_the_table(bench: Bench) -> None:
    store = await bench.open(flag_sync_ms=0)
    box = await inbox(store)
    await store.append([letter(box, str(n)) for n in range(10)])
    start = await store.modseq(ALICE)
    for n in range(400):
        action = FlagAction.REMOVE if n % 2 else FlagAction.ADD
        await store.change_flags(ALICE, box, [1], FlagChange(action, SEEN))
    entries = await store.journal(ALICE, start)
    assert entries is not None
    assert [entry.modseq for entry in entries] == list(range(start + 1, start + 401))
    assert await store.journal(ALICE, ModSeq(start + 399)) == entries[-1:]


async def test_the_log_is_copied_when_it_has_grown(bench: Bench) -> None:
    store = await bench.open(checkpoint_octets=200_000)
    box = await inbox(store)
    for n in range(60):
        await store.append([letter(box, str(n), size=3000)])
    await store.shards[0].committer.drain()
    wal = bench.directory / "store" / "shard-0.db-wal"
    assert wal.stat().st_size < 600_000
    await store.maintain(bench.clock.now())
    await store.maintain(bench.clock.now())
    assert wal.stat().st_size == 0, "emptied when nothing happens"
