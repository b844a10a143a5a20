"""From tokens to commands and tests, and back.  RFC 5228 §8.2.

    command   = identifier arguments (";" / block)       arguments = *argument [ test / test-list ]
    argument  = string-list / number / tag               block     = "{" commands "}"

What commands there are, and what they take, is ``check``'s business.  After a mistake reading goes on at the next
command, so that all mistakes are told at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from courriel.base.i18n import N_
from courriel.sieve.lexer import Kind, Token, tokens
from courriel.sieve.problems import PROBLEMS, BadScript, Problem
from courriel.sieve.settings import DEFAULT, SieveSettings


class Strings(msgspec.Struct, frozen=True):
    """A string, or several in brackets."""

    values: tuple[str, ...]
    line: int
    bracketed: bool = False


class Number(msgspec.Struct, frozen=True):
    value: int
    line: int


class Tag(msgspec.Struct, frozen=True):
    """``:name``, in lower case without the colon."""

    name: str
    line: int


Argument = Strings | Number | Tag


class Node(msgspec.Struct, frozen=True):
    """A command or a test.  ``block`` None: it ended with a semicolon, or is a test."""

    name: str
    line: int
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Node, ...] = ()
    block: tuple[Node, ...] | None = None


class _Mistake(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def parse(raw: bytes, settings: SieveSettings = DEFAULT) -> tuple[tuple[Node, ...], list[Problem]]:
    """All commands of a script, and what is wrong with it."""
    if len(raw) > settings.script_octets:
        return (), [Problem(1, N_("the script has more than {octets} octets"), {"octets": settings.script_octets})]
    try:
        found = tokens(raw)
    except BadScript as error:
        return (), list(error.problems)
    return _Parser(found, settings.depth).script()


class _Parser:
    def __init__(self, found: Sequence[Token], depth: int) -> None:
        self._tokens = found
        self._at = 0
        self._depth = depth
        self._problems: list[Problem] = []

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _is(self, mark: str) -> bool:
        token = self._now
        return token.kind is Kind.MARK and token.text == mark

    def _take(self, mark: str) -> bool:
        if self._is(mark):
            self._at += 1
            return True
        return False

    def script(self) -> tuple[tuple[Node, ...], list[Problem]]:
        found = self._commands(0)
        while self._now.kind is not Kind.END and len(self._problems) < PROBLEMS:
            self._problems.append(Problem(self._now.line, N_("“}}” closes nothing")))
            self._at += 1
            found += self._commands(0)
        return tuple(found), self._problems[:PROBLEMS]

    def _commands(self, depth: int) -> list[Node]:
        found = []
        while self._now.kind is not Kind.END and not self._is("}"):
            try:
                found.append(self._command(depth))
            except _Mistake as mistake:
                self._problems.append(mistake.problem)
                if len(self._problems) >= PROBLEMS:
                    self._at = len(self._tokens) - 1
                self._skip()
        return found

    def _skip(self) -> None:
        """Go behind the command in which a mistake is."""
        depth = 0
        while self._now.kind is not Kind.END:
            if self._is("{"):
                depth += 1
            elif self._is("}"):
                if depth == 0:
                    return
                depth -= 1
                if depth == 0:
                    self._at += 1
                    return
            elif self._is(";") and depth == 0:
                self._at += 1
                return
            self._at += 1

    def _command(self, depth: int) -> Node:
        name, line, arguments, tests = self._head(0)
        if self._take(";"):
            return Node(name, line, arguments, tests)
        if not self._is("{"):
            raise _Mistake(self._expected(N_("a semicolon is missing after “{name}”, before “{found}”"), name))
        if depth >= self._depth:
            raise _Mistake(Problem(line, N_("blocks are nested more than {depth} deep"), {"depth": self._depth}))
        self._at += 1
        block = tuple(self._commands(depth + 1))
        if not self._take("}"):
            raise _Mistake(Problem(line, N_("the block of “{name}” has no end: }}"), {"name": name}))
        return Node(name, line, arguments, tests, block)

    def _expected(self, text: str, name: str) -> Problem:
        token = self._now
        found = token.text if token.kind is not Kind.END else "EOF"
        return Problem(token.line, text, {"name": name, "found": found[:40]})

    def _head(self, depth: int) -> tuple[str, int, tuple[Argument, ...], tuple[Node, ...]]:
        token = self._now
        if token.kind is not Kind.IDENTIFIER:
            raise _Mistake(self._expected(N_("a command or a test is expected, not “{found}”"), ""))
        self._at += 1
        arguments = self._arguments()
        return token.text, token.line, arguments, self._tests(depth)

    def _arguments(self) -> tuple[Argument, ...]:
        found: list[Argument] = []
        while True:
            token = self._now
            if token.kind is Kind.STRING:
                found.append(Strings((token.text,), token.line))
            elif token.kind is Kind.NUMBER:
                found.append(Number(token.number, token.line))
            elif token.kind is Kind.TAG:
                found.append(Tag(token.text, token.line))
            elif self._is("["):
                found.append(self._list())
                continue
            else:
                return tuple(found)
            self._at += 1

    def _list(self) -> Strings:
        line, values = self._now.line, []
        self._at += 1
        while self._now.kind is Kind.STRING:
            values.append(self._now.text)
            self._at += 1
            if not self._take(","):
                break
        else:
            if values or not self._is("]"):
                raise _Mistake(self._expected(N_("a list holds strings, not “{found}”"), ""))
        if not self._take("]"):
            raise _Mistake(self._expected(N_("in a list a comma or “]” is expected, not “{found}”"), ""))
        return Strings(tuple(values), line, True)

    def _tests(self, depth: int) -> tuple[Node, ...]:
        if self._now.kind is Kind.IDENTIFIER:
            return (self._test(depth),)
        if not self._take("("):
            return ()
        found = [self._test(depth)]
        while self._take(","):
            found.append(self._test(depth))
        if not self._take(")"):
            raise _Mistake(self._expected(N_("between tests a comma or “)” is expected, not “{found}”"), ""))
        return tuple(found)

    def _test(self, depth: int) -> Node:
        if depth >= self._depth:
            line = self._now.line
            raise _Mistake(Problem(line, N_("tests are nested more than {depth} deep"), {"depth": self._depth}))
        return Node(*self._head(depth + 1))


# --- back to text -------------------------------------------------------------------------------------------------
_INDENT: Final = "    "


def render(nodes: Sequence[Node], indent: str = "") -> str:
    """The commands as a script, a line each."""
    return "".join(_rendered(node, indent) for node in nodes)


def _rendered(node: Node, indent: str) -> str:
    if node.block is None:
        return f"{indent}{head(node)};\n"
    return f"{indent}{head(node)} {{\n{render(node.block, indent + _INDENT)}{indent}}}\n"


def head(node: Node) -> str:
    """A command without its block, or a test: on one line where its strings are."""
    words = [node.name, *map(_argument, node.arguments)]
    if len(node.tests) == 1:
        words.append(head(node.tests[0]))
    elif node.tests:
        words.append(f"({', '.join(map(head, node.tests))})")
    return " ".join(words)


def _argument(argument: Argument) -> str:
    if isinstance(argument, Tag):
        return ":" + argument.name
    if isinstance(argument, Number):
        return str(argument.value)
    quoted = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in argument.values]
    return f"[{', '.join(quoted)}]" if argument.bracketed else quoted[0]
