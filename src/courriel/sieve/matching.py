"""Comparators and match types: whether any of some values fits any of some keys.  RFC 5228 §2.7, RFC 4790 §9.

``:count`` and ``:value`` RFC 5231; ``i;ascii-numeric`` RFC 4790 §9.1; ``i;unicode-casemap`` RFC 5051; ``:regex``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from courriel.base.errors import FormatError
from courriel.base.i18n import N_
from courriel.sieve.pattern import Glob
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.regex import Regex
from courriel.sieve.run import Run
from courriel.sieve.usage import Given, Tags, TagUsage, Takes
from courriel.sieve.values import Texts

Match = Callable[[Run, Sequence[str]], bool]
Fold = Callable[[str], str]

ASCII_CASEMAP: Final = "i;ascii-casemap"
ASCII_NUMERIC: Final = "i;ascii-numeric"

LONG_CHARACTERS: Final = 4_096
"""A value longer than this is worth a look at the clock for each key."""

REGEX_CHARACTERS: Final = 8_192
"""``sieve.regex_characters``: of a longer text its beginning is looked at by :regex, which takes some 5 µs each."""

MATCH_TAGS: Final[Tags] = {
    "is": TagUsage(group="match"),
    "contains": TagUsage(group="match"),
    "matches": TagUsage(group="match"),
    "regex": TagUsage(group="match", needs="regex"),
    "count": TagUsage(Takes.STRING, "relational", "match"),
    "value": TagUsage(Takes.STRING, "relational", "match"),
    "comparator": TagUsage(Takes.STRING),
}

RELATIONS: Final[dict[str, Callable[[int], bool]]] = {
    "gt": lambda order: order > 0,
    "ge": lambda order: order >= 0,
    "lt": lambda order: order < 0,
    "le": lambda order: order <= 0,
    "eq": lambda order: order == 0,
    "ne": lambda order: order != 0,
}

_UPPER: Final = {code: code + 32 for code in range(65, 91)}
_DIGITS: Final = re.compile(r"[0-9]+")


def ascii_casemap(text: str) -> str:
    """RFC 4790 §9.2: letters of ASCII without their case, all others as they are."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def unicode_casemap(text: str) -> str:
    """RFC 5051 §2: title case, then compatibility decomposition; here letter by letter."""
    return unicodedata.normalize("NFKD", "".join([one.title() for one in text]))


def numeric(text: str) -> float:
    """RFC 4790 §9.1: the number the text begins with, infinity where it begins with none."""
    found = _DIGITS.match(text)
    return int(found[0][:300]) if found is not None else float("inf")


COMPARATORS: Final[dict[str, Fold]] = {
    "i;octet": str,
    ASCII_CASEMAP: ascii_casemap,
    "i;unicode-casemap": unicode_casemap,
    ASCII_NUMERIC: str,
}
FREE: Final = frozenset({"i;octet", ASCII_CASEMAP})
"""Comparators that need not be required.  RFC 5228 §2.7.3."""


def comparator_of(given: Given) -> str:
    """The comparator of a test; mistakes are noted."""
    asked = given.tag_text("comparator")
    name = ASCII_CASEMAP if asked is None else (asked.constant or "").lower()
    if name not in COMPARATORS:
        given.compiler.wrong(given.line, N_("there is no comparator “{name}”"), name=name)
        return ASCII_CASEMAP
    if name not in FREE and not given.compiler.has(f"comparator-{name}"):
        given.compiler.wrong(given.line, N_("“{name}” must be required first"), name=f"comparator-{name}")
    return name


def plain_keys(given: Given, keys: Texts) -> tuple[str, ...] | None:
    """The keys, folded, of the most usual tests: constants, ``:is`` or ``:contains``, no comparator named."""
    if keys.constant is None or given.one_of("comparator", "matches", "regex", "count", "value"):
        return None
    return tuple(map(ascii_casemap, keys.constant))


def matcher(given: Given, keys: Texts) -> Match:
    """The match a test asks for."""
    name = comparator_of(given)
    kind = given.one_of("contains", "matches", "regex", "count", "value") or "is"
    if name == ASCII_NUMERIC and kind in ("contains", "matches", "regex"):
        given.compiler.wrong(given.line, N_("“{name}” compares numbers, it does not look into texts"), name=name)
    if kind in ("count", "value"):
        return _relation(given, kind, name, keys)
    if name == ASCII_NUMERIC:
        return lambda run, values: _any_equal(values, keys(run))
    fold = COMPARATORS[name]
    if kind == "regex":
        return _regex(given, keys, name)
    if kind == "matches":
        return _matches(given, keys, fold)
    return _contains(keys, fold) if kind == "contains" else _is(keys, fold)


def _any_equal(values: Sequence[str], keys: Sequence[str]) -> bool:
    wanted = {numeric(key) for key in keys}
    return any(numeric(value) in wanted for value in values)


def _is(keys: Texts, fold: Fold) -> Match:
    if keys.constant is not None:
        wanted = frozenset(map(fold, keys.constant))
        return lambda _run, values: any(fold(value) in wanted for value in values)

    def match(run: Run, values: Sequence[str]) -> bool:
        now = frozenset(map(fold, keys(run)))
        return any(fold(value) in now for value in values)

    return match


def _contains(keys: Texts, fold: Fold) -> Match:
    fixed = None if keys.constant is None else tuple(map(fold, keys.constant))

    def match(run: Run, values: Sequence[str]) -> bool:
        wanted = fixed if fixed is not None else tuple(map(fold, keys(run)))
        for value in values:
            folded = fold(value)
            if len(folded) > LONG_CHARACTERS:
                if found_in_long(run, folded, wanted):
                    return True
                continue
            for key in wanted:
                if key in folded:
                    return True
        return False

    return match


def found_in_long(run: Run, text: str, keys: Sequence[str]) -> bool:
    """Whether one of the keys stands in a text that takes a while to look through."""
    for key in keys:
        run.check_time()
        if key in text:
            return True
    return False


_glob = lru_cache(maxsize=1024)(Glob)


def _matches(given: Given, keys: Texts, fold: Fold) -> Match:
    fixed = None if keys.constant is None else [Glob(key, fold) for key in keys.constant]
    keeps = given.compiler.has("variables")

    def match(run: Run, values: Sequence[str]) -> bool:
        globs = fixed if fixed is not None else [_glob(key, fold) for key in keys(run)]
        for value in values:
            folded = fold(value)
            for glob in globs:
                if len(folded) > LONG_CHARACTERS:
                    run.check_time()
                spans = glob.match(folded, run.check_time)
                if spans is not None:
                    if keeps:
                        source = value if len(value) == len(folded) else folded
                        _keep(run, [source, *(source[start:end] for start, end in spans)])
                    return True
        return False

    return match


def _keep(run: Run, matched: list[str]) -> None:
    """RFC 5229 §3.2: what the last match found; ${0} to ${9} at least."""
    most = run.settings.variable_characters
    run.matched = [one[:most] for one in matched[:100]]


def _regex(given: Given, keys: Texts, comparator: str) -> Match:
    fixed = None
    if keys.constant is not None:
        try:
            fixed = [_compiled(key, comparator, given.compiler.settings.pattern_steps) for key in keys.constant]
        except FormatError as error:
            given.compiler.wrong(given.line, N_("a regular expression cannot be read: {why}"), why=error.rule)
            fixed = []
    keeps, line = given.compiler.has("variables"), given.line

    def match(run: Run, values: Sequence[str]) -> bool:
        try:
            steps = run.settings.pattern_steps
            found = fixed if fixed is not None else [_compiled(key, comparator, steps) for key in keys(run)]
        except FormatError as error:
            why = error.rule
            raise RunError(Problem(line, N_("a regular expression cannot be read: {why}"), {"why": why})) from None
        for value in values:
            for regex in found:
                run.check_time()
                spans = regex.search(value[:REGEX_CHARACTERS], run.check_time)
                if spans is not None:
                    if keeps:
                        _keep(run, ["" if one is None else value[slice(*one)] for one in spans])
                    return True
        return False

    return match


@lru_cache(maxsize=256)
def _compiled(expression: str, comparator: str, steps: int) -> Regex:
    return Regex(expression, ignore_case=comparator != "i;octet", steps=steps)


def _relation(given: Given, kind: str, comparator: str, keys: Texts) -> Match:
    asked = given.tag_text(kind)
    word = (asked.constant or "").lower() if asked is not None else ""
    holds = RELATIONS.get(word)
    if holds is None:
        given.compiler.wrong(given.line, N_("“{word}” is no relation: gt, ge, lt, le, eq, ne"), word=word)
        return lambda _run, _values: False
    relation = holds
    if kind == "count":

        def count(run: Run, values: Sequence[str]) -> bool:
            return any(relation(_order(len(values), numeric(key))) for key in keys(run))

        return count
    of: Callable[[str], float | str] = numeric if comparator == ASCII_NUMERIC else COMPARATORS[comparator]

    def match(run: Run, values: Sequence[str]) -> bool:
        wanted = [of(key) for key in keys(run)]
        return any(relation(_order(of(value), key)) for value in values for key in wanted)

    return match


def _order(one: float | str, other: float | str) -> int:
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    assert not isinstance(one, str) and not isinstance(other, str)
    return (one > other) - (one < other)
