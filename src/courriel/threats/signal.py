"""What a signal is: a name, where it belongs, what it weighs, and the function that looks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from courriel.model.threat import Finding, Group, Kind
from courriel.threats.view import View


class Look(Protocol):
    """Looks for one thing or a few related ones.  Pure; raises nothing; reads no other signal's finding."""

    def __call__(self, view: View) -> Iterable[Finding]: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """``weights`` are the hand-set prior log-odds at full strength, for each kind it speaks for; all are ≥ 0, and a
    signal that speaks for the message has ``good`` ≤ 0 and no weights: learning may change a weight, never its sign.
    ``fact`` is False for what only words say: without at least one fact nothing is called malicious.

    ``seen``, ``why`` and ``then`` are the English sentences (keys of the catalogue), with {places} for the finding's
    facts: what was seen, why it matters, what to do.
    """

    name: str
    group: Group
    seen: str
    why: str
    then: str
    weights: Mapping[Kind, float]
    good: float = 0.0
    fact: bool = True
