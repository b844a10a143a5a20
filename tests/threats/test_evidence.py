"""Every finding's evidence really stands in the message, in every exercise and in both languages."""

from __future__ import annotations

import pytest

from courriel.base.i18n import LANGUAGES
from courriel.cli.lessons import EXERCISES, Exercise, opened
from courriel.model.threat import Evidence
from courriel.threats.explain import explain
from courriel.threats.quoting import as_they_stand
from courriel.threats.scan import judge
from courriel.threats.signals import catalogue
from tests.threats import made
from tests.threats.evidence import stands

EVERY = [
    pytest.param(exercise, language, id=f"{exercise.name}-{language}")
    for exercise in EXERCISES
    for language in LANGUAGES
]


@pytest.mark.parametrize(("exercise", "language"), EVERY)
def test_what_is_quoted_stands_there(exercise: Exercise, language: str) -> None:
    view = opened(exercise, language)
    points = explain(judge(view), catalogue(), language, view).points
    quotes = [(one.signal, quote) for one in points for quote in one.evidence]
    assert [one for one in quotes if not stands(view, one[1])] == []


def test_a_quote_gets_the_spelling_of_the_message_and_what_is_no_quote_goes() -> None:
    view = made.view(visible="Pay on the 3rd of  MARCH please")
    found = as_they_stand(
        [Evidence("text", "of march"), Evidence("text", "april"), Evidence("link", "EVIL.test")], view
    )
    assert found == (Evidence("text", "of  MARCH"), Evidence("link", "evil.test"))


@pytest.mark.parametrize(("exercise", "language"), EVERY)
def test_the_reasons_add_up_and_none_has_a_gap(exercise: Exercise, language: str) -> None:
    view = opened(exercise, language)
    report = judge(view)
    assert report.prior + sum(one.weight for one in report.reasons) == pytest.approx(report.score, abs=1e-6)
    for point in explain(report, catalogue(), language, view).points:
        assert "…" not in point.seen + point.why + point.then or any("…" in one for one in _facts(report, point.signal))


def _facts(report: object, signal: str) -> list[str]:
    return [value for one in report.reasons if one.finding.signal == signal for value in one.finding.facts.values()]  # type: ignore[attr-defined]


def test_a_quote_that_is_part_of_another_is_left_out() -> None:
    view = made.view(visible="confirm your password now")
    long, short = Evidence("text", "confirm your password"), Evidence("text", "your password")
    assert as_they_stand([short, long, short], view) == (long,)


def test_what_does_not_stand_there_is_noticed() -> None:
    view = made.view()
    assert stands(view, Evidence("hidden", "quick  brown"))
    assert not stands(view, Evidence("text", "quick brown"))
    assert not stands(view, Evidence("text", ""))
    assert not stands(view, Evidence("x-nothing", "a"))
