"""The test ``ihave`` and the command ``error``.  RFC 5463."""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Run, StepFunction, TestFunction
from courriel.sieve.usage import Given, Takes, Usage


def _ihave(given: Given) -> TestFunction:
    names, compiler = given.texts(0).constant, given.compiler
    if names is None:
        compiler.wrong(given.line, N_("“ihave” takes constants"))
        return lambda _run: False
    supported = all(compiler.supports(name) for name in names)
    if supported:
        compiler.allow(names)
    return lambda _run: supported


def _error(given: Given) -> StepFunction:
    text, line = given.text(0), given.line

    def step(run: Run) -> None:
        raise RunError(Problem(line, N_("the script gave up: {text}"), {"text": text(run)[:500]}))

    return step


COMMANDS: Final = {"error": Usage(_error, (Takes.STRING,), needs=("ihave",))}
TESTS: Final = {"ihave": Usage(_ihave, (Takes.STRINGS,), needs=("ihave",))}
