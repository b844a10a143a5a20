"""Findings become a verdict whose reasons add up, and which words alone never make malicious."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.model.threat import Channel, Evidence, Finding, Group, Kind, Level
from courriel.threats.signal import Signal
from courriel.threats.weigh import MALICIOUS_AT, SUSPICIOUS_AT, WordScores, weigh
from courriel.threats.weights import CAPS, GOOD_CAP, Weights


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


@pytest.mark.parametrize(
    ("signals", "level", "kind"),
    [
        ([], Level.CLEAN, None),
        ([BULK], Level.BULK, None),
        ([FORGED], Level.MALICIOUS, Kind.SPOOFING),
        ([LINK, URGENT], Level.SUSPICIOUS, Kind.PHISHING),
        ([LINK, LINK, URGENT], Level.MALICIOUS, Kind.PHISHING),
        ([BOSS, PAY], Level.MALICIOUS, Kind.WHALING),
        ([PAY, PAY], Level.SUSPICIOUS, Kind.SCAM),
        ([LINK, LINK, YOU, YOU], Level.MALICIOUS, Kind.PHISHING),
        ([SHOUT, SHOUT], Level.SUSPICIOUS, Kind.SPAM),
        ([URGENT, KNOWN], Level.CLEAN, None),
        ([FORGED, KNOWN, KNOWN], Level.MALICIOUS, Kind.SPOOFING),
    ],
)
def test_verdicts(signals: list[Signal], level: Level, kind: Kind | None) -> None:
    report = weigh(Channel.MAIL, found(*signals), CATALOGUE)
    assert (report.level, report.kind) == (level, kind)


def test_words_alone_make_nothing_malicious() -> None:
    """However many, however sure."""
    report = weigh(Channel.MAIL, found(SHOUT, SHOUT, PAY, URGENT), CATALOGUE, WordScores(50.0), WordScores(50.0))
    assert report.probability > MALICIOUS_AT and report.level is Level.SUSPICIOUS


def test_mail_to_many_is_bulk_until_it_is_worse() -> None:
    report = weigh(Channel.MAIL, found(BULK, SHOUT), CATALOGUE)
    assert SUSPICIOUS_AT < report.probability < MALICIOUS_AT and report.level is Level.BULK and report.kind is None
    assert weigh(Channel.MAIL, found(BULK, LINK, LINK), CATALOGUE).level is Level.MALICIOUS


def test_whaling_needs_two_parts() -> None:
    assert weigh(Channel.MAIL, found(BOSS), CATALOGUE).kinds[Kind.WHALING] < 0.1
    assert weigh(Channel.MAIL, found(BOSS, PAY), CATALOGUE).kinds[Kind.WHALING] > 0.7


def test_the_channel_says_which_kinds_there_are() -> None:
    sms = weigh(Channel.SMS, found(SHOUT), CATALOGUE)
    assert set(sms.kinds) == {Kind.SPAM, Kind.SMISHING}
    assert weigh(Channel.CALL, found(SHOUT), CATALOGUE).kind is Kind.VISHING


def test_what_was_learnt_takes_the_place_of_what_was_set() -> None:
    learnt = weigh(Channel.MAIL, found(URGENT), CATALOGUE, weights=Weights(learnt={URGENT.name: 0.0}))
    assert learnt.score == learnt.prior


SIGNALS = st.sampled_from(list(CATALOGUE.values()))


@given(
    st.lists(st.tuples(SIGNALS, st.floats(0.01, 1.0)), max_size=12),
    st.floats(-20, 20),
    st.floats(-20, 20),
    st.floats(0.2, 3.0),
    st.floats(-3.0, 3.0),
    st.sampled_from(Channel),
)
def test_reasons_add_up_and_bounds_hold(
    signals: list[tuple[Signal, float]], words: float, marks: float, slope: float, shift: float, channel: Channel
) -> None:
    findings = [finding for signal, strength in signals for finding in found(signal, strength=strength)]
    weights = Weights(slope={channel: slope}, shift={channel: shift})
    report = weigh(channel, findings, CATALOGUE, WordScores(words), WordScores(marks), weights)
    assert math.isclose(report.score, report.prior + sum(one.weight for one in report.reasons), abs_tol=1e-6)
    assert math.isclose(sum(report.kinds.values()), report.probability, abs_tol=1e-9)
    assert 0.0 <= report.probability <= 1.0
    assert [abs(one.weight) for one in report.reasons] == sorted([abs(one.weight) for one in report.reasons])[::-1]
    for group in Group:
        against = sum(one.weight for one in report.reasons if one.finding.group is group and one.weight > 0)
        assert against <= CAPS[group] * slope + 1e-9
    assert sum(-one.weight for one in report.reasons if one.weight < 0) <= GOOD_CAP * slope + 1e-9


@given(st.lists(SIGNALS, max_size=6), SIGNALS)
def test_one_more_bad_sign_never_makes_it_better(signals: list[Signal], more: Signal) -> None:
    before = weigh(Channel.MAIL, found(*signals), CATALOGUE).score
    after = weigh(Channel.MAIL, found(*signals, more), CATALOGUE).score
    assert after <= before + 1e-9 if more.good < 0 else after >= before - 1e-9
