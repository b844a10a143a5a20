"""Cut the power after every event of a queue's life: what was put is there once, what was removed or delivered stays
away, and what was tried knows it."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Mark, Progress, Queued, State
from courriel.store.sqlite.queue import SqliteQueue
from tests.crash.disk import Recorder, RecordingFiles, RecordingVFS, Replay, Torn

pytestmark = [pytest.mark.crash, pytest.mark.slow]

MESSAGES = 16


@pytest.fixture
def room() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="courriel-queue-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def content_of(id: str) -> bytes:
    return random.Random(id).randbytes(50 + 3_000 * (int(id) % 4))


def queued(id: str) -> Queued:
    return Queued(
        id, "alice@courriel.test", (Recipient(Address("bob", "example.com")),), float(id), len(content_of(id))
    )


async def work(path: Path, recorder: Recorder, told: list[tuple[int, str, str]]) -> None:
    """Put, remove and mark, several at once; ``told`` says after how many events what had begun or was acknowledged."""
    queue = await SqliteQueue.open(path, files=RecordingFiles(recorder), vfs="queue")

    async def one(id: str) -> None:
        await queue.put(queued(id), content_of(id))
        told.append((len(recorder.events), "put", id))
        await queue.put(queued(id), b"another")  # handed over again: nothing happens
        if int(id) % 3 == 0:
            told.append((len(recorder.events), "removing", id))
            await queue.remove(id)
            told.append((len(recorder.events), "removed", id))
        elif int(id) % 3 == 1:  # the only recipient has it: the message goes with the mark
            told.append((len(recorder.events), "removing", id))
            await queue.mark([Mark(id, 0, Progress(State.DELIVERED, tries=1))])
            told.append((len(recorder.events), "removed", id))
        else:
            await queue.claim("example.com", 1e9, 2e9, 100)
            await queue.mark([Mark(id, 0, Progress(State.WAITING, 9.0, tries=1))])
            told.append((len(recorder.events), "tried", id))

    for first in range(0, MESSAGES, 4):
        await asyncio.gather(*(one(str(first + n)) for n in range(4)))
    await queue.close()


async def look(path: Path, told: list[tuple[int, str, str]], position: int) -> list[str]:
    so_far = [(what, id) for at, what, id in told if at <= position]
    queue = await SqliteQueue.open(path)
    try:
        entries = await queue.entries()
        ids = [entry.message.id for entry in entries]
        tries = {entry.message.id: entry.progress[0].tries for entry in entries}
        wrong = [f"{id} is there twice" for id in set(ids) if ids.count(id) > 1]
        for what, id in so_far:
            if what == "put" and ("removing", id) not in so_far and id not in ids:
                wrong.append(f"{id} was put and is not there")
            if what == "tried" and tries.get(id) != 1:
                wrong.append(f"{id} was tried and does not know it")
            if what == "removed" and id in ids:
                wrong.append(f"{id} was removed and came back")
        due = {"example.com"} if ids else set()
        if set(queue.destinations()) != due or any(entry.progress[0].state is not State.WAITING for entry in entries):
            wrong.append("what waits is not due, or what is not there is")
        wrong += [f"{id} has other octets" for id in ids if await queue.content(id) != content_of(id)]
        return wrong
    finally:
        await queue.close()


@pytest.mark.parametrize("torn", Torn, ids=lambda torn: torn.value)
def test_a_queue_keeps_what_it_was_given(room: Path, torn: Torn) -> None:
    root = room / "disk"
    root.mkdir()
    recorder = Recorder(root)
    kept = RecordingVFS("queue", recorder)
    told: list[tuple[int, str, str]] = []
    asyncio.run(work(root / "queue.db", recorder, told))
    kept.unregister()
    assert [what for _, what, _ in told].count("put") == MESSAGES
    replay, chance = Replay(recorder.events), random.Random(2)
    wrong: list[str] = []
    for position in range(len(recorder.events) + 1):
        replay.step_to(position)
        replay.lay_out(room / "after", torn, chance)
        faults = asyncio.run(look(room / "after" / "queue.db", told, position))
        wrong += [f"after event {position}: {fault}" for fault in faults]
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:20])
