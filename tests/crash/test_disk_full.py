"""A full disk, and a sync that fails, at many points of a run.

Nothing is acknowledged after the failure, errors are ``Unavailable``, what was there stays readable, and after
opening again (also when the power fails on top) nothing acknowledged is missing.  After a failed sync the kernel may
say yes to the next one although the data is lost ("fsync-gate"), so here all later syncs succeed: a store that tries
again is caught.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.base.errors import Unavailable
from courriel.store.sqlite.store import SqliteStore
from tests.crash.disk import SYNCS, WRITES, Event, Op, Recorder, RecordingFiles, RecordingVFS, Replay, Torn
from tests.crash.lanes import ACCOUNTS, Line, live, message, set_up
from tests.crash.oracle import Step, expect, judge, steps_of
from tests.crash.test_power_loss import SETTINGS

pytestmark = [pytest.mark.crash, pytest.mark.slow]

FAULT_POINTS = max(50, int(os.environ.get("CRASH_POINTS", "240")) // 5)

HANGS_S = 30.0
"""A run takes some 50 ms."""


@pytest.fixture
def room() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="courriel-full-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


class Fault:
    """Fails the ``at``-th operation of a kind after it was armed: writes for ever after, a sync just once."""

    def __init__(self, kinds: frozenset[object], error: int, *, once: bool) -> None:
        self._kinds, self._error, self._once = kinds, error, once
        self._left = -1
        self.fired = False
        self.seen = 0

    def arm(self, at: int) -> None:
        self._left = at

    def __call__(self, event: Event) -> OSError | None:
        if event.op not in self._kinds:
            return None
        self.seen += 1
        if self._left < 0:
            return None
        if self._left > 0:
            self._left -= 1
            return None
        if self.fired and self._once:
            return None
        self.fired = True
        return OSError(self._error, os.strerror(self._error))


def disk_full() -> Fault:
    return Fault(frozenset(WRITES), errno.ENOSPC, once=False)


def failed_sync() -> Fault:
    return Fault(frozenset(SYNCS), errno.EIO, once=True)


def failed_truncate() -> Fault:
    """The flag log cannot be emptied after its changes were committed: this once left every session waiting."""
    return Fault(frozenset({Op.TRUNCATE}), errno.EIO, once=False)


async def run_into(root: Path, recorder: Recorder, fault: Fault, at: int, vfs: str) -> list[str]:
    """Run the lanes into the fault; say what the store did wrong before and after it."""
    lines: list[Line] = []
    begun_after: list[str] = []

    def tell(line: Line) -> None:
        if fault.fired and line["e"] == "begin":
            begun_after.append(line["n"])
        lines.append({**line, "at": len(recorder.events)})

    store = await SqliteStore.open(root, SETTINGS, files=RecordingFiles(recorder), vfs=vfs)
    await set_up(store, tell)
    fault.arm(at)
    wrong = []
    await live(store, tell, "a", lanes=3, rounds=12)
    if fault.fired:
        late = [step for step in steps_of(lines) if step.asked["n"] in begun_after and step.done_at is not None]
        wrong += [f"acknowledged after the failure: {step.asked}" for step in late if changes_anything(lines, step)]
        box = await store.mailbox(ACCOUNTS[0], "INBOX")
        for call in (
            store.append([message(ACCOUNTS[0], box.id, "too late")]),
            store.create_mailbox(ACCOUNTS[0], "too late"),
        ):
            try:
                await call
                wrong.append("a change was taken after the failure")
            except Unavailable:
                pass
        wrong += [
            f"failed with {line['error']}"
            for line in lines
            if line["e"] == "failed" and not line["error"].startswith("Unavailable")
        ]
    wrong += [f"while running: {fault}" for fault in await judge(store, lines)]
    await store.close()
    wrong += [f"after reopening: {fault}" for fault in await reopened(root, lines, lossy=False)]
    replay = Replay(recorder.events)
    replay.step_to(len(recorder.events))
    for torn in (Torn.NOTHING, Torn.RANDOM):
        place = root.parent / "power"
        replay.lay_out(place, torn, random.Random(at))
        wrong += [f"after a power cut too ({torn.value}): {f}" for f in await reopened(place, lines, lossy=True)]
    return wrong


def changes_anything(lines: list[Line], step: Step) -> bool:
    """False for a flag that was set already: there was nothing to write."""
    without = [line for line in lines if line["n"] != step.asked["n"]]
    return expect(without, lossy=False).messages != expect(lines, lossy=False).messages


async def reopened(place: Path, lines: list[Line], *, lossy: bool) -> list[str]:
    store = await SqliteStore.open(place, SETTINGS)
    try:
        return await judge(store, lines, lossy=lossy, probe="after")
    finally:
        await store.close()


@pytest.mark.parametrize("make", [disk_full, failed_sync, failed_truncate])
def test_a_failing_disk_stops_the_shard_and_loses_nothing(room: Path, make: type[Fault]) -> None:
    counting = make()  # type: ignore[call-arg]
    total = go(room, counting, -1)[1]
    chance = random.Random(3)
    wrong: list[str] = []
    fired = 0
    for at in sorted(chance.sample(range(total), min(total, FAULT_POINTS))):
        fault = make()  # type: ignore[call-arg]
        faults, _ = go(room, fault, at)
        fired += fault.fired
        wrong += [f"fault at operation {at}: {text}" for text in faults]
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:20])
    # How many groups a run makes is a matter of timing: some end before the operation that was to fail.
    assert fired >= min(total, FAULT_POINTS) // 2


def go(room: Path, fault: Fault, at: int) -> tuple[list[str], int]:
    """One run in a fresh directory; also how many operations of the fault's kind there were."""
    root = room / "disk"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    recorder = Recorder(root, fault)
    kept = RecordingVFS("failing", recorder)
    try:
        faults = asyncio.run(asyncio.wait_for(run_into(root, recorder, fault, at, "failing"), HANGS_S))
        return faults, fault.seen
    except TimeoutError:
        return ["somebody waits for ever"], fault.seen
    finally:
        kept.unregister()
