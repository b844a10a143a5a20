"""The tests ``spamtest`` and ``virustest``.  RFC 5235."""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage


def _spamtest(given: Given) -> TestFunction:
    match, percent = matcher(given, given.texts(0)), given.has("percent")
    if not percent and given.compiler.has("spamtestplus") and not given.compiler.has("spamtest"):
        given.compiler.wrong(given.line, N_("with “spamtestplus” the test takes :percent"))

    def test(run: Run) -> bool:
        level = run.environment.spam
        if percent:
            level = max(0, level - 1) * 100 // 9
        return match(run, (str(level),))

    return test


def _virustest(given: Given) -> TestFunction:
    match = matcher(given, given.texts(0))
    return lambda run: match(run, (str(run.environment.virus),))


COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {
    "spamtest": Usage(
        _spamtest,
        (Takes.STRINGS,),
        {**MATCH_TAGS, "percent": TagUsage(needs="spamtestplus")},
        ("spamtest", "spamtestplus"),
    ),
    "virustest": Usage(_virustest, (Takes.STRINGS,), MATCH_TAGS, ("virustest",)),
}
