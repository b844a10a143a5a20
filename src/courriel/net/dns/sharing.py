"""One piece of work for all who want the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from courriel.ports.resolver import DnsFailure

T = TypeVar("T")


class Sharing:
    """Owner of the work under way: it ends when done or when this is closed, not when one who waits leaves."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self._closed = False

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of ``work``, which is begun unless the same ``key`` is under way already."""
        if self._closed:
            raise DnsFailure("the resolver is closed")
        task: asyncio.Task[T] | None = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(work())
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._closed and task.cancelled():
                raise DnsFailure("the resolver is closed") from None
            raise

    def _end(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, even where everybody who waited has left

    async def close(self) -> None:
        """Stop what is under way; who waits for it gets DnsFailure."""
        self._closed = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
