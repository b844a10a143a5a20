"""What became of recipients, written down in groups.

A worker does not wait for the disk after each message: it hands its marks in and goes on.  Those of all workers are
gathered for a moment and go in one transaction, which costs what one mark costs.  After a crash, what was not
written yet is tried again: each recipient of the moment may get one message twice, and none gets none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from courriel.model.queued import Mark
from courriel.ports.queue import OutboundQueue

GATHER_S: Final = 0.010
"""``marks.gather``: from one group to the next; a message a connection's round trip, where there is a network."""


class Marks:
    """One relay's marks.  For the loop's thread."""

    def __init__(self, queue: OutboundQueue) -> None:
        self._queue = queue
        self._waiting: list[Mark] = []
        self._written: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def add(self, marks: Sequence[Mark]) -> asyncio.Future[None]:
        """Take marks; the future is done when they are on the disk, and fails as ``OutboundQueue.mark`` does."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._waiting += marks
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write())
        return self._written

    def flush(self) -> None:
        """Somebody waits: gather no longer."""
        self._hurry.set()

    async def _write(self) -> None:
        """Group after group, until nothing waits."""
        while self._written is not None:
            written, self._written = self._written, None
            marks, self._waiting = self._waiting, []
            self._hurry.clear()
            try:
                await self._queue.mark(marks)
            except Exception as error:
                written.set_exception(error)
                written.exception()  # seen by whoever waits, if anybody does
            else:
                written.set_result(None)
            await self._gather()
        self._task = None

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(GATHER_S):
                await self._hurry.wait()
        except TimeoutError:
            pass
