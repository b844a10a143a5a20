"""Kill a store that is hard at work, at random moments, again and again in one directory; nothing told is missing."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.store.sqlite.store import SqliteStore
from tests.crash.child import SETTINGS
from tests.crash.lanes import Line
from tests.crash.oracle import judge

pytestmark = [pytest.mark.crash, pytest.mark.slow]

KILLS = max(20, int(os.environ.get("CRASH_POINTS", "240")) // 12)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def directory() -> Iterator[Path]:
    """On the real disk: a killed process's writes are in the page cache, but let the kernel do its part too."""
    place = Path(tempfile.mkdtemp(prefix="courriel-kill-"))
    yield place
    shutil.rmtree(place, ignore_errors=True)


def run_and_kill(directory: Path, run: str, after_s: float) -> list[Line]:
    """Start a child, kill it ``after_s`` after it began to work, and return what it had told."""
    command = [sys.executable, "-m", "tests.crash.child", str(directory), run]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as child:
        assert child.stdout is not None and child.stderr is not None
        told = b""
        while b'"ready"' not in told:
            piece = os.read(child.stdout.fileno(), 65_536)
            assert piece, child.stderr.read().decode()
            told += piece
        killed_at = time.monotonic() + after_s
        os.set_blocking(child.stdout.fileno(), False)
        while time.monotonic() < killed_at:  # keep the pipe empty, or the child would wait for us
            told += child.stdout.read(1 << 20) or b""
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        os.set_blocking(child.stdout.fileno(), True)
        told += child.stdout.read()
        assert child.wait() == -signal.SIGKILL, child.stderr.read().decode()
    return [json.loads(line) for line in told.split(b"\n")[:-1]]


async def look(directory: Path, lines: list[Line], probe: str) -> list[str]:
    store = await SqliteStore.open(directory, SETTINGS)
    try:
        report = await store.check()
        wrong = [f"check: {finding.kind}: {finding.detail}" for finding in report.findings]
        return wrong + await judge(store, lines, probe=probe)
    finally:
        await store.close()


def test_nothing_told_is_missing_after_a_kill(directory: Path) -> None:
    chance = random.Random(1)
    lines: list[Line] = []
    for kill in range(KILLS):
        told = run_and_kill(directory, f"r{kill}", chance.uniform(0.0, 0.25))
        lines += [line for line in told if line["e"] != "ready"]
        # Every other time the next child finds the directory as the kill left it, without us in between.
        if kill % 2 or kill == KILLS - 1:
            wrong = asyncio.run(look(directory, lines, str(kill)))
            assert not wrong, f"after kill {kill}: {len(wrong)} faults\n" + "\n".join(wrong[:20])
    done = sum(line["e"] == "done" for line in lines)
    unfinished = sum(line["e"] == "begin" for line in lines) - done
    assert done > 20 * KILLS and unfinished > 0, (done, unfinished)


def test_the_oracle_catches_what_a_store_could_do_wrong(directory: Path) -> None:
    """Lines that claim more than happened must be found false."""
    lines = [line for line in run_and_kill(directory, "x", 0.3) if line["e"] != "ready"]
    assert not asyncio.run(look(directory, lines, "first"))
    begun = {line["n"]: line for line in lines if line["e"] == "begin"}
    done = {line["n"]: line for line in lines if line["e"] == "done"}
    append = next(line for n, line in begun.items() if line["op"] == "append" and n in done and len(line["a"]) == 1)
    displaced = {line["token"] for line in begun.values() if line["op"] in ("move", "expunge", "copy")}
    flag = next(
        line for n, line in begun.items() if line["op"] == "flag" and n in done and line["token"] not in displaced
    )
    lies: dict[str, list[Line]] = {
        "a message that was never stored": [
            {**append, "n": "lie", "token": "never"},
            {"n": "lie", "e": "done", "uids": [10**6]},
        ],
        "stored twice": [{**append, "n": "lie"}, {**done[append["n"]], "n": "lie"}],
        "a flag that was not set": [{**flag, "n": "lie", "flags": 1 << 40}, {"n": "lie", "e": "done"}],
        "expunged, but there": [{**flag, "n": "lie", "op": "expunge"}, {"n": "lie", "e": "done"}],
        "another UIDVALIDITY": [{"n": "lie", "e": "known", "a": 1, "path": "INBOX", "v": 1}],
        "a higher number": [{**flag, "n": "lie", "flags": 0}, {"n": "lie", "e": "done", "modseqs": [10**12]}],
        "a higher UID": [
            {**append, "n": "lie", "op": "flag", "flags": 0},
            {"n": "lie", "e": "done", "uids": [10**6]},
        ],
        "a mailbox that is not there": [
            {"n": "lie", "e": "begin", "op": "create", "a": [1], "name": "no", "path": "made/no"},
            {"n": "lie", "e": "done", "v": 7, "ids": [0]},
        ],
    }
    for number, (lie, more) in enumerate(lies.items()):
        assert asyncio.run(look(directory, [*lines, *more], f"lie{number}")), f"not caught: {lie}"
    forgotten = [line for line in lines if line.get("token") != append["token"]]
    known = {line["n"] for line in forgotten if line["e"] == "begin"}
    forgotten = [line for line in forgotten if line["e"] in ("begin", "known") or line["n"] in known]
    assert asyncio.run(look(directory, forgotten, "more")), "a message nobody sent must be noticed"
