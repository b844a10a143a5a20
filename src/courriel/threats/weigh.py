"""Findings and the word model's opinion → Report: one probability, one kind, and reasons that add up.

    score = prior + Σ weight of each finding            log-odds that the message is unwanted
    kinds = probability × softmax(Σ strength × the signal's weight for the kind)

The weight of a finding is strength × the signal's weight, made smaller where its group would pass its bound.  Levels:

    below SUSPICIOUS_AT                        clean, or bulk where it is mail to many
    a text alone, however bad                  suspicious at most: malicious needs a fact
    from MALICIOUS_AT on, with a fact          malicious

Spear phishing and whaling need evidence of two groups: what is wanted, and for whom or in whose name.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from courriel.model.threat import Channel, Evidence, Finding, Group, Kind, Level, Reason, Report
from courriel.threats.signal import Signal
from courriel.threats.weights import CAPS, GOOD_CAP, GOOD_CAP_OF_FACTS, HARD, KIND_PRIORS, Weights

SUSPICIOUS_AT: Final = 0.5
MALICIOUS_AT: Final = 0.9
"""Probabilities from which on a message is called so."""

FACT_WEIGHT: Final = 1.0
"""Log-odds that facts have to bring together before a message is called malicious."""

WORDS: Final = "words.learnt"
MARKS: Final = "words.marks"
"""Names of the findings that are no signal's: what the word model says, and what the account's own marks say."""

BULK_SIGNALS: Final = frozenset({"content.bulk", "content.list"})

_TWO_PARTS: Final = frozenset({Kind.SPEAR_PHISHING, Kind.WHALING})
_FACTS: Final = frozenset({Group.AUTHENTICATION, Group.IDENTITY, Group.LINKS, Group.ATTACHMENTS})
"""Groups whose facts make a message malicious."""


class WordScores(msgspec.Struct, frozen=True):
    """What learnt words say, in log-odds; 0 is no opinion.  ``evidence`` are the words that said most."""

    unwanted: float = 0.0
    kinds: Mapping[Kind, float] = {}
    evidence: tuple[Evidence, ...] = ()


NOTHING: Final = WordScores()


def weigh(
    channel: Channel,
    findings: Sequence[Finding],
    catalogue: Mapping[str, Signal],
    words: WordScores = NOTHING,
    marks: WordScores = NOTHING,
    weights: Weights | None = None,
) -> Report:
    """The report.  ``marks`` is what the account has taught."""
    weights = weights or Weights()
    slope, shift = weights.slope.get(channel, 1.0), weights.shift.get(channel, 0.0)
    raw = [(finding, finding.strength * weights.of(catalogue[finding.signal])) for finding in findings]
    raw += _learnt(WORDS, words.unwanted * weights.words, words.evidence)
    raw += _learnt(MARKS, marks.unwanted, marks.evidence)
    bounded = _bounded(raw, catalogue)
    prior = slope * weights.prior[channel] + shift
    reasons = sorted([Reason(finding, slope * weight) for finding, weight in bounded], key=lambda one: -abs(one.weight))
    score = prior + math.fsum(reason.weight for reason in reasons)
    probability = 1.0 / (1.0 + math.exp(-score)) if score > -700 else 0.0
    shares = _shares(channel, findings, catalogue, words)
    kind = max(shares, key=lambda one: shares[one])
    level = _level(probability, reasons, catalogue)
    return Report(
        channel=channel,
        level=level,
        kind=None if level in (Level.CLEAN, Level.BULK) else kind,
        probability=probability,
        score=score,
        prior=prior,
        kinds={one: probability * share for one, share in shares.items()},
        reasons=tuple(reasons),
        groups=len({reason.finding.group for reason in reasons if reason.weight}),
    )


def _learnt(name: str, weight: float, evidence: tuple[Evidence, ...]) -> list[tuple[Finding, float]]:
    """No opinion is no finding."""
    if not weight:
        return []
    return [(Finding(name, Group.WORDS, min(1.0, abs(weight) / CAPS[Group.WORDS]), evidence), weight)]


def _bounded(raw: Sequence[tuple[Finding, float]], catalogue: Mapping[str, Signal]) -> list[tuple[Finding, float]]:
    """Each group's weights against the message are scaled into its bound, and all those for it into theirs."""
    against: defaultdict[Group, float] = defaultdict(float)
    for finding, weight in raw:
        against[finding.group] += max(0.0, weight)
    scale = {group: min(1.0, CAPS[group] / total) for group, total in against.items() if total}
    is_hard = any(weight >= HARD and _is_fact(finding, catalogue) for finding, weight in raw)
    for_it = -sum(min(0.0, weight) for _, weight in raw)
    good_scale = min(1.0, (GOOD_CAP_OF_FACTS if is_hard else GOOD_CAP) / for_it) if for_it else 1.0
    return [
        (finding, weight * (scale.get(finding.group, 1.0) if weight > 0 else good_scale)) for finding, weight in raw
    ]


def _is_fact(finding: Finding, catalogue: Mapping[str, Signal]) -> bool:
    signal = catalogue.get(finding.signal)
    return signal is not None and signal.fact and finding.group in _FACTS


def _level(probability: float, reasons: Iterable[Reason], catalogue: Mapping[str, Signal]) -> Level:
    kept = [reason for reason in reasons if reason.weight]
    facts = sum(reason.weight for reason in kept if reason.weight > 0 and _is_fact(reason.finding, catalogue))
    is_bulk = any(reason.finding.signal in BULK_SIGNALS for reason in kept)
    if probability < SUSPICIOUS_AT:
        return Level.BULK if is_bulk else Level.CLEAN
    if probability >= MALICIOUS_AT and facts >= FACT_WEIGHT:
        return Level.MALICIOUS
    if is_bulk and not facts and probability < MALICIOUS_AT:
        return Level.BULK
    return Level.SUSPICIOUS


def _shares(
    channel: Channel, findings: Iterable[Finding], catalogue: Mapping[str, Signal], words: WordScores
) -> dict[Kind, float]:
    """How the kinds share an unwanted message; they add up to 1."""
    by_group: defaultdict[Kind, defaultdict[Group, float]] = defaultdict(lambda: defaultdict(float))
    for finding in findings:
        for kind, weight in catalogue[finding.signal].weights.items():
            by_group[kind][finding.group] += finding.strength * weight
    scores = {}
    for kind in _of_channel(channel):
        groups = by_group[kind]
        capped = sum(min(total, CAPS[group]) for group, total in groups.items())
        has_two = len([total for total in groups.values() if total > 0]) >= 2
        penalty = 0.0 if kind not in _TWO_PARTS or has_two else -8.0
        scores[kind] = KIND_PRIORS[kind] + capped + words.kinds.get(kind, 0.0) + penalty
    highest = max(scores.values())
    odds = {kind: math.exp(score - highest) for kind, score in scores.items()}
    total = math.fsum(odds.values())
    return {kind: one / total for kind, one in odds.items()}


def _of_channel(channel: Channel) -> tuple[Kind, ...]:
    """The kinds a message of this channel can be of."""
    if channel is Channel.SMS:
        return (Kind.SPAM, Kind.SMISHING)
    if channel is Channel.CALL:
        return (Kind.VISHING,)
    return tuple(kind for kind in Kind if kind is not Kind.SMISHING)
