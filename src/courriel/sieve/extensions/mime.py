"""``foreverypart``, ``break`` and ``extracttext``.  RFC 5703 §3, §7."""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.extensions.body import text_of
from courriel.sieve.extensions.variables import MODIFIER_TAGS, modified, variable_name
from courriel.sieve.headers import below, current_part
from courriel.sieve.run import Break, Run, StepFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage


def _foreverypart(given: Given) -> StepFunction:
    name = given.tag_text("name")
    own = name.constant or "" if name is not None else ""
    block = given.block
    assert block is not None

    def step(run: Run) -> None:
        part = current_part(run)
        top = run.message.tree if part is None else part
        parts = [top, *below(top)] if part is None else list(below(top))
        for one in parts:
            run.check_time()
            run.parts.append(one)
            try:
                block(run)
            except Break as end:
                if end.name in ("", own):
                    return
                raise
            finally:
                run.parts.pop()

    return step


def _break(given: Given) -> StepFunction:
    name = given.tag_text("name")
    wanted = name.constant or "" if name is not None else ""
    loops = given.compiler.loops
    if not loops or (wanted and wanted not in loops):
        given.compiler.wrong(given.line, N_("“break” stands in no such loop"))

    def step(_run: Run) -> None:
        raise Break(wanted)

    return step


def _extracttext(given: Given) -> StepFunction:
    name, modify, most, line = variable_name(given, 0), modified(given), given.tag_number("first"), given.line
    if not given.compiler.loops:
        given.compiler.wrong(line, N_("“extracttext” stands inside “foreverypart”"))
    if not given.compiler.has("variables"):
        given.compiler.wrong(line, N_('“extracttext” needs: require "variables";'))

    def step(run: Run) -> None:
        part = current_part(run)
        text = "" if part is None else text_of(run.message, part, readable=True)
        limit = run.settings.variable_characters if most is None else most
        run.set_variable(name, modify(text[: min(limit, run.settings.variable_characters)]), line)

    return step


COMMANDS: Final = {
    "foreverypart": Usage(_foreverypart, (), {"name": TagUsage(Takes.STRING)}, ("foreverypart",), block=True),
    "break": Usage(_break, (), {"name": TagUsage(Takes.STRING)}, ("foreverypart",)),
    "extracttext": Usage(
        _extracttext, (Takes.STRING,), {**MODIFIER_TAGS, "first": TagUsage(Takes.NUMBER)}, ("extracttext",)
    ),
}
TESTS: Final[dict[str, Usage]] = {}
