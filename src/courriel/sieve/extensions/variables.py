"""``set`` with its modifiers, and the test ``string``.  RFC 5229; ``:encodeurl`` RFC 5435 §6; ``:quoteregex``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from courriel.base.i18n import N_
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.run import Run, StepFunction, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage
from courriel.sieve.values import NAME

_WILDCARD: Final = re.compile(r"([*?\\])")
_SPECIAL: Final = re.compile(r"([.*+?{}()|^$\[\]\\])")

Modifier = Callable[[str], str]

MODIFIERS: Final[dict[str, Modifier]] = {
    "lower": str.lower,
    "upper": str.upper,
    "lowerfirst": lambda text: text[:1].lower() + text[1:],
    "upperfirst": lambda text: text[:1].upper() + text[1:],
    "quotewildcard": lambda text: _WILDCARD.sub(r"\\\1", text),
    "quoteregex": lambda text: _SPECIAL.sub(r"\\\1", text),
    "encodeurl": lambda text: quote(text, safe="-._~"),
    "length": lambda text: str(len(text)),
}
"""In the order in which they are applied.  RFC 5229 §4.1."""

MODIFIER_TAGS: Final = {
    "lower": TagUsage(group="case"),
    "upper": TagUsage(group="case"),
    "lowerfirst": TagUsage(group="first"),
    "upperfirst": TagUsage(group="first"),
    "quotewildcard": TagUsage(group="quote"),
    "quoteregex": TagUsage(group="quote", needs="regex"),
    "encodeurl": TagUsage(needs="enotify"),
    "length": TagUsage(),
}


def modified(given: Given) -> Modifier:
    """All modifiers that stand there, as one."""
    chosen = [modify for tag, modify in MODIFIERS.items() if given.has(tag)]

    def modify(text: str) -> str:
        for one in chosen:
            text = one(text)
        return text

    return modify


def variable_name(given: Given, place: int) -> str:
    """The name of a variable that is set; it is a constant.  Mistakes are noted."""
    name = given.text(place).constant or ""
    if NAME.fullmatch(name) is None or (name.lower().startswith("global.") and not given.compiler.has("include")):
        given.compiler.wrong(given.line, N_("“{name}” is no name for a variable"), name=name)
    return name.lower()


def _set(given: Given) -> StepFunction:
    name, value, modify, line = variable_name(given, 0), given.text(1), modified(given), given.line
    return lambda run: run.set_variable(name, modify(value(run)), line)


def _string(given: Given) -> TestFunction:
    sources, match = given.texts(0), matcher(given, given.texts(1))
    if not given.has("count"):
        return lambda run: match(run, sources(run))

    def count(run: Run) -> bool:
        """RFC 5229 §5: empty strings do not count."""
        return match(run, [one for one in sources(run) if one])

    return count


COMMANDS: Final = {"set": Usage(_set, (Takes.STRING, Takes.STRING), MODIFIER_TAGS, ("variables",))}
TESTS: Final = {"string": Usage(_string, (Takes.STRINGS, Takes.STRINGS), MATCH_TAGS, ("variables",))}
