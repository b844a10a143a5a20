"""``:regex``: POSIX extended regular expressions in linear time.  draft-ietf-sieve-regex-01; POSIX.1 XBD 9.4.

    . [abc] [^a-z] [[:alpha:]] * + ? {n} {n,m} ( ) | ^ $ and a backslash before what has a meaning

All ways through the expression are followed side by side (Thompson's and Pike's machine), so no expression takes more
than instructions times characters; a backtracking engine can take for ever.  Of several matches the leftmost wins,
and of two ways the one written first: POSIX would have the longest, which differs for ``(a|ab)`` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from courriel.base.errors import FormatError

GROUPS: Final = 9
"""``sieve.regex_groups``: those of which a script can ask, ${1} to ${9}."""

DEPTH: Final = 50
"""``sieve.regex_depth``: groups within groups."""

TICK: Final = 256
"""Characters between two looks at the clock."""

_CLASSES: Final[dict[str, Callable[[str], bool]]] = {
    "alpha": str.isalpha,
    "digit": str.isdigit,
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": str.isspace,
    "blank": lambda one: one in " \t",
    "punct": lambda one: one.isprintable() and not (one.isalnum() or one.isspace()),
    "print": str.isprintable,
    "graph": lambda one: one.isprintable() and not one.isspace(),
    "cntrl": lambda one: ord(one) < 32 or ord(one) == 127,
    "xdigit": lambda one: one in "0123456789abcdefABCDEF",
}

Span = tuple[int, int]


class _Op(msgspec.Struct):
    """``code``: "char" (``test``), "split" (``x`` first, then ``y``), "jump" (``x``), "save" (``x``), "begin", "end",
    "match"."""

    code: str
    x: int = 0
    y: int = 0
    test: Callable[[str], bool] | None = None


class Regex:
    """An expression, ready.  Raises FormatError for one that cannot be read, or is too long."""

    def __init__(self, expression: str, *, ignore_case: bool, steps: int) -> None:
        self._ignore = ignore_case
        self._program = _Compiler(expression, ignore_case, steps).program()
        self.groups = max((op.x // 2 for op in self._program if op.code == "save"), default=0)

    def search(self, text: str, tick: Callable[[], None]) -> list[Span | None] | None:
        """The spans of the match and of its groups, None where nothing fits.  ``tick`` is called now and then."""
        program = self._program
        best: tuple[int, ...] | None = None
        empty = (-1,) * (2 * (min(self.groups, GROUPS) + 1))
        threads: list[tuple[int, tuple[int, ...]]] = []
        for at in range(len(text) + 1):
            if at % TICK == TICK - 1:
                tick()
            reached: set[int] = set()
            now: list[tuple[int, tuple[int, ...]]] = []
            for place, saved in threads:
                self._follow(place, saved, at, len(text), reached, now)
            if best is None:
                self._follow(0, empty, at, len(text), reached, now)
            threads = []
            for place, saved in now:
                op = program[place]
                if op.code == "match":
                    best = saved
                    break
                if at < len(text) and op.test is not None and op.test(text[at]):
                    threads.append((place + 1, saved))
            if best is not None and not threads:
                break
        if best is None:
            return None
        return [(best[n], best[n + 1]) if best[n] >= 0 and best[n + 1] >= 0 else None for n in range(0, len(best), 2)]

    def _follow(
        self,
        start: int,
        saved: tuple[int, ...],
        at: int,
        end: int,
        reached: set[int],
        now: list[tuple[int, tuple[int, ...]]],
    ) -> None:
        """Go from ``start`` to all that eats a character, in order of preference."""
        waiting = [(start, saved)]
        while waiting:
            place, saved = waiting.pop()
            if place in reached:
                continue
            reached.add(place)
            op = self._program[place]
            if op.code == "jump":
                waiting.append((op.x, saved))
            elif op.code == "split":
                waiting += [(op.y, saved), (op.x, saved)]
            elif op.code == "save":
                if op.x < len(saved):
                    saved = (*saved[: op.x], at, *saved[op.x + 1 :])
                waiting.append((place + 1, saved))
            elif op.code in ("begin", "end"):
                if at == (0 if op.code == "begin" else end):
                    waiting.append((place + 1, saved))
            else:
                now.append((place, saved))


class _Compiler:
    """Recursive descent; ``_depth`` bounds it."""

    def __init__(self, expression: str, ignore_case: bool, steps: int) -> None:
        self._text = expression
        self._at = 0
        self._ignore = ignore_case
        self._steps = steps
        self._groups = 0
        self._depth = 0

    def program(self) -> list[_Op]:
        body = self._either()
        if self._at < len(self._text):
            raise self._bad("no group is open here")
        return [_Op("save", 0), *_moved(body, 1), _Op("save", 1), _Op("match")]

    def _bad(self, rule: str) -> FormatError:
        return FormatError("regular expression", self._at, rule)

    def _fits(self, ops: list[_Op]) -> list[_Op]:
        if len(ops) > self._steps:
            raise self._bad("too long")
        return ops

    def _either(self) -> list[_Op]:
        """Alternatives.  Places inside a piece count from its own start."""
        ways = [self._sequence()]
        while self._text.startswith("|", self._at):
            self._at += 1
            ways.append(self._sequence())
        end = sum(len(way) + 2 for way in ways) - 2
        found: list[_Op] = []
        for way in ways[:-1]:
            at = len(found)
            found += [_Op("split", at + 1, at + len(way) + 2), *_moved(way, at + 1), _Op("jump", end)]
        return self._fits([*found, *_moved(ways[-1], len(found))])

    def _sequence(self) -> list[_Op]:
        found: list[_Op] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            found += _moved(self._repeated(), len(found))
            self._fits(found)
        return found

    def _repeated(self) -> list[_Op]:
        piece = self._atom()
        while self._at < len(self._text) and self._text[self._at] in "*+?{":
            sign = self._text[self._at]
            self._at += 1
            least, most = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}.get(sign) or self._bounds()
            piece = self._times(piece, least, most)
        return piece

    def _bounds(self) -> tuple[int, int]:
        close = self._text.find("}", self._at)
        low, comma, high = self._text[self._at : close].partition(",")
        if close < 0 or not low.isdecimal() or (high and not high.isdecimal()) or max(len(low), len(high)) > 3:
            raise self._bad("{n}, {n,} or {n,m} is expected")
        self._at = close + 1
        least = int(low)
        most = int(high) if high else (-1 if comma else least)
        if 0 <= most < least or max(least, most) > 255:
            raise self._bad("{n,m}: m is below n, or above 255")
        return least, most

    def _times(self, piece: list[_Op], least: int, most: int) -> list[_Op]:
        size = len(piece)
        found: list[_Op] = []
        if (max(least, most) + 1) * (size + 2) > self._steps:
            raise self._bad("too long")
        for _ in range(least):
            found += _moved(piece, len(found))
        if most < 0:
            at = len(found)
            found += [_Op("split", at + 1, at + size + 2), *_moved(piece, at + 1), _Op("jump", at)]
            return found
        end = len(found) + (most - least) * (size + 1)
        for _ in range(most - least):
            found.append(_Op("split", len(found) + 1, end))
            found += _moved(piece, len(found))
        return found

    def _atom(self) -> list[_Op]:
        sign = self._text[self._at]
        self._at += 1
        if sign == "(":
            return self._group()
        if sign == "[":
            return [_Op("char", test=self._set())]
        if sign == ".":
            return [_Op("char", test=lambda _one: True)]
        if sign in "^$":
            return [_Op("begin" if sign == "^" else "end")]
        if sign in "*+?{":
            raise self._bad("nothing stands before this to repeat")
        if sign == "\\":
            if self._at >= len(self._text):
                raise self._bad("a backslash at the end")
            sign = self._text[self._at]
            self._at += 1
            if sign.isalnum():
                raise self._bad("a backslash before a letter or digit has no meaning in POSIX")
        return [_Op("char", test=self._one(sign))]

    def _group(self) -> list[_Op]:
        self._groups += 1
        self._depth += 1
        if self._depth > DEPTH:
            raise self._bad("too deep")
        number = self._groups
        inside = self._either()
        self._depth -= 1
        if not self._text.startswith(")", self._at):
            raise self._bad("a group has no end")
        self._at += 1
        return [_Op("save", 2 * number), *_moved(inside, 1), _Op("save", 2 * number + 1)]

    def _one(self, sign: str) -> Callable[[str], bool]:
        if self._ignore and (low := sign.lower()) != (high := sign.upper()):
            return lambda one: one in (low, high)
        return lambda one: one == sign

    def _set(self) -> Callable[[str], bool]:
        negated = self._text.startswith("^", self._at)
        self._at += negated
        single: set[str] = set()
        ranges: list[tuple[str, str]] = []
        classes: list[Callable[[str], bool]] = []
        first = True
        while first or not self._text.startswith("]", self._at):
            first = False
            if self._at >= len(self._text):
                raise self._bad("a set in brackets has no end")
            if self._text.startswith("[:", self._at):
                classes.append(self._class())
                continue
            low = self._text[self._at]
            self._at += 1
            if self._text.startswith("-", self._at) and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                high = self._text[self._at + 1]
                if high < low:
                    raise self._bad("a range goes down")
                ranges.append((low, high))
                self._at += 2
            else:
                single.add(low)
        self._at += 1

        def holds(one: str) -> bool:
            return (
                one in single
                or any(low <= one <= high for low, high in ranges)
                or any(is_one(one) for is_one in classes)
            )

        if self._ignore:
            return lambda one: (holds(one) or holds(one.lower()) or holds(one.upper())) is not negated
        return lambda one: holds(one) is not negated

    def _class(self) -> Callable[[str], bool]:
        close = self._text.find(":]", self._at)
        found = _CLASSES.get(self._text[self._at + 2 : close]) if close >= 0 else None
        if found is None:
            raise self._bad("no such class of characters")
        self._at = close + 2
        return found


def _moved(ops: list[_Op], by: int) -> list[_Op]:
    """The same instructions, ``by`` places further on."""
    if not by:
        return ops
    return [
        _Op(op.code, op.x + by, op.y + by)
        if op.code == "split"
        else _Op("jump", op.x + by)
        if op.code == "jump"
        else op
        for op in ops
    ]
