"""What is true of every signal, whoever wrote it."""

from __future__ import annotations

import re
import string

import pytest

from courriel.base.i18n import translator
from courriel.threats import signals
from courriel.threats.signal import Signal
from courriel.threats.signals import catalogue, looks
from tests.threats.views import view

ALL = [signal for module in signals.MODULES for signal in module.SIGNALS]


@pytest.mark.parametrize("signal", ALL, ids=lambda signal: signal.name)
def test_a_signal_is_whole(signal: Signal) -> None:
    """Its name is "group.words", signs are fixed by hand, and it speaks for or against, never both."""
    assert re.fullmatch(signal.group.value + r"\.[a-z0-9-]+", signal.name)
    assert all(weight >= 0 for weight in signal.weights.values()) and signal.good <= 0
    assert bool(signal.weights) != (signal.good < 0)


@pytest.mark.parametrize("signal", ALL, ids=lambda signal: signal.name)
def test_both_languages_have_the_same_places(signal: Signal) -> None:
    for text in (signal.seen, signal.why, signal.then):
        french = translator("fr")(text)
        assert _places(text) == _places(french)
        assert text == french == "" or text != french


def test_names_are_used_once() -> None:
    assert len(catalogue()) == len(ALL)


def test_nothing_is_found_in_an_ordinary_message() -> None:
    message = view(subject="Lunch on Tuesday", text="Hello Marie, shall we say one o'clock? Paul")
    found = {finding.signal for look in looks() for finding in look(message)}
    assert all(catalogue()[name].good < 0 for name in found), found


def _places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}
