"""Cut the power after each of many events of a run, in three ways, and look with the oracle at what is left.

``CRASH_POINTS=n`` in the environment raises the number of points.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.crash.disk import Event, Op, Recorder, RecordingFiles, RecordingVFS, Replay, Torn
from tests.crash.lanes import Line, live, set_up
from tests.crash.oracle import judge

pytestmark = pytest.mark.crash

CRASH_POINTS = int(os.environ.get("CRASH_POINTS", "240"))

SETTINGS = StoreSettings(
    shards=1,
    flag_sync_ms=20,
    checkpoint_octets=200_000,
    pack_octets=100_000,
    redo_rows=12,
    settle_octets=10_000,
)
"""Small, so that a short run also fills packs, settles in all ways, and copies the write-ahead log."""


@pytest.fixture
def room() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="courriel-power-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def record(root: Path, recorder: Recorder, *, lanes: int, rounds: int, vfs: str) -> list[Line]:
    """Run the lanes over the recorder; each line says after how many events it was told."""
    lines: list[Line] = []
    kept = RecordingVFS(vfs, recorder)

    def tell(line: Line) -> None:
        lines.append({**line, "at": len(recorder.events)})

    root.mkdir()

    async def run() -> None:
        store = await SqliteStore.open(root, SETTINGS, files=RecordingFiles(recorder), vfs=vfs)
        await set_up(store, tell)
        await live(store, tell, "a", lanes=lanes, rounds=rounds // 2)
        await store.maintain(0.0)
        await live(store, tell, "b", lanes=1, rounds=rounds // 2)  # alone: the other way through the committer
        await store.close()

    asyncio.run(run())
    kept.unregister()
    return lines


def points(events: list[Event], count: int, chance: random.Random) -> list[int]:
    """Places to cut: around every sync and name change first (that is where deliveries have their borders), then
    anywhere; ``count`` of them spread evenly."""
    borders = {
        at + near for at, event in enumerate(events) if event.op not in (Op.WRITE, Op.TRUNCATE) for near in (0, 1)
    }
    chosen = sorted(borders)
    if len(chosen) > count * 2 // 3:
        chosen = sorted(chance.sample(chosen, count * 2 // 3))
    rest = [at for at in range(len(events) + 1) if at not in set(chosen)]
    return sorted({*chosen, *chance.sample(rest, min(len(rest), count - len(chosen)))})


async def look(place: Path, lines: list[Line], probe: str, *, lossy: bool) -> list[str]:
    """Open what is left: our oracle first, then the store's own check, which knows of more and must agree."""
    store = await SqliteStore.open(place, SETTINGS)
    try:
        report = await store.check()
        wrong = [f"check: {finding.kind}: {finding.detail}" for finding in report.findings]
        return wrong + await judge(store, lines, lossy=lossy, probe=probe)
    finally:
        await store.close()


def cut(
    room: Path,
    events: list[Event],
    lines: list[Line],
    at: list[int],
    torn: Torn,
    chance: random.Random,
    base: Path | None = None,
) -> list[str]:
    """Lay out the disk after each of ``at`` and judge it."""
    replay, wrong = Replay(events, base), []

    for position in at:
        replay.step_to(position)
        place = room / "after"
        replay.lay_out(place, torn, chance)
        upto = [line for line in lines if line["at"] <= position]
        event = f"{events[position - 1].op.value} {events[position - 1].path}" if position else "the beginning"
        try:
            faults = asyncio.run(look(place, upto, str(position), lossy=torn is not Torn.ALL))
        except Exception as error:
            faults = [f"does not open: {type(error).__name__}: {error}"]
        wrong += [f"after event {position} ({event}), {torn.value}: {fault}" for fault in faults]
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("torn", Torn, ids=lambda torn: torn.value)
def test_nothing_acknowledged_is_lost_by_a_power_cut(room: Path, torn: Torn) -> None:
    root = room / "disk"
    recorder = Recorder(root)
    lines = record(root, recorder, lanes=4, rounds=16, vfs=f"power-{torn.name}")
    chance = random.Random(torn.name)
    at = points(recorder.events, CRASH_POINTS // len(Torn) + 1, chance)
    assert len(at) * len(Torn) >= min(CRASH_POINTS, len(recorder.events))
    done = [line for line in lines if line["e"] == "done"]
    assert len(done) > 80
    wrong = cut(room, recorder.events, lines, at, torn, chance)
    assert not wrong, f"{len(wrong)} faults at {len(at)} points\n" + "\n".join(wrong[:20])


@pytest.mark.slow
@pytest.mark.parametrize("torn", Torn, ids=lambda torn: torn.value)
def test_every_event_between_two_settlings_may_be_the_last(room: Path, torn: Torn) -> None:
    """One lane, so that each group is small and goes to the redo log; no event is left out from the first group that
    is only there, over commits and new beginnings of the log, to the end of a checkpoint."""
    root = room / "disk"
    recorder = Recorder(root)
    lines = record(root, recorder, lanes=1, rounds=8, vfs=f"every-{torn.name}")
    events = recorder.events
    first = next(n for n, event in enumerate(events) if "redo" in event.path and event.op is Op.WRITE)
    last = max(n for n, event in enumerate(events) if event.path.endswith("0.db") and event.op is Op.SYNC)
    starts = [n for n, event in enumerate(events) if "redo" in event.path and event.op is Op.WRITE and not event.offset]
    assert len(starts) > 3, "the log began anew"
    wrong = cut(room, events, lines, list(range(first, last + 2)), torn, random.Random(torn.name))
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:20])


@pytest.mark.slow
def test_the_power_may_fail_again_while_a_store_recovers(room: Path) -> None:
    """A disk after one cut is opened over the recorder, worked on, and cut again at every event of the recovery."""
    root = room / "disk"
    recorder = Recorder(root)
    lines = record(root, recorder, lanes=3, rounds=8, vfs="first")
    chance, wrong = random.Random(5), list[str]()
    for n, position in enumerate(sorted(chance.sample(range(100, len(recorder.events)), 4))):
        base, second = room / "base", room / "second"
        replay = Replay(recorder.events)
        replay.step_to(position)
        replay.lay_out(base, Torn.RANDOM, chance)
        shutil.rmtree(second, ignore_errors=True)
        shutil.copytree(base, second)
        again = Recorder(second)
        kept = RecordingVFS(f"again{n}", again)
        before = [{**line, "at": 0} for line in lines if line["at"] <= position]
        asyncio.run(open_and_close(second, again, f"again{n}"))
        kept.unregister()
        at = list(range(len(again.events) + 1))
        wrong += cut(room, again.events, before, at, Torn.RANDOM, chance, base)
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:20])


async def open_and_close(root: Path, recorder: Recorder, vfs: str) -> None:
    store = await SqliteStore.open(root, SETTINGS, files=RecordingFiles(recorder), vfs=vfs)
    await store.close()


BROKEN: list[tuple[str, Callable[[Event], bool]]] = [
    ("all", lambda event: True),
    ("packs", lambda event: "packs" in event.path and event.op is Op.SYNC),
    ("write-ahead log", lambda event: event.path.endswith("-wal") and event.op is Op.SYNC),
    ("redo log", lambda event: "redo" in event.path and event.op is Op.SYNC),
    ("names", lambda event: event.op is Op.SYNC_DIRECTORY),
]


@pytest.mark.slow
@pytest.mark.parametrize("broken", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_the_oracle_catches_a_disk_that_ignores_syncs(room: Path, broken: Callable[[Event], bool]) -> None:
    """The proof is worth something only if a broken store fails it."""
    root = room / "disk"
    recorder = Recorder(root, ignored=broken)
    lines = record(root, recorder, lanes=2, rounds=8, vfs="broken")
    end = len(recorder.events)
    at = sorted({end * 3 // 4, end * 9 // 10, *(line["at"] for line in lines[-8:])})
    assert cut(room, recorder.events, lines, at, Torn.NOTHING, random.Random(0))
