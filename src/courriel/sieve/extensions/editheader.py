"""``addheader`` and ``deleteheader``.  RFC 5293.

Received and Auto-Submitted stay (RFC 5293 §6 and §4), so that loops can be seen and programs do not answer programs.
"""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.core import FIELD_NAME, check_fields
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Run, StepFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage
from courriel.sieve.values import Text, Texts

PROTECTED: Final = frozenset({"received", "auto-submitted"})
UNIQUE: Final = frozenset({"from", "date", "sender", "message-id"})
"""A second one would have readers and filters see different mail (RFC 5322 §3.6)."""


def _field(given: Given, text: Text) -> None:
    check_fields(given, Texts([text]))
    if text.constant is not None and text.constant.lower() in PROTECTED:
        given.compiler.wrong(given.line, N_("the field “{name}” cannot be changed"), name=text.constant)


def _addheader(given: Given) -> StepFunction:
    name, value, last, line = given.text(0), given.text(1), given.has("last"), given.line
    _field(given, name)

    def step(run: Run) -> None:
        field = name(run)
        if FIELD_NAME.fullmatch(field) is None or len(field) > 70:
            raise RunError(Problem(line, N_("“{name}” is no name of a field"), {"name": field[:80]}))
        if field.lower() in PROTECTED or (field.lower() in UNIQUE and run.message.fields.has(field.lower())):
            raise RunError(Problem(line, N_("the field “{name}” cannot be changed"), {"name": field}))
        if run.message.add(field, value(run), last=last) > run.settings.added_octets:
            raise RunError(Problem(line, N_("too much is added to the header")))

    return step


def _deleteheader(given: Given) -> StepFunction:
    name, patterns = given.text(0), given.positional[1]
    match = matcher(given, patterns) if isinstance(patterns, Texts) else None
    number, last = given.tag_number("index"), given.has("last")
    _field(given, name)
    if (last and number is None) or number == 0:
        given.compiler.wrong(given.line, N_("“:last” goes with “:index”, which counts from 1"))

    def step(run: Run) -> None:
        field = name(run).lower()
        if field in PROTECTED:
            return
        found = run.message.indexes(field)
        if number is not None:
            place = len(found) - number if last else number - 1
            found = [found[place]] if 0 <= place < len(found) else []
        doomed = [at for at, value in found if match is None or match(run, (value,))]
        run.message.delete(frozenset(doomed))

    return step


COMMANDS: Final = {
    "addheader": Usage(_addheader, (Takes.STRING, Takes.STRING), {"last": TagUsage()}, ("editheader",)),
    "deleteheader": Usage(
        _deleteheader,
        (Takes.STRING, Takes.STRINGS),
        {**MATCH_TAGS, "index": TagUsage(Takes.NUMBER), "last": TagUsage()},
        ("editheader",),
        optional="last",
    ),
}
TESTS: Final[dict[str, Usage]] = {}
