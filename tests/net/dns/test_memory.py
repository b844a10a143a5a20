"""The bounded cache, and work that several wait for."""

from __future__ import annotations

import asyncio

import pytest

from courriel.net.dns.cache import Cache
from courriel.net.dns.sharing import Sharing
from courriel.ports.resolver import DnsFailure


def test_an_entry_lives_until_its_date() -> None:
    cache: Cache[str, int] = Cache(10)
    cache.put("a", 1, until=5.0)
    assert cache.get("a", 4.9) == 1
    assert cache.get("a", 5.0) is None
    assert len(cache) == 0


def test_the_entry_unused_longest_makes_room() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1, until=9.0)
    cache.put("b", 2, until=9.0)
    assert cache.get("a", 0.0) == 1
    cache.put("c", 3, until=9.0)
    assert [cache.get(key, 0.0) for key in "abc"] == [1, None, 3]


def test_the_same_work_is_done_once_and_outlives_who_began_it() -> None:
    async def run() -> tuple[int, str]:
        sharing, gate, begun = Sharing(), asyncio.Event(), 0

        async def work() -> str:
            nonlocal begun
            begun += 1
            await gate.wait()
            return "done"

        first = asyncio.ensure_future(sharing.run("key", work))
        second = asyncio.ensure_future(sharing.run("key", work))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        gate.set()
        return begun, await second

    assert asyncio.run(run()) == (1, "done")


def test_closing_tells_those_who_wait() -> None:
    async def run() -> None:
        sharing = Sharing()
        waiting = asyncio.ensure_future(sharing.run("key", asyncio.Event().wait))
        await asyncio.sleep(0)
        await sharing.close()
        with pytest.raises(DnsFailure):
            await waiting
        with pytest.raises(DnsFailure):
            await sharing.run("key", asyncio.Event().wait)

    asyncio.run(run())
