"""How findings become a report: sums, bounds, levels, kinds."""

from __future__ import annotations

import math

import pytest

from courriel.model.threat import Channel, Finding, Group, Kind, Level, Reason, Report
from courriel.threats.signal import Signal
from courriel.threats.weigh import weigh
from courriel.threats.weights import AGAINST, Weights
from courriel.threats.words import Opinion

WEIGHTS = Weights(
    prior=-3.0,
    words_slope=1.0,
    words_zero=0.0,
    words_cap=8.0,
    signals={"identity.twice": 2.0},
    kinds=dict.fromkeys(Kind, -1.0) | {Kind.SPAM: 0.0},
)


def signal(name: str, fact: bool = True, good: float = 0.0, **kinds: float) -> Signal:
    weights = {Kind(kind): weight for kind, weight in kinds.items()}
    return Signal(name, Group(name.split(".")[0]), "", "", "", weights, good, fact)


SIGNALS = {
    one.name: one
    for one in (
        signal("authentication.forged", spoofing=4.5, phishing=1.0),
        signal("identity.executive", whaling=3.5),
        signal("identity.twice", phishing=2.0),
        signal("links.bad", phishing=4.0),
        signal("links.worse", phishing=4.0),
        signal("content.request", False, whaling=2.0, scam=0.5),
        signal("content.urgent", False, phishing=4.0),
        signal("content.bulk", False, good=-0.2),
        signal("context.known", good=-2.5),
    )
}


def judge(*names: str, words: float = 0.0, known: float = 1.0, own: Reason | None = None) -> Report:
    findings = [Finding(name, SIGNALS[name].group, 1.0) for name in names]
    return weigh(Channel.MAIL, findings, Opinion({"malicious": words}, known), SIGNALS, WEIGHTS, own)


@pytest.mark.parametrize(
    "names", [(), ("links.bad", "links.worse"), ("context.known", "identity.executive"), tuple(SIGNALS)]
)
@pytest.mark.parametrize("words", [-9.0, 0.0, 3.0, 500.0])
def test_reasons_add_up_to_the_score(names: tuple[str, ...], words: float) -> None:
    report = judge(*names, words=words)
    assert report.score == pytest.approx(report.prior + sum(reason.weight for reason in report.reasons), abs=1e-6)
    assert report.probability == pytest.approx(1 / (1 + math.exp(-report.score)))


def test_words_alone_never_make_a_message_malicious() -> None:
    report = judge(words=1e6)
    assert report.probability > 0.9 and report.level is Level.SUSPICIOUS
    report = judge("content.urgent", "content.request", words=1e6)
    assert report.level is Level.SUSPICIOUS


def test_a_fact_does() -> None:
    report = judge("links.bad", words=4.0)
    assert report.level is Level.MALICIOUS and report.kind is Kind.PHISHING


def test_a_group_is_bounded_in_proportion() -> None:
    report = judge("links.bad", "links.worse")
    links = [reason.weight for reason in report.reasons if reason.finding.group is Group.LINKS]
    assert sum(links) == pytest.approx(AGAINST[Group.LINKS]) and links[0] == pytest.approx(links[1])


def test_a_fitted_factor_counts() -> None:
    assert next(one.weight for one in judge("identity.twice").reasons if "twice" in one.finding.signal) == 4.0


def test_an_unknown_language_is_not_judged_by_its_words() -> None:
    assert judge(words=5.0, known=0.0).score == pytest.approx(-3.0)


def test_whaling_takes_two_parts() -> None:
    assert judge("identity.executive", "content.request", words=3.0).kind is Kind.WHALING
    assert judge("identity.executive", words=3.0).kind is not Kind.WHALING
    assert judge("content.request", "links.bad", words=3.0).kind is not Kind.WHALING


def test_a_forged_sender_is_named_spoofing_whatever_else_there_is() -> None:
    report = judge("authentication.forged", "links.bad", "links.worse", words=3.0)
    assert report.kind is Kind.SPOOFING and report.level is Level.MALICIOUS


def test_a_clean_message_has_no_kind() -> None:
    report = judge("context.known", words=-2.0)
    assert report.level is Level.CLEAN and report.kind is None and report.deciding[0].weight < 0


def test_a_mailing_without_facts_is_bulk() -> None:
    assert judge("content.bulk", words=4.0).level is Level.BULK


def test_marks_lower_a_malicious_message_by_one_level_at_most() -> None:
    own = Reason(Finding("context.own-marks-good", Group.CONTEXT, 1.0), -3.0)
    assert judge("links.bad", words=3.0).level is Level.MALICIOUS
    assert judge("links.bad", words=3.0, own=own).level is Level.SUSPICIOUS
    assert judge(words=5.0, own=own).level is Level.CLEAN
