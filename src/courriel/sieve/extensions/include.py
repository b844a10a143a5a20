"""``include``, ``return`` and ``global``.  RFC 6609.

An included script has variables of its own; those that both call global are shared.  What it does, and that it
stops, counts for the whole run.
"""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Return, Run, Script, StepFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage
from courriel.sieve.values import NAME


def _include(given: Given) -> StepFunction:
    name, once, optional, line = given.text(0), given.has("once"), given.has("optional"), given.line
    location = given.one_of("personal", "global") or "personal"
    if name.constant is None:
        given.compiler.wrong(line, N_("“include” takes a constant name"))

    def step(run: Run) -> None:
        wanted = name(run)
        key = f"{location} {wanted}"
        if once and key in run.included:
            return
        run.calls += 1
        if run.calls > run.settings.includes or len(run.trail) >= run.settings.include_depth:
            raise RunError(Problem(line, N_("too many scripts are included")))
        if key in run.trail:
            raise RunError(Problem(line, N_("the script “{name}” includes itself"), {"name": wanted[:80]}))
        script = run.environment.script(location, wanted)
        if script is None:
            if optional:
                return
            raise RunError(Problem(line, N_("there is no script “{name}” that works"), {"name": wanted[:80]}))
        run.included.add(key)
        _call(run, script, key)

    return step


def _call(run: Run, script: Script, key: str) -> None:
    kept, run.locals = run.locals, {}
    declared, run.declared = run.declared, set()
    matched, run.matched = run.matched, []
    run.trail.append(key)
    run.depth += 1
    try:
        script.run(run)
    except Return:
        pass
    finally:
        run.locals, run.declared, run.matched = kept, declared, matched
        run.trail.pop()
        run.depth -= 1


def _return(_given: Given) -> StepFunction:
    def step(_run: Run) -> None:
        raise Return

    return step


def _global(given: Given) -> StepFunction:
    names, line = given.texts(0).constant, given.line
    if names is None or not all(NAME.fullmatch(name) and "." not in name for name in names):
        given.compiler.wrong(line, N_("“global” takes names of variables"))
        return lambda _run: None
    lower = [name.lower() for name in names]

    def step(run: Run) -> None:
        for name in lower:
            run.declared.add(name)
            run.locals.pop(name, None)

    return step


COMMANDS: Final = {
    "include": Usage(
        _include,
        (Takes.STRING,),
        {
            "personal": TagUsage(group="location"),
            "global": TagUsage(group="location"),
            "once": TagUsage(),
            "optional": TagUsage(),
        },
        ("include",),
    ),
    "return": Usage(_return, needs=("include",)),
    "global": Usage(_global, (Takes.STRINGS,), needs=("include",)),
}
TESTS: Final[dict[str, Usage]] = {}
