"""How much of something happened lately, counted in slices of time.  Pure.

A window is the slice under way and the ``slices`` before it, so it is never shorter than it is called: within
``slices`` × ``slice_s`` seconds, wherever they begin, no more can happen than a limit on the window allows.
"""

from __future__ import annotations

import msgspec


class Tally(msgspec.Struct):
    """``counts``: number of the slice since 1970 → how often.  Times are POSIX seconds."""

    slice_s: int
    slices: int
    counts: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, now: float, count: int) -> None:
        """``count`` more; a negative one takes back what was added at that time."""
        number = int(now // self.slice_s)
        self.counts[number] = max(0, self.counts.get(number, 0) + count)
        self._forget(number)

    def total(self, now: float) -> int:
        """In the window that ends now."""
        self._forget(int(now // self.slice_s))
        return sum(self.counts.values())

    def room_at(self, wanted: int, limit: int, now: float) -> float:
        """The first time at which ``wanted`` more fit below ``limit``: ``now`` if they do already.

        When they never will (more than the limit at once) it is the time at which the window is empty.
        """
        left = self.total(now)
        at = now
        for number in sorted(self.counts):
            if left + wanted <= limit:
                break
            left -= self.counts[number]
            at = float((number + self.slices + 1) * self.slice_s)
        return at

    def _forget(self, current: int) -> None:
        oldest = current - self.slices
        for number in [number for number in self.counts if number < oldest]:
            del self.counts[number]
