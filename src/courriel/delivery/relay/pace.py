"""So many messages in a time, no more: for destinations that ask for it.  Pure."""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from courriel.base.errors import FormatError

_RATE: Final = re.compile(r"([1-9][0-9]{0,8}) ?/ ?(s|min|h|day)")
_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3_600.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` messages within any ``seconds``."""

    count: int
    seconds: float


def parse_rate(text: str) -> Rate:
    """``20/min``, ``1/s``, ``500/h``, ``2000/day``.  Raises FormatError."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise FormatError("rate", 0, f"{text}: a number, a slash, and s, min, h or day, as in 20/min")
    return Rate(int(match[1]), _SECONDS[match[2]])


class Pace:
    """What was sent within the time of a rate; times are monotonic seconds."""

    __slots__ = ("_rate", "_sent")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._sent: deque[float] = deque(maxlen=rate.count)

    def free_at(self, now: float, more: int = 1) -> float:
        """When ``more`` messages may be sent: ``now``, later, or never (infinity)."""
        rate, sent = self._rate, self._sent
        if more > rate.count:
            return math.inf
        while sent and sent[0] + rate.seconds <= now:
            sent.popleft()
        over = len(sent) + more - rate.count
        return now if over <= 0 else sent[over - 1] + rate.seconds

    def count(self, now: float) -> None:
        """One is sent."""
        self._sent.append(now)
