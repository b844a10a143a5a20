"""What is new since the last examination of a domain.  Pure.

What could not be found out changes nothing: a name server that sleeps for a night is no news in the morning.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.model.finding import Finding, Health


class Change(msgspec.Struct, frozen=True):
    """``worse``: findings that were not there; ``better``: marks of those that are gone."""

    worse: tuple[Finding, ...]
    better: tuple[str, ...]
    marks: tuple[str, ...]
    """What is to be remembered for the next time."""

    def __bool__(self) -> bool:
        return bool(self.worse or self.better)


def mark(finding: Finding) -> str:
    """A finding as it is remembered: ``group symptom subject``."""
    return f"{finding.group.value} {finding.symptom.value} {finding.subject}"


def compare(before: Sequence[str], found: Sequence[Finding]) -> Change:
    """``before`` are the marks of the last time."""
    ill = {mark(one): one for one in found if one.health in (Health.WARNING, Health.BAD)}
    unsure = {one.group.value for one in found if one.health is Health.UNKNOWN}
    left = [old for old in before if old in ill or old.partition(" ")[0] in unsure]
    worse = tuple([one for name, one in ill.items() if name not in before])
    better = tuple([old for old in before if old not in left])
    return Change(worse, better, tuple(dict.fromkeys([*left, *ill])))
