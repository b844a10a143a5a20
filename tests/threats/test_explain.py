"""Sentences from a report, in both languages, and what they stand on."""

from __future__ import annotations

import string

import msgspec
import pytest

from courriel.base.i18n import LANGUAGES, translator
from courriel.model.threat import Finding, Group, Kind, Level, Reason
from courriel.threats import explain as explaining
from courriel.threats.explain import explain
from courriel.threats.kinds import ADVICE, LEVELS, PORTRAITS, VERDICTS
from tests.threats.made import CATALOGUE, report, view


def test_the_verdict_names_the_kind_and_the_three_facts() -> None:
    said = explain(report(), CATALOGUE, "en", view())
    assert said.verdict.startswith("Dangerous: this is phishing.")
    assert said.kind == "Phishing" and "password" in said.definition
    assert [point.signal for point in said.deciding] == [
        "authentication.dmarc-fail",
        "links.text-differs",
        "words.phishing",
    ]
    first = said.deciding[0]
    assert first.seen == "The sender's domain bank.example says that this is not from it."
    assert first.evidence[0].words == '"Your Bank" <info@bank.example>'
    assert said.good is not None and said.good.signal == "context.answered"
    assert len(said.advice) == 3
    assert said.certainty == "Very probable. 4 independent kinds of evidence were found."


def test_facts_come_before_the_choice_of_words() -> None:
    made = report()
    words = msgspec.structs.replace(made.reasons[2], weight=9.0)
    small = Reason(Finding("route.small", Group.ROUTE, 0.1), 0.1)
    said = explain(msgspec.structs.replace(made, reasons=(words, made.reasons[0], small)), CATALOGUE, "en")
    assert [point.signal for point in said.deciding] == ["authentication.dmarc-fail", "words.phishing", "route.small"]
    assert said.points[0].signal == "words.phishing"


def test_what_is_probable_without_facts_is_not_called_certain() -> None:
    sure = msgspec.structs.replace(report(Level.SUSPICIOUS), probability=0.995)
    assert explain(sure, CATALOGUE, "en").certainty.startswith("Probable, but not proven")


def test_french_is_french() -> None:
    said = explain(report(), CATALOGUE, "fr", view())
    assert said.verdict.startswith("Dangereux : c’est un hameçonnage")
    assert said.level == "malveillant"
    assert said.certainty.startswith("Très probable.")


def test_suspicious_is_said_with_care_and_clean_with_what_speaks_for_it() -> None:
    assert explain(report(Level.SUSPICIOUS), CATALOGUE, "en").verdict.startswith("Be careful")
    clean = explain(report(Level.CLEAN, None), CATALOGUE, "en")
    assert clean.verdict == "Nothing dangerous was found in this message."
    assert [point.signal for point in clean.deciding] == ["context.answered"]
    assert clean.good is None and clean.kind == ""


def test_a_mailing_is_not_called_spam_to_its_readers_face() -> None:
    said = explain(report(Level.BULK, Kind.SPAM), CATALOGUE, "en")
    assert said.kind == "" and said.verdict.startswith("A mailing")
    assert any("unsubscribe" in line for line in said.advice)


def test_what_nobody_knew_is_said() -> None:
    known = view()
    assert len(explain(report(), CATALOGUE, "en", known).limits) == 1
    unknown = view(arrival=type(known.arrival)())
    assert len(explain(report(), CATALOGUE, "en", unknown).limits) == 2


def test_a_sentence_without_its_fact_has_a_gap_and_braces_in_facts_are_words() -> None:
    reason = Reason(Finding("links.text-differs", Group.LINKS, 1.0, (), {"shown": "{host} {0} %s"}), 1.0)
    said = explain(msgspec.structs.replace(report(), reasons=(reason,)), CATALOGUE, "en")
    assert said.deciding[0].seen == "A link shows {host} {0} %s and leads to …."


def test_a_signal_that_nobody_knows_is_named() -> None:
    reason = Reason(Finding("route.of-tomorrow", Group.ROUTE, 1.0), 1.0)
    said = explain(msgspec.structs.replace(report(), reasons=(reason,)), CATALOGUE, "en")
    assert said.deciding[0].seen == "The check “route.of-tomorrow” found something."


def _texts() -> list[str]:
    texts = [*VERDICTS.values(), *LEVELS.values(), *explaining.GROUPS.values()]
    for portrait in PORTRAITS.values():
        texts += [portrait.name, portrait.definition, portrait.certain, portrait.possible, *portrait.advice]
    for advice in ADVICE.values():
        texts += advice
    return texts


def test_every_kind_and_level_has_its_words() -> None:
    assert set(PORTRAITS) == set(Kind) and set(VERDICTS) == set(LEVELS) == set(ADVICE) == set(Level)
    assert set(explaining.GROUPS) == set(Group)


@pytest.mark.parametrize("text", _texts())
def test_every_sentence_is_in_french_with_the_same_places(text: str) -> None:
    french = translator(LANGUAGES[1])(text)
    assert french != text or text == "Spam"
    places = [sorted(name or "" for _, name, _, _ in string.Formatter().parse(one)) for one in (text, french)]
    assert places[0] == places[1]
