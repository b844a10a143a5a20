"""The regular expressions of :regex: what they find, and that no expression takes for ever."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.sieve.pattern import Glob
from courriel.sieve.regex import Regex

FINDS = [
    ("a|b", "xb", [(1, 2)]),
    ("(a)(b)?", "a", [(0, 1), (0, 1), None]),
    ("[[:digit:]]{2,3}", "a1234", [(1, 4)]),
    ("[^]a]", "a]b", [(2, 3)]),
    ("[a-c-]+", "xa-c", [(1, 4)]),
    ("^$", "", [(0, 0)]),
    (r"\.\(", "a.(", [(1, 3)]),
    ("ab{0}c", "ac", [(0, 2)]),
    ("(x*)*y", "xxy", [(0, 3), (0, 2)]),
]


@pytest.mark.parametrize(("expression", "text", "spans"), FINDS)
def test_what_is_found(expression: str, text: str, spans: list[tuple[int, int] | None]) -> None:
    assert Regex(expression, ignore_case=False, steps=2_000).search(text, lambda: None) == spans


@pytest.mark.parametrize(
    "expression", ["(", ")", "[", "*", "a{2", "a{3,2}", "a{256}", "[z-a]", "[[:nothing:]]", "\\w", "\\"]
)
def test_what_cannot_be_read(expression: str) -> None:
    with pytest.raises(FormatError):
        Regex(expression, ignore_case=False, steps=2_000)


def test_expressions_have_a_length() -> None:
    """``sieve.pattern_steps``: repetitions count written out."""
    with pytest.raises(FormatError):
        Regex("((a{100}){100}){100}", ignore_case=False, steps=2_000)
    with pytest.raises(FormatError):
        Regex("(" * 5_000, ignore_case=False, steps=2_000)


def test_what_explodes_elsewhere_is_linear_here() -> None:
    """The classic (x+x+)+y; a backtracking engine needs 2^n steps."""
    regex = Regex("(x+x+)+y", ignore_case=True, steps=2_000)
    began = time.process_time()
    assert regex.search("X" * 4_000, lambda: None) is None
    assert time.process_time() - began < 1


def test_the_clock_is_looked_at() -> None:
    ticks: list[None] = []
    Regex("b", ignore_case=False, steps=10).search("a" * 1_000, lambda: ticks.append(None))
    assert len(ticks) == 3


@given(st.text("aab.()|*+?[]", max_size=10), st.text("ab", max_size=8))
def test_it_finds_what_another_engine_finds(expression: str, text: str) -> None:
    """Where both can read it, and no sign is doubled (which means something else there)."""
    if re.search(r"[*+?][*+?]", expression):
        return
    try:
        ours = Regex(expression, ignore_case=False, steps=2_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = re.compile(expression)
    except (FormatError, re.error):
        return
    found = theirs.search(text)
    spans = ours.search(text, lambda: None)
    assert (None if spans is None else spans[0]) == (None if found is None else found.span())


def test_long_patterns_over_long_texts_look_at_the_clock() -> None:
    ticks: list[None] = []
    glob = Glob("*" + "?" * 500 + "a" * 500 + "?b*")
    assert glob.match("a" * 60_000, lambda: ticks.append(None)) is None
    assert len(ticks) > 500


def test_many_words_are_alternatives() -> None:
    words = "|".join(f"w{number}" for number in range(300))
    regex = Regex(f"^({words})$", ignore_case=False, steps=2_000)
    assert regex.search("w299", lambda: None) == [(0, 4), (0, 4)]
    assert regex.search("w300", lambda: None) is None


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_are_what_lazy_groups_are(pattern: str, text: str) -> None:
    expression = "".join({"*": "(.*?)", "?": "(.)"}.get(one, one) for one in pattern)
    found = re.fullmatch(expression, text)
    spans = None if found is None else [found.span(number + 1) for number in range(len(found.groups()))]
    assert Glob(pattern).match(text) == spans
