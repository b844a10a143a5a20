"""Findings become a verdict whose reasons add up, and which words alone never make malicious."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.model.threat import Channel, Evidence, Finding, Group, Kind, Level, Reason, Report
from courriel.threats.signal import Signal
from courriel.threats.weigh import MALICIOUS_FROM, weigh
from courriel.threats.weights import AGAINST, FOR, Weights
from courriel.threats.words import Opinion


def _signal(name: str, group: Group, weights: Mapping[Kind, float], good: float = 0.0, fact: bool = True) -> Signal:
    return Signal(name, group, "seen", "why", "then", weights, good, fact)


FORGED = _signal("authentication.forged", Group.AUTHENTICATION, {Kind.SPOOFING: 5.0})
LINK = _signal("links.look-alike", Group.LINKS, {Kind.PHISHING: 3.0, Kind.SPEAR_PHISHING: 1.0})
BOSS = _signal("identity.executive", Group.IDENTITY, {Kind.WHALING: 3.0})
PAY = _signal("content.transfer", Group.CONTENT, {Kind.WHALING: 2.0, Kind.SCAM: 1.0}, fact=False)
URGENT = _signal("content.urgent", Group.CONTENT, {Kind.PHISHING: 1.0, Kind.SPAM: 0.5}, fact=False)
SHOUT = _signal("content.shout", Group.CONTENT, {Kind.SPAM: 3.0}, fact=False)
YOU = _signal("context.names-you", Group.CONTEXT, {Kind.SPEAR_PHISHING: 1.5})
KNOWN = _signal("context.answered", Group.CONTEXT, {}, good=-3.0)
BULK = _signal("content.bulk", Group.CONTENT, {}, good=-0.2, fact=False)
CATALOGUE = {one.name: one for one in (FORGED, LINK, BOSS, PAY, URGENT, SHOUT, YOU, KNOWN, BULK)}


def found(*signals: Signal, strength: float = 1.0) -> list[Finding]:
    return [Finding(one.name, one.group, strength, (Evidence("text", "x"),)) for one in signals]


WEIGHTS = Weights(
    prior=-2.2,
    words_slope=1.0,
    words_zero=0.0,
    words_cap=8.0,
    signals={},
    kinds=dict.fromkeys([kind for kind in Kind if kind is not Kind.SMISHING], -1.0),
)


def report(
    signals: Sequence[Signal], words: float = 0.0, weights: Weights = WEIGHTS, own: Reason | None = None
) -> Report:
    return weigh(Channel.MAIL, found(*signals), Opinion({"malicious": words}, 1.0), CATALOGUE, weights, own)


@pytest.mark.parametrize(
    ("signals", "level", "kind"),
    [
        ([], Level.CLEAN, None),
        ([LINK], Level.SUSPICIOUS, Kind.PHISHING),
        ([LINK, LINK, URGENT], Level.MALICIOUS, Kind.PHISHING),
        ([BOSS, PAY], Level.MALICIOUS, Kind.WHALING),
        ([PAY, PAY], Level.SUSPICIOUS, Kind.SCAM),
        ([SHOUT], Level.SUSPICIOUS, Kind.SPAM),
        ([URGENT, KNOWN], Level.CLEAN, None),
        ([FORGED], Level.SUSPICIOUS, Kind.SPOOFING),
        ([FORGED, URGENT], Level.MALICIOUS, Kind.SPOOFING),
    ],
)
def test_verdicts(signals: list[Signal], level: Level, kind: Kind | None) -> None:
    found_out = report(signals)
    assert (found_out.level, found_out.kind) == (level, kind)


def test_words_alone_make_nothing_malicious() -> None:
    """However many, however sure."""
    found_out = report([SHOUT, SHOUT, PAY, URGENT], words=50.0)
    assert found_out.probability > MALICIOUS_FROM and found_out.level is Level.SUSPICIOUS


def test_mail_to_many_is_bulk_until_a_fact_speaks_against_it() -> None:
    assert report([BULK, SHOUT]).level is Level.BULK
    assert report([BULK, LINK, LINK]).level is Level.MALICIOUS


def test_whaling_needs_two_parts() -> None:
    assert report([BOSS]).kind is not Kind.WHALING
    assert report([BOSS, PAY]).kind is Kind.WHALING


def test_what_was_fitted_counts_as_a_factor() -> None:
    fitted = msgspec.structs.replace(WEIGHTS, signals={URGENT.name: 0.25})
    assert report([URGENT], weights=fitted).score == pytest.approx(WEIGHTS.prior + 0.25)


SIGNALS = st.sampled_from(list(CATALOGUE.values()))


@given(st.lists(SIGNALS, max_size=12), st.floats(-20, 20), st.floats(-20, 20))
def test_reasons_add_up_and_bounds_hold(signals: list[Signal], words: float, marks: float) -> None:
    found_out = report(signals, words, own=Reason(Finding("words.marks", Group.WORDS, 1.0), marks))
    assert math.isclose(found_out.score, found_out.prior + sum(one.weight for one in found_out.reasons), abs_tol=1e-6)
    assert 0.0 <= found_out.probability <= 1.0
    assert all(0.0 <= one <= found_out.probability for one in found_out.kinds.values())
    weights = [abs(one.weight) for one in found_out.reasons]
    assert weights == sorted(weights, reverse=True)
    for group in Group:
        against = sum(one.weight for one in found_out.reasons if one.finding.group is group and one.weight > 0)
        speaking = sum(-one.weight for one in found_out.reasons if one.finding.group is group and one.weight < 0)
        assert against <= AGAINST[group] + 1e-9 and speaking <= FOR[group] + 1e-9


@given(st.lists(SIGNALS, max_size=6), SIGNALS)
def test_one_more_bad_sign_never_makes_it_better(signals: list[Signal], more: Signal) -> None:
    before, after = report(signals).score, report([*signals, more]).score
    assert after <= before + 1e-9 if more.good < 0 else after >= before - 1e-9
