"""Counts of a UTC day that gather in memory until they are written."""

from __future__ import annotations

from collections import Counter
from typing import Generic, TypeVar

from courriel.base.clock import Clock
from courriel.base.log import log
from courriel.base.utc import utc_day

T = TypeVar("T")


class DayCounts(Generic[T]):
    """Of things that are alike.  No more than ``limit`` different ones wait: new ones beyond are dropped and counted as
    ``{name}.dropped``.  For the loop's thread, but for ``is_new_day``, which is for the one that writes."""

    def __init__(self, clock: Clock, limit: int, name: str) -> None:
        self._clock = clock
        self._limit = limit
        self._dropped = f"{name}.dropped"
        self._waiting: Counter[tuple[str, T]] = Counter()
        self._today = ""

    def add(self, one: T) -> bool:
        """Whether there was room."""
        key = (utc_day(self._clock.now()), one)
        if len(self._waiting) >= self._limit and key not in self._waiting:
            log.count(self._dropped)
            return False
        self._waiting[key] += 1
        return True

    def take(self) -> Counter[tuple[str, T]]:
        """What has gathered; nothing is left."""
        counts, self._waiting = self._waiting, Counter()
        return counts

    def is_new_day(self) -> bool:
        """Whether this is the first question of its day: then what is too old goes."""
        before, self._today = self._today, utc_day(self._clock.now())
        return before != self._today

    def day_before(self, seconds: float) -> str:
        """The day that was so long ago."""
        return utc_day(max(0.0, self._clock.now() - seconds))
