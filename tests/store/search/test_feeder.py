"""The process that feeds the index: started when there is work, started again when it died, gone with the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from courriel.ports.index import Place
from courriel.store.search import feeder as module
from courriel.store.search.feeder import Feeder
from tests.store.search.library import Library
from tests.store.search.test_index import letter

PATIENCE_S = 60.0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.05)


def children() -> set[int]:
    """Processes of ours that feed."""
    task = Path("/proc/self/task")
    pids = {int(pid) for thread in task.iterdir() for pid in (thread / "children").read_text().split()}
    return {pid for pid in pids if b"courriel.store.search.feed" in Path(f"/proc/{pid}/cmdline").read_bytes()}


@pytest.mark.slow
async def test_a_life_of_the_feeder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.1)
    monkeypatch.setattr(module, "PATIENCE_S", (0.1,))
    library = await Library(tmp_path).open()
    index = library.index
    feeding = asyncio.create_task(Feeder(index.store_directory, index.is_behind).run())
    await asyncio.sleep(0.5)
    assert children() == set(), "nothing to do, nothing runs"
    await library.put(letter("one"))
    await until(lambda: not index.is_behind())
    [first] = children()
    await library.put(letter("two"))
    await until(lambda: not index.is_behind())
    assert children() == {first}, "it stays a while for what comes next"
    os.kill(first, signal.SIGKILL)
    await library.put(letter("three"))
    await until(lambda: not index.is_behind())
    assert children() - {first}
    found = await index.find(await library.view(), Place.BODY, "t")
    assert (found.hits, found.doubts) == ({2, 3}, set())
    feeding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await feeding
    assert children() == set()
    await library.close()
