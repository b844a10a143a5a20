"""``setflag``, ``addflag``, ``removeflag`` and the test ``hasflag``.  RFC 5232."""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.core import split_flags
from courriel.sieve.extensions.variables import variable_name
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.run import Run, StepFunction, TestFunction
from courriel.sieve.usage import Given, Takes, Usage
from courriel.sieve.values import Texts


def _changer(kind: str, given: Given) -> StepFunction:
    name = ""
    if given.positional[0] is not None:
        name = variable_name(given, 0)
        _check_variables(given)
    texts, line = given.texts(1), given.line

    def step(run: Run) -> None:
        given_flags = split_flags(texts(run))
        now = split_flags((run.variable(name),)) if name else run.flags
        lowered = {flag.lower() for flag in given_flags}
        if kind == "set":
            now = given_flags
        elif kind == "add":
            now = split_flags((*now, *given_flags))
        else:
            now = [flag for flag in now if flag.lower() not in lowered]
        if name:
            run.set_variable(name, " ".join(now), line)
        else:
            run.flags = now

    return step


def _check_variables(given: Given) -> None:
    if not given.compiler.has("variables"):
        given.compiler.wrong(given.line, N_('flags in a variable need: require "variables";'))


def _hasflag(given: Given) -> TestFunction:
    names = given.positional[0]
    match = matcher(given, given.texts(1))
    if names is None:
        return lambda run: match(run, run.flags)
    _check_variables(given)
    assert isinstance(names, Texts)
    variables = names

    def test(run: Run) -> bool:
        return match(run, split_flags(tuple(run.variable(name.lower()) for name in variables(run))))

    return test


def _usage(kind: str) -> Usage:
    def make(given: Given) -> StepFunction:
        return _changer(kind, given)

    return Usage(make, (Takes.STRING, Takes.STRINGS), needs=("imap4flags",), optional="first")


COMMANDS: Final = {f"{kind}flag": _usage(kind) for kind in ("set", "add", "remove")}
TESTS: Final = {
    "hasflag": Usage(_hasflag, (Takes.STRINGS, Takes.STRINGS), MATCH_TAGS, ("imap4flags",), optional="first")
}
