"""``:matches``: ``*`` any characters, ``?`` one, a backslash takes their meaning.  RFC 5228 §2.7.1, RFC 5229 §3.2.

The pattern is cut at its stars; each piece is looked for behind the one before.  So the time is at most that of the
text times the longest piece, and the stars hold as little as they can, as RFC 5229 wants it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Final

Span = tuple[int, int]
Tick = Callable[[], None]

TICK: Final = 64
"""Places that are tried between two looks at the clock."""


class Glob:
    """A pattern, ready.  ``fold`` makes of its letters what the comparator makes of the text's."""

    __slots__ = ("_pieces",)

    def __init__(self, pattern: str, fold: Callable[[str], str] = str) -> None:
        pieces: list[list[str | None]] = [[]]
        escaped = False
        for character in pattern:
            if escaped:
                pieces[-1].append(character)
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == "*":
                pieces.append([])
            else:
                pieces[-1].append(None if character == "?" else character)
        self._pieces = [_Piece(piece, fold) for piece in pieces]

    def match(self, text: str, tick: Tick = lambda: None) -> list[Span] | None:
        """What each wildcard holds, in order; None where the pattern does not fit all of the text.  ``tick`` is called
        now and then, where it takes long."""
        first, *rest = self._pieces
        if not first.at(text, 0):
            return None
        spans = first.wild(0)
        at = first.length
        if not rest:
            return spans if at == len(text) else None
        *middle, last = rest
        for piece in middle:
            found = piece.find(text, at, tick)
            if found < 0:
                return None
            spans += [(at, found), *piece.wild(found)]
            at = found + piece.length
        start = len(text) - last.length
        if start < at or not last.at(text, start):
            return None
        return [*spans, (at, start), *last.wild(start)]


class _Piece:
    """What stands between two stars: None is any one character.

    It is looked for by its longest stretch without ``?``, and compared where that is found.
    """

    __slots__ = ("_any", "_key", "_key_at", "_regex", "length")

    def __init__(self, characters: list[str | None], fold: Callable[[str], str]) -> None:
        runs: list[tuple[int, str]] = []
        self._any: list[int] = []
        at = 0
        for kind, group in itertools.groupby(characters, key=lambda one: one is None):
            if kind:
                count = len(list(group))
                self._any += range(at, at + count)
                at += count
            else:
                runs.append((at, fold("".join(one for one in group if one is not None))))
                at += len(runs[-1][1])
        self.length = at
        self._key_at, self._key = max(runs, key=lambda run: len(run[1]), default=(0, ""))
        self._regex = None
        if self._any:
            wild = dict.fromkeys(self._any, ".")
            known = {start: re.escape(text) for start, text in runs}
            pieces = {**wild, **known}
            self._regex = re.compile("".join(pieces[place] for place in sorted(pieces)), re.DOTALL)

    def at(self, text: str, at: int) -> bool:
        if self._regex is None:
            return text.startswith(self._key, at)
        return self._regex.match(text, at) is not None

    def find(self, text: str, at: int, tick: Tick) -> int:
        if self._regex is None:
            return text.find(self._key, at)
        tries, place = 0, at + self._key_at
        while True:
            place = text.find(self._key, place)
            if place < 0 or place - self._key_at + self.length > len(text):
                return -1
            if self.at(text, place - self._key_at):
                return place - self._key_at
            place += 1
            tries += 1
            if tries % TICK == 0:
                tick()

    def wild(self, at: int) -> list[Span]:
        """What the ``?`` of the piece hold when it stands at ``at``."""
        return [(at + one, at + one + 1) for one in self._any]
