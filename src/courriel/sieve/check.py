"""From what was read to what can be run: every mistake told at once, every test a function.  RFC 5228 §2.10.5, §3.2.

A script is made once and run often; so all that can be decided now (names, constants, patterns) is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from courriel.base.i18n import N_
from courriel.sieve.actions import Step
from courriel.sieve.extensions import CAPABILITIES, COMMANDS, TESTS
from courriel.sieve.grammar import Argument, Node, Number, Strings, Tag, head, parse
from courriel.sieve.problems import PROBLEMS, BadScript, Problem, RunError
from courriel.sieve.run import Run, Script, StepFunction, TestFunction
from courriel.sieve.settings import DEFAULT, SieveSettings
from courriel.sieve.usage import Given, Takes, Usage
from courriel.sieve.values import Text, Texts, decode_characters


def compile_script(raw: bytes, settings: SieveSettings = DEFAULT, *, traced: bool = False) -> Script:
    """A script ready to run; with ``traced`` each run tells its steps.  Raises BadScript."""
    nodes, problems = parse(raw, settings)
    compiler = _Compiler(settings, traced)
    compiler.problems = problems
    run = compiler.script(nodes)
    if compiler.problems:
        once = {(one.line, one.words(str)): one for one in compiler.problems}
        raise BadScript([once[key] for key in sorted(once, key=lambda key: key[0])][:PROBLEMS])
    return Script(run, frozenset(compiler.required))


class _Compiler:
    """Fulfils ``usage.Compiler``."""

    def __init__(self, settings: SieveSettings, traced: bool) -> None:
        self.settings = settings
        self.problems: list[Problem] = []
        self.required: set[str] = set()
        self._traced = traced
        self._loops: list[str] = []

    # --- for makers ---------------------------------------------------------------------------------------------
    def has(self, capability: str) -> bool:
        return capability in self.required

    def supports(self, capability: str) -> bool:
        return capability in CAPABILITIES

    def allow(self, capabilities: tuple[str, ...]) -> None:
        self.required.update(capabilities)

    @property
    def loops(self) -> tuple[str, ...]:
        return tuple(self._loops)

    def wrong(self, line: int, text: str, /, **values: str | int) -> None:
        short = {name: one if isinstance(one, int) else one[:80] for name, one in values.items()}
        self.problems.append(Problem(line, text, short))

    # --- the script ---------------------------------------------------------------------------------------------
    def script(self, nodes: Sequence[Node]) -> StepFunction:
        start = 0
        for node in nodes:
            if node.name != "require":
                break
            self._require(node)
            start += 1
        return self._block(nodes[start:])

    def _require(self, node: Node) -> None:
        match node.arguments:
            case (Strings(values=names),) if not node.tests and node.block is None:
                for name in names:
                    if name not in CAPABILITIES:
                        self.wrong(node.line, N_("there is no extension “{name}” here"), name=name)
                    self.required.add(name)
            case _:
                self.wrong(node.line, N_("“require” takes a string or a list of strings, and a semicolon"))

    def _block(self, nodes: Sequence[Node]) -> StepFunction:
        steps: list[StepFunction] = []
        at = 0
        while at < len(nodes):
            if nodes[at].name == "if":
                end = at + 1
                while end < len(nodes) and nodes[end].name in ("elsif", "else"):
                    end += 1
                    if nodes[end - 1].name == "else":
                        break
                steps.append(self._if(nodes[at:end]))
                at = end
                continue
            steps.append(self._command(nodes[at]))
            at += 1
        return _in_order(steps)

    def _if(self, nodes: Sequence[Node]) -> StepFunction:
        ways: list[tuple[TestFunction, StepFunction]] = []
        for node in nodes:
            is_else = node.name == "else"
            if node.arguments or len(node.tests) != (0 if is_else else 1) or node.block is None:
                text = (
                    N_("“else” takes a block and nothing else") if is_else else N_("“{name}” takes one test, a block")
                )
                self.wrong(node.line, text, name=node.name)
                continue
            test = _always if is_else else self._test(node.tests[0])
            ways.append((self._traced_test(node, test) if is_else else test, self._block(node.block)))

        def branch(run: Run) -> None:
            for test, block in ways:
                if test(run):
                    if self._traced:
                        run.depth += 1
                        try:
                            block(run)
                        finally:
                            run.depth -= 1
                    else:
                        block(run)
                    return

        return branch

    def _command(self, node: Node) -> StepFunction:
        if node.name == "require":
            self.wrong(node.line, N_("“require” stands before all other commands"))
            return _nothing
        if node.name in ("elsif", "else"):
            self.wrong(node.line, N_("“{name}” follows no “if”"), name=node.name)
            return _nothing
        usage = COMMANDS.get(node.name)
        if usage is None:
            if node.name in TESTS:
                self.wrong(node.line, N_("“{name}” is a test: it belongs behind “if”"), name=node.name)
                return _nothing
            return self._unknown(node, N_("there is no command “{name}”"))
        made: StepFunction | None = self._made(node, usage)
        return _nothing if made is None else self._traced_step(node, made)

    def _test(self, node: Node) -> TestFunction:
        usage = TESTS.get(node.name)
        if usage is None:
            if node.name in COMMANDS or node.name in ("if", "require"):
                self.wrong(node.line, N_("“{name}” is a command, not a test"), name=node.name)
                return _never
            return self._unknown(node, N_("there is no test “{name}”"))
        made: TestFunction | None = self._made(node, usage)
        return _never if made is None else self._traced_test(node, made)

    def _unknown(self, node: Node, text: str) -> Callable[[Run], bool]:
        """RFC 5463 §4: behind ``ihave`` stands what other servers know; it counts when it is come to."""
        if not self.has("ihave"):
            self.wrong(node.line, text, name=node.name)
            return _never
        problem = Problem(node.line, text, {"name": node.name[:80]})

        def fail(_run: Run) -> bool:
            raise RunError(problem)

        return fail

    # --- one command or test --------------------------------------------------------------------------------------
    def _made(self, node: Node, usage: Usage) -> Any:
        """None: something is wrong, and noted."""
        before = len(self.problems)
        if usage.needs and not any(self.has(one) for one in usage.needs):
            if self.has("ihave"):
                return self._unknown(node, N_("“{name}” needs an extension that is not required"))
            needed = " / ".join(usage.needs)
            self.wrong(node.line, N_('“{name}” needs: require "{needed}";'), name=node.name, needed=needed)
        given = Given(node, {}, [], [], None, self)
        rest = self._tags(node, usage, given)
        self._positional(node, usage, rest, given)
        self._tests(node, usage, given)
        self._inside(node, usage, given)
        if len(self.problems) > before:
            return None
        made = usage.make(given)
        return None if len(self.problems) > before else made

    def _tags(self, node: Node, usage: Usage, given: Given) -> list[Argument]:
        """Read the tags; what is left are the positional arguments."""
        rest: list[Argument] = []
        groups: dict[str, str] = {}
        arguments = list(node.arguments)
        while arguments:
            argument = arguments.pop(0)
            if not isinstance(argument, Tag):
                rest.append(argument)
                continue
            known = usage.tags.get(argument.name)
            if known is None:
                self.wrong(argument.line, N_("“{name}” has no tag “:{tag}”"), name=node.name, tag=argument.name)
                continue
            if known.needs and not self.has(known.needs):
                text = N_('“:{tag}” needs: require "{needed}";')
                self.wrong(argument.line, text, tag=argument.name, needed=known.needs)
            if argument.name in given.tags:
                self.wrong(argument.line, N_("“:{tag}” stands twice"), tag=argument.name)
            if known.group:
                other = groups.setdefault(known.group, argument.name)
                if other != argument.name:
                    text = N_("“:{tag}” and “:{other}” exclude each other")
                    self.wrong(argument.line, text, tag=argument.name, other=other)
            given.tags[argument.name] = None
            if known.takes is not Takes.NOTHING:
                value = arguments.pop(0) if arguments and not isinstance(arguments[0], Tag) else None
                given.tags[argument.name] = self._value(value, known.takes, ":" + argument.name, argument.line)
        return rest

    def _positional(self, node: Node, usage: Usage, rest: list[Argument], given: Given) -> None:
        wanted = list(usage.positional)
        given.positional = [None] * len(wanted)
        first = 0
        if usage.optional and len(rest) == len(wanted) - 1:
            first = 1 if usage.optional == "first" else 0
            wanted = wanted[1:] if first else wanted[:-1]
        if len(rest) != len(wanted):
            text = N_("“{name}” takes {wanted} arguments, here are {given}")
            self.wrong(node.line, text, name=node.name, wanted=len(wanted), given=len(rest))
            return
        for place, (argument, takes) in enumerate(zip(rest, wanted, strict=True), first):
            given.positional[place] = self._value(argument, takes, node.name, argument.line)

    def _value(self, argument: Argument | None, takes: Takes, name: str, line: int) -> Text | Texts | int | None:
        if takes is Takes.NUMBER and isinstance(argument, Number):
            return argument.value
        if isinstance(argument, Strings) and takes is Takes.STRINGS:
            return Texts([self._text(one, argument.line) for one in argument.values])
        if isinstance(argument, Strings) and takes is Takes.STRING and not argument.bracketed:
            return self._text(argument.values[0], argument.line)
        kind = {Takes.STRING: N_("“{name}” wants a string here"), Takes.NUMBER: N_("“{name}” wants a number here")}
        self.wrong(line, kind.get(takes, N_("“{name}” wants a string or a list of strings here")), name=name)
        return None

    def _text(self, text: str, line: int) -> Text:
        if "${" in text and self.has("encoded-character"):
            try:
                text = decode_characters(text)
            except ValueError:
                self.wrong(line, N_("“{text}” holds no character that there is"), text=text)
        made = Text(text, self.has("variables"))
        for name in made.names:
            if "." in name and not (name.lower().startswith("global.") and self.has("include")):
                self.wrong(line, N_("“{name}”: that namespace is not there"), name=name)
        return made

    def _tests(self, node: Node, usage: Usage, given: Given) -> None:
        if usage.tests is None and not node.tests:
            self.wrong(node.line, N_("“{name}” takes tests in parentheses"), name=node.name)
        elif usage.tests == 0 and node.tests:
            self.wrong(node.line, N_("“{name}” takes no test; is a semicolon missing?"), name=node.name)
        elif usage.tests == 1 and len(node.tests) != 1:
            self.wrong(node.line, N_("“{name}” takes one test"), name=node.name)
        else:
            given.tests = [self._test(test) for test in node.tests]

    def _inside(self, node: Node, usage: Usage, given: Given) -> None:
        if node.block is None:
            if usage.block:
                self.wrong(node.line, N_("“{name}” takes a block"), name=node.name)
            return
        if not usage.block:
            self.wrong(node.line, N_("“{name}” takes no block"), name=node.name)
            return
        name = given.tag_text("name")
        self._loops.append(name.constant or "" if name is not None else "")
        given.block = self._block(node.block)
        self._loops.pop()

    # --- telling ------------------------------------------------------------------------------------------------
    def _traced_step(self, node: Node, step: StepFunction) -> StepFunction:
        if not self._traced:
            return step
        line, what = node.line, head(node)

        def tell(run: Run) -> None:
            run.trace.append(Step(line, what, None, run.depth))
            step(run)

        return tell

    def _traced_test(self, node: Node, test: TestFunction) -> TestFunction:
        """Told before the tests inside it, once its result is known."""
        if not self._traced:
            return test
        line, what = node.line, head(node)

        def tell(run: Run) -> bool:
            place, depth = len(run.trace), run.depth
            run.depth += 1
            try:
                result = test(run)
            finally:
                run.depth = depth
            run.trace.insert(place, Step(line, what, result, depth))
            return result

        return tell


def _in_order(steps: list[StepFunction]) -> StepFunction:
    if len(steps) == 1:
        return steps[0]
    every = tuple(steps)

    def run_all(run: Run) -> None:
        for step in every:
            run.spend()
            step(run)

    return run_all


def _nothing(_run: Run) -> None:
    """What stands in for a command with a mistake; such a script never runs."""


def _never(_run: Run) -> bool:
    return False


def _always(_run: Run) -> bool:
    return True
