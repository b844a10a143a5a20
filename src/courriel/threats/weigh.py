"""Findings → report: what they add up to, which kind it is, and how bad.  Pure arithmetic; every step is in the report.

The score is a sum of log-odds: prior, findings, words, the account's own marks.  Each group is held to a bound, by
making all its contributions smaller by the same factor, so that the reasons still add up to the score.

Words alone never make a message malicious: that takes a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, tanh
from typing import Final

from courriel.model.threat import Channel, Finding, Group, Kind, Level, Reason, Report
from courriel.threats.signal import Signal
from courriel.threats.weights import AGAINST, FOR, Weights
from courriel.threats.words import Opinion

__all__ = ["BULK_FROM", "MALICIOUS_FROM", "SUSPICIOUS_FROM", "WORDS", "weigh"]

SUSPICIOUS_FROM: Final = 0.7
MALICIOUS_FROM: Final = 0.9
BULK_FROM: Final = 0.15
"""Probabilities from which a message is called so; see also ``FACTS_FROM``."""
FACTS_FROM: Final = 1.0
"""Log-odds that facts must contribute before a message is called malicious."""
WORDS_FROM: Final = 0.85
"""Probability from which a message is suspicious of which nothing is known but how it is worded."""
KNOWN_FROM: Final = 0.1
"""Share of known features from which words are heard in full: of an unknown language they know nothing."""
NAMED_FROM: Final = 1.0
"""Log-odds from which a kind that facts make goes before the general ones, whatever those come to."""
WORDS: Final = "words.choice"
"""The finding of the learnt model."""
TWO_PARTS: Final = frozenset({Kind.WHALING, Kind.SPEAR_PHISHING})
"""Kinds that take a request or lure, and something about who pretends to send it."""

FACTUAL: Final = frozenset({Group.AUTHENTICATION, Group.IDENTITY, Group.LINKS, Group.CONTENT, Group.ATTACHMENTS})
"""Groups whose facts may make a message malicious; the way it came and what it knows of its reader only add."""

_ASKING: Final = frozenset({Group.CONTENT, Group.LINKS, Group.ATTACHMENTS})
_LURES: Final = frozenset({Kind.PHISHING, Kind.SPEAR_PHISHING, Kind.WHALING, Kind.SCAM, Kind.MALWARE})
_NEW: Final = frozenset({"context.first-contact", "context.known-name-new-address"})
_MADE_BY_FACTS: Final = (Kind.WHALING, Kind.SPOOFING, Kind.SPEAR_PHISHING)
_BULK: Final = frozenset({"content.bulk", "content.list", "content.mass-mailer"})
_HEADS: Final[Mapping[str, tuple[Kind, float]]] = {
    "spam": (Kind.SPAM, 1.5),
    "bec": (Kind.WHALING, 1.0),
    "phishing": (Kind.PHISHING, 1.5),
    "smishing": (Kind.SMISHING, 1.5),
}
"""Head → kind it speaks for, and how much at most."""


def weigh(
    channel: Channel,
    findings: Sequence[Finding],
    opinion: Opinion,
    signals: Mapping[str, Signal],
    weights: Weights,
    own: Reason | None = None,
) -> Report:
    """``own``: what the account's marks say; it has a bound of its own."""
    reasons = [_reason(finding, signals, weights) for finding in findings if finding.signal in signals]
    words = words_weight(opinion, weights)
    strength = min(1.0, abs(words) / weights.words_cap)
    reasons.append(Reason(Finding(WORDS, Group.WORDS, strength), words))
    reasons = _bounded(reasons) + ([own] if own is not None else [])
    reasons.sort(key=lambda reason: -abs(reason.weight))
    score = weights.prior + sum([reason.weight for reason in reasons])
    probability = _sigmoid(score)
    scores = _kinds(findings, opinion, signals, weights)
    kind = _primary(scores)
    level = _level(probability, reasons, signals)
    if own is not None and own.weight < 0 and level in (Level.CLEAN, Level.BULK):
        # What a reader marked as good lowers a malicious message by one level at most.
        without = [reason for reason in reasons if reason.finding is not own.finding]
        if _level(_sigmoid(score - own.weight), without, signals) is Level.MALICIOUS:
            level = Level.SUSPICIOUS
    return Report(
        channel=channel,
        level=level,
        kind=kind if level in (Level.SUSPICIOUS, Level.MALICIOUS) else Kind.SPAM if level is Level.BULK else None,
        probability=probability,
        score=score,
        prior=weights.prior,
        kinds={one: probability * _sigmoid(value) for one, value in scores.items()},
        reasons=tuple(reasons),
        groups=len({reason.finding.group for reason in reasons if abs(reason.weight) > 0.1}),
    )


def words_weight(opinion: Opinion, weights: Weights) -> float:
    """What the choice of words adds; it levels off, so that it never decides alone."""
    heard = min(1.0, opinion.known / KNOWN_FROM)
    raw = weights.words_slope * heard * (opinion.heads["malicious"] - weights.words_zero)
    return weights.words_cap * tanh(raw / weights.words_cap)


def hand_set(signal: Signal) -> float:
    """The signal's weight in the verdict at full strength, before fitting."""
    return max(signal.weights.values(), default=0.0) + signal.good


def _reason(finding: Finding, signals: Mapping[str, Signal], weights: Weights) -> Reason:
    factor = weights.signals.get(finding.signal, 1.0)
    return Reason(finding, factor * hand_set(signals[finding.signal]) * finding.strength)


def _bounded(reasons: Iterable[Reason]) -> list[Reason]:
    """Each group within its bounds, both ways."""
    kept: list[Reason] = []
    sides: dict[tuple[Group, bool], list[Reason]] = {}
    for reason in reasons:
        sides.setdefault((reason.finding.group, reason.weight > 0), []).append(reason)
    for (group, against), several in sides.items():
        bound = AGAINST[group] if against else FOR[group]
        whole = sum([abs(reason.weight) for reason in several])
        if whole > bound:
            several = [Reason(reason.finding, reason.weight * bound / whole) for reason in several]
        kept += several
    return kept


def _kinds(
    findings: Sequence[Finding],
    opinion: Opinion,
    signals: Mapping[str, Signal],
    weights: Weights,
) -> dict[Kind, float]:
    """Log-odds of each kind, given that the message is bad."""
    scores = dict(weights.kinds)
    asking = False
    naming: set[Kind] = set()
    for finding in findings:
        signal = signals.get(finding.signal)
        if signal is None:
            continue
        for kind, weight in signal.weights.items():
            if kind in scores:
                scores[kind] += weight * finding.strength
        asking = asking or (signal.group in _ASKING and not _LURES.isdisjoint(signal.weights))
        if signal.group in (Group.IDENTITY, Group.AUTHENTICATION) or signal.name in _NEW:
            naming.update(signal.weights)
    for head, (kind, most) in _HEADS.items():
        if head in opinion.heads and kind in scores:
            scores[kind] += most * tanh(opinion.heads[head] / 4)
    asking = asking or opinion.heads.get("bec", -1.0) > 0
    for kind in _MADE_BY_FACTS:
        if kind in scores and (kind not in naming or not (asking or kind not in TWO_PARTS)):
            scores[kind] = min(scores[kind], ONE_PART)
    return scores


def _primary(scores: Mapping[Kind, float]) -> Kind:
    """The kind that facts make, where they do; otherwise the likeliest."""
    made = next((kind for kind in _MADE_BY_FACTS if scores.get(kind, ONE_PART) >= NAMED_FROM), None)
    return made or max(scores, key=lambda one: scores[one])


ONE_PART: Final = -3.0
"""Log-odds of a kind of which one part is missing."""


def _level(probability: float, reasons: Sequence[Reason], signals: Mapping[str, Signal]) -> Level:
    facts = sum(
        [
            reason.weight
            for reason in reasons
            if reason.weight > 0 and reason.finding.group in FACTUAL and _is_fact(reason, signals)
        ]
    )
    bulk = any(reason.finding.signal in _BULK for reason in reasons)
    if probability >= MALICIOUS_FROM and facts >= FACTS_FROM:
        return Level.MALICIOUS
    told = facts > 0 or any(reason.weight > 0 and reason.finding.signal in signals for reason in reasons)
    if probability >= (SUSPICIOUS_FROM if told else WORDS_FROM) and not (bulk and facts <= 0):
        return Level.SUSPICIOUS
    if bulk and probability >= BULK_FROM:
        return Level.BULK
    return Level.CLEAN


def _is_fact(reason: Reason, signals: Mapping[str, Signal]) -> bool:
    signal = signals.get(reason.finding.signal)
    return signal is not None and signal.fact


def _sigmoid(score: float) -> float:
    return 1 / (1 + exp(-score)) if score > -700 else 0.0
