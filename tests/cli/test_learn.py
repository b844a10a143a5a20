"""``courriel learn``: exercises in both languages, answers from a terminal or a pipe, a score."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest
from click.testing import CliRunner, Result

from courriel.base.i18n import LANGUAGES
from courriel.cli.lessons import EXERCISES, Exercise, raw, told
from courriel.cli.main import courriel
from courriel.model.threat import Channel, Kind

RESERVED = re.compile(r"(?:^|\.)(?:example|test|invalid)$")
DOCUMENTATION = [ipaddress.ip_network(one) for one in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
EVERY = [(exercise, language) for exercise in EXERCISES for language in LANGUAGES]


def learn(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(courriel, ["learn", *words], input=stdin)


def test_there_are_a_dozen_of_every_kind_and_harmless_ones() -> None:
    kinds = {exercise.kind for exercise in EXERCISES}
    assert len(EXERCISES) >= 12
    assert kinds >= set(Kind) - {Kind.SPAM} | {None}
    assert {exercise.channel for exercise in EXERCISES} == set(Channel)


@pytest.mark.parametrize(("exercise", "language"), EVERY)
def test_nothing_in_an_exercise_is_of_the_real_world(exercise: Exercise, language: str) -> None:
    text = raw(exercise, language).decode()
    hosts = re.findall(r"(?:https?://|@|header\.[a-z]=|from )([a-z0-9.-]+\.[a-z]+|[0-9.]{7,})", text)
    for host in hosts:
        if host[0].isdigit():
            assert any(ipaddress.ip_address(host) in network for network in DOCUMENTATION), host
        else:
            assert RESERVED.search(host), host


@pytest.mark.parametrize(("exercise", "language"), EVERY)
def test_an_exercise_is_read_and_explained_in_its_language(exercise: Exercise, language: str) -> None:
    found = told(exercise, language)
    assert found.explanation.language == language and found.text.visible
    if found.channel == "mail":
        assert found.source.checked_by == "server" and found.checks and found.route
        assert found.card.authors[0].address and found.subject


@pytest.mark.parametrize(("exercise", "language"), EVERY)
def test_the_engine_sees_what_the_lesson_says(exercise: Exercise, language: str) -> None:
    """Good ones may be doubted, as readers doubt them; bad ones are never let through."""
    level = told(exercise, language).level
    assert level in ("suspicious", "malicious") if exercise.kind is not None else level != "malicious"


def test_the_engine_names_nearly_all_kinds() -> None:
    """Of two kinds that are both there (a forged sender with a program) the report names one; both are likely in it."""
    bad = [(exercise, language) for exercise, language in EVERY if exercise.kind is not None]
    reports = [(one.kind, told(one, language)) for one, language in bad]
    assert all(kind is not None and report.kinds[kind.value] >= 0.8 for kind, report in reports)
    assert sum(kind is not None and report.kind == kind.value for kind, report in reports) >= 0.7 * len(bad)


def test_answers_come_from_a_pipe_and_are_scored() -> None:
    result = learn("colleague", "bank", "parcel", "--lang", "en", stdin="1\n1\nx\n2\n")
    assert result.exit_code == 0
    assert "Right. It is harmless." in result.stdout
    assert "No. It is malicious: Phishing." in result.stdout
    assert "2 of 3 right." in result.stdout
    assert "Taken for harmless: Phishing" in result.stdout
    assert "courriel learn bank" in result.stdout


def test_a_false_alarm_is_named_and_all_right_is_praised() -> None:
    assert "Harmless, and taken for malicious: colleague" in learn("colleague", "--lang", "en", stdin="2\n").stdout
    assert "One habit is enough" in learn("colleague", "--lang", "en", stdin="1\n").stdout


def test_details_are_shown_before_an_answer_and_stop_stops() -> None:
    result = learn("--lang", "fr", stdin="d\nq\n")
    assert "Les preuves en détail" in result.stdout and "mx[.]clairval[.]example" in result.stdout
    assert "Aucune réponse" in result.stdout and "2/13" not in result.stdout


def test_the_end_of_answers_ends_the_lesson() -> None:
    assert learn("--lang", "en").exit_code == 0


def test_json_asks_nothing() -> None:
    lines = [json.loads(line) for line in learn("--json", "--lang", "fr").stdout.splitlines()]
    assert [one["name"] for one in lines] == [exercise.name for exercise in EXERCISES]
    assert {one["schema"] for one in lines} == {"courriel.lesson/1"}
    assert lines[1]["kind"] == "phishing" and lines[1]["analysis"]["explanation"]["language"] == "fr"


def test_an_unknown_exercise_is_refused() -> None:
    assert learn("nothing").exit_code == 2
