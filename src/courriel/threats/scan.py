"""The one entry: a message and what is known of it → a report.  Weights are the signals' own, added up."""

from __future__ import annotations

import math
from typing import Final

from courriel.model.threat import Channel, Group, Kind, Level, Reason, Report
from courriel.threats.read import read
from courriel.threats.signals import catalogue, looks
from courriel.threats.view import Arrival, Context

PRIOR: Final = -3.0


def scan(raw: bytes, arrival: Arrival, context: Context, channel: Channel, marks: object = None) -> Report:
    """Never raises."""
    view = read(raw, arrival, context, channel)
    known = catalogue()
    kinds: dict[Kind, float] = {}
    reasons: list[Reason] = []
    fact = False
    for finding in (found for look in looks() for found in look(view)):
        signal = known[finding.signal]
        weight = max(signal.weights.values(), default=signal.good) * finding.strength
        if weight:
            reasons.append(Reason(finding, weight))
        fact = fact or (weight > 0 and signal.fact)
        for kind, share in signal.weights.items():
            kinds[kind] = kinds.get(kind, PRIOR) + share * finding.strength
    score = PRIOR + sum(reason.weight for reason in reasons)
    probability = _logistic(score)
    level = Level.CLEAN if probability < 0.5 else Level.MALICIOUS if probability > 0.9 and fact else Level.SUSPICIOUS
    return Report(
        channel=channel,
        level=level,
        kind=max(kinds, key=lambda kind: kinds[kind]) if kinds and level is not Level.CLEAN else None,
        probability=probability,
        score=score,
        prior=PRIOR,
        kinds={kind: _logistic(share) for kind, share in kinds.items()},
        reasons=tuple(sorted(reasons, key=lambda reason: -abs(reason.weight))),
        groups=len({reason.finding.group for reason in reasons} - {Group.WORDS}),
    )


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-max(min(score, 30.0), -30.0)))
