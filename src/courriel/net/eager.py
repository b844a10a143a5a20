"""Run a coroutine now, and make it a task only if it really has to wait.

Most commands of a mail server find what they need in memory.  A task for each costs 7–11 times the command
itself (STYLE, Async); stepping the coroutine by hand costs a function call.  asyncio has eager tasks from 3.12;
this works on 3.11 and saves the task object too.

Before its first real wait a coroutine started here has no current task: it must not use ``asyncio.timeout`` or
``TaskGroup`` up to that point.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, None], waiting_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was stepped to its first wait.

    What has come true meanwhile is not waited for again: that saves a turn of the loop, in which others would be
    served first.
    """
    while True:
        failure: BaseException | None = None
        sent: Any = None
        if isinstance(waiting_for, asyncio.Future) and waiting_for.done():
            waiting_for._asyncio_future_blocking = False  # what a task does when it takes a future (PEP 3156)
        else:
            try:
                sent = yield waiting_for
            except BaseException as thrown:  # passed on, CancelledError included
                failure = thrown
        try:
            waiting_for = coroutine.send(sent) if failure is None else coroutine.throw(failure)
        except StopIteration:
            return


def start(coroutine: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run ``coroutine`` up to its first wait.

    Returns None when it is finished, else an awaitable that runs the rest.  Raises what the coroutine raises.
    """
    try:
        waiting_for = coroutine.send(None)
    except StopIteration:
        return None
    return _resume(coroutine, waiting_for)
