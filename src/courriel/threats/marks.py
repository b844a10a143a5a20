"""What one account has marked as junk and as good: counts of features, and what they say of a message.

Robinson's way (Gary Robinson, "A statistical approach to the spam problem", 2003): each feature has a share of junk,
drawn to one half where it was seen seldom; the most telling ones are combined by their log-odds.  An account learns
from its own reader only, never from a verdict of the server, and no account from another.

Values only: where the counts are kept, and what a mark is, is told by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log, log1p
from typing import Final, Protocol

import msgspec

from courriel.model.threat import Finding, Reason
from courriel.threats.signals.account import GOOD, JUNK, MOST

__all__ = ["FEATURES", "FEWEST", "Counts", "Marks", "Memory", "opinion"]

FEWEST: Final = 10
"""Marks from which an account's own counts are heard."""
FEATURES: Final = 200_000
"""Features that an account keeps; then all counts are halved, and those that come to nothing go."""
TELLING: Final = 15
"""Features of either side that are combined."""
_DOUBT: Final = 1.0
"""Marks' worth of doubt in a feature (Robinson's s)."""
_FULL: Final = 30
"""Marks from which an account's counts have nearly all their weight."""


class Counts(msgspec.Struct, frozen=True):
    """Messages with a feature, by what they were marked as."""

    junk: int = 0
    good: int = 0


class Marks(Protocol):
    """What an account remembers; ``junk`` and ``good`` are its marks in all."""

    @property
    def junk(self) -> int: ...

    @property
    def good(self) -> int: ...

    def counts(self, features: Iterable[int]) -> Mapping[int, Counts]:
        """Of those features that were ever seen."""
        ...


class Memory:
    """Marks in memory: for one run, for tests, and as the arithmetic that a store repeats."""

    def __init__(self) -> None:
        self.junk = 0
        self.good = 0
        self._counts: dict[int, Counts] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def counts(self, features: Iterable[int]) -> Mapping[int, Counts]:
        return {feature: self._counts[feature] for feature in features if feature in self._counts}

    def learn(self, features: Iterable[int], junk: bool) -> None:
        """One mark."""
        self._change(features, junk, 1)
        if len(self._counts) > FEATURES:
            self._age()

    def forget(self, features: Iterable[int], junk: bool) -> None:
        """Take back a mark that was made before, with the same features."""
        self._change(features, junk, -1)

    def _change(self, features: Iterable[int], junk: bool, by: int) -> None:
        if junk:
            self.junk = max(0, self.junk + by)
        else:
            self.good = max(0, self.good + by)
        for feature in features:
            old = self._counts.get(feature, Counts())
            new = Counts(max(0, old.junk + by), old.good) if junk else Counts(old.junk, max(0, old.good + by))
            if new.junk or new.good:
                self._counts[feature] = new
            else:
                self._counts.pop(feature, None)

    def _age(self) -> None:
        halves = {feature: Counts(one.junk // 2, one.good // 2) for feature, one in self._counts.items()}
        self._counts = {feature: one for feature, one in halves.items() if one.junk or one.good}
        self.junk, self.good = self.junk // 2, self.good // 2


def opinion(marks: Marks, features: Iterable[int]) -> Reason | None:
    """What the marks add to the score; None from fewer than FEWEST, or where they know nothing of the message."""
    total = marks.junk + marks.good
    if total < FEWEST or not marks.junk or not marks.good:
        return None
    shares = [_share(one, marks.junk, marks.good) for one in marks.counts(features).values()]
    if not shares:
        return None
    shares.sort()
    used = shares[:TELLING] + shares[TELLING:][-TELLING:]
    raw = sum([log(share) - log1p(-share) for share in used]) / len(used) * 4
    weight = max(-MOST, min(MOST, raw)) * min(1.0, (total / _FULL) ** 0.5)
    signal = JUNK if weight > 0 else GOOD
    facts = {"junk": str(marks.junk), "good": str(marks.good)}
    return Reason(Finding(signal.name, signal.group, round(abs(weight) / MOST, 6), (), facts), weight)


def _share(counts: Counts, junk: int, good: int) -> float:
    """How much a feature speaks of junk, 0 to 1 without the ends."""
    bad, fine = counts.junk / junk, counts.good / good
    seen = counts.junk + counts.good
    raw = bad / (bad + fine)
    return min(0.99, max(0.01, (_DOUBT * 0.5 + seen * raw) / (_DOUBT + seen)))
