"""One next hop: what waits for it, how many work on it, and whether it is worth asking just now.  Pure.

The breaker: when no server of a next hop could be reached, nobody is sent there for a while, however much waits for
it.  Then one message is tried; the wait grows with each failure and ends with the first success.  So a dead
destination costs one connection an interval, whether one message waits for it or a hundred thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from courriel.delivery.relay.pace import Pace, Rate
from courriel.model.attempt import Attempt

LONGEST_PAUSE_S: Final = 1_800.0
"""``lane.longest_pause``: RFC 5321 §4.5.4.1 asks for 30 minutes between attempts at one destination."""


class Lane:
    """State of one next hop; times are monotonic seconds.  The first pause is as long as a message's first wait."""

    __slots__ = (
        "_connections",
        "_first_pause_s",
        "_full_until",
        "_pace",
        "_waiting",
        "domains",
        "failure",
        "failures",
        "key",
        "paused_until",
        "workers",
    )

    def __init__(self, key: str, connections: int, first_pause_s: float, rate: Rate | None = None) -> None:
        self.key = key
        self._pace = None if rate is None else Pace(rate)
        self._full_until = 0.0
        self._connections = connections
        self._first_pause_s = first_pause_s
        self.domains: dict[str, None] = {}
        """Domains that may have something due, in the order in which they came."""
        self.workers = 0
        self._waiting: deque[Callable[[], None]] = deque()
        self.failures = 0
        self.paused_until = 0.0
        self.failure: Attempt | None = None
        """Why nobody could be reached, while that is so."""

    def add(self, domain: str) -> bool:
        """Something is due for ``domain``; whether a worker that lingered takes it."""
        self.domains[domain] = None
        if self._waiting:
            self._waiting.popleft()()
            return True
        return False

    def linger(self, wake: Callable[[], None]) -> None:
        """A worker with an open connection waits for more."""
        self._waiting.append(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        """It waits no longer."""
        if wake in self._waiting:
            self._waiting.remove(wake)

    def is_paused(self, now: float) -> bool:
        return now < self.free_at

    @property
    def free_at(self) -> float:
        """When it may be worked on again: nobody answers, or enough was sent for now."""
        return max(self.paused_until, self._full_until)

    def may_send(self, now: float, more: int = 1) -> bool:
        """Whether ``more`` messages may be sent by the destination's rate; if one may not, the lane waits."""
        if self._pace is None:
            return True
        free_at = self._pace.free_at(now, more)
        if free_at > now and more == 1:
            self._full_until = free_at
        return free_at <= now

    def sent(self, now: float) -> None:
        """One message was sent, whatever became of it."""
        if self._pace is not None:
            self._pace.count(now)

    def has_room(self, now: float) -> bool:
        """Whether one more worker may start: only one where the last attempt failed."""
        if self.is_paused(now):
            return False
        return self.workers < (1 if self.failures else self._connections)

    @property
    def is_probing(self) -> bool:
        """Whether one message at a time is tried, to see if somebody answers again."""
        return self.failures > 0

    def reached(self) -> None:
        """A server took our call."""
        self.failures = 0
        self.paused_until = 0.0
        self.failure = None

    def unreached(self, attempt: Attempt, now: float, chance: float) -> None:
        """No server took our call; ``chance`` is random in [0, 1).  What several workers find at once counts once."""
        if self.is_paused(now):
            return
        pause = min(self._first_pause_s * 2.0**self.failures, LONGEST_PAUSE_S)
        self.failures += 1
        self.failure = attempt
        self.paused_until = now + pause * (0.9 + 0.2 * chance)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is worth remembering."""
        return not self.workers and not self.domains and not self.failures and self._pace is None
