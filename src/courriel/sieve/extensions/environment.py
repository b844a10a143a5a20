"""The test ``environment``.  RFC 5183."""

from __future__ import annotations

from typing import Final

from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, Takes, Usage


def _environment(given: Given) -> TestFunction:
    name, match = given.text(0), matcher(given, given.texts(1))

    def test(run: Run) -> bool:
        found = run.environment.items.get(name(run).lower())
        return found is not None and match(run, (found,))

    return test


COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {"environment": Usage(_environment, (Takes.STRING, Takes.STRINGS), MATCH_TAGS, ("environment",))}
