"""Bounds of the feeding process: memory for all it does, processor time for one message's attachments."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

MEMORY_OCTETS: Final = 1 << 30
AGAIN_S: Final = 0.5
"""The alarm rings on: what reads the file may have taken the first one for an error of the file."""


class TooLong(BaseException):
    """The time is over.  Not an Exception: libraries catch those."""


def bound_memory() -> None:
    """An allocation beyond raises MemoryError; a crash leaves no core file.  Mapped segments do not count."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raises TooLong inside when this process has used so many seconds.  In the main thread."""
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
