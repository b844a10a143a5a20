"""The outbound queue's contract, over each queue there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from courriel.base.errors import CourrielError
from courriel.model.envelope import Address, Recipient
from courriel.ports.queue import OutboundQueue, Queued
from tests.contracts.sqlite_place import open_sqlite_queue

Open = Callable[[], Awaitable[OutboundQueue]]


def queued(id: str, **changes: object) -> Queued:
    fields: dict[str, object] = {
        "id": id,
        "reverse_path": "alice@courriel.test",
        "recipients": (Recipient(Address("bob", "example.com")),),
        "queued_at": 1_800_000_000.25,
        "size_octets": 5,
    }
    return Queued(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "sqlite"])
def open_queue(request: pytest.FixtureRequest, ram_path: Path) -> Open:
    if request.param == "memory":
        from courriel.store.memory.queue import MemoryQueue

        async def open_memory() -> OutboundQueue:
            return MemoryQueue()

        return open_memory
    return lambda: open_sqlite_queue(ram_path)


@asynccontextmanager
async def opened(open_queue: Open) -> AsyncIterator[OutboundQueue]:
    queue = await open_queue()
    try:
        yield queue
    finally:
        await queue.close()


async def test_what_is_put_can_be_listed_and_read(runner: asyncio.Runner, open_queue: Open) -> None:
    full = queued(
        "b",
        reverse_path="",
        recipients=(
            Recipient(Address("böb", "exämple.com"), frozenset({"SUCCESS", "FAILURE"}), "utf-8;b\\x{F6}b"),
            Recipient(Address("carol", "example.net"), frozenset({"NEVER"})),
        ),
        queued_at=1_800_000_001.5,
        envid="QQ314159",
        ret="HDRS",
        smtputf8=True,
        body="8BITMIME",
        held=True,
        reason="nothing leaves this machine",
    )
    async with opened(open_queue) as queue:
        assert list(await queue.list()) == []
        await queue.put(queued("a"), b"hello")
        await queue.put(full, bytes(range(256)) * 1000)
        assert list(await queue.list()) == [queued("a"), full]
        assert await queue.content("a") == b"hello"
        assert await queue.content("b") == bytes(range(256)) * 1000


async def test_put_twice_is_put_once(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("a", reason="another"), b"other")
        assert list(await queue.list()) == [queued("a")] and await queue.content("a") == b"hello"
        assert await asyncio.gather(*(queue.put(queued(f"m{n % 5}"), b"%d" % (n % 5)) for n in range(40)))
        assert sorted(message.id for message in await queue.list()) == ["a", "m0", "m1", "m2", "m3", "m4"]
        assert await queue.content("m3") == b"3"


async def test_remove(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("b"), b"hello")
        assert await queue.remove("a") is True
        assert await queue.remove("a") is False and await queue.remove("never") is False
        assert [message.id for message in await queue.list()] == ["b"]
        with pytest.raises(CourrielError):
            await queue.content("a")
        await queue.put(queued("a"), b"again")
        assert await queue.content("a") == b"again"


async def test_it_outlives_closing(runner: asyncio.Runner, open_queue: Open, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.name:
        pytest.skip("this queue is not meant to survive")
    async with opened(open_queue) as queue:
        for n in range(5):
            await queue.put(queued(str(n), queued_at=float(n)), b"x" * n * 5000)
        await queue.remove("2")
        before = list(await queue.list())
    async with opened(open_queue) as queue:
        assert list(await queue.list()) == before
        assert [len(await queue.content(id)) for id in "0134"] == [0, 5000, 15000, 20000]
