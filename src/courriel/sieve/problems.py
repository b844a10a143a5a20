"""What is wrong with a script, in plain words and with the line; and what went wrong while it ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from courriel.base.errors import CourrielError
from courriel.base.i18n import N_

PROBLEMS: Final = 50
"""``sieve.problems``: as many are told of one script; after so many nobody reads on."""

LINE: Final = N_("line {line}: {problem}")


class Problem(msgspec.Struct, frozen=True):
    """``text`` is a template of the catalogue, ``values`` what it names in braces.  Lines count from 1."""

    line: int
    text: str
    values: Mapping[str, str | int] = {}

    def words(self, say: Callable[[str], str]) -> str:
        """As a person reads it; ``say`` translates."""
        return say(self.text).format(**self.values)

    def sentence(self, say: Callable[[str], str]) -> str:
        """With the line before it."""
        return say(LINE).format(line=self.line, problem=self.words(say))


class BadScript(CourrielError):
    """The script cannot be used; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(one.sentence(str) for one in problems))
        self.problems = tuple(problems)


class RunError(CourrielError):
    """The script had to be given up on the way: the message is kept."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence(str))
        self.problem = problem


class OutOfTime(CourrielError):
    """The run took more processor time than it was given."""
