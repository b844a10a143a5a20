"""``:matches``: ``*`` any characters, ``?`` one, a backslash takes their meaning.  RFC 5228 §2.7.1, RFC 5229 §3.2.

The pattern is cut at its stars; each piece is looked for behind the one before.  So the time is that of the text
times the longest piece, and the stars hold as little as they can, as RFC 5229 wants it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Span = tuple[int, int]


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

    def match(self, text: str) -> list[Span] | None:
        """What each wildcard holds, in order; None where the pattern does not fit all of the text."""
        first, *rest = self._pieces
        if not first.at(text, 0):
            return None
        spans = first.wild(0)
        at = first.length
        if not rest:
            return spans if at == len(text) else None
        *middle, last = rest
        for piece in middle:
            found = piece.find(text, at)
            if found < 0:
                return None
            spans += [(at, found), *piece.wild(found)]
            at = found + piece.length
        start = len(text) - last.length
        if start < at or not last.at(text, start):
            return None
        return [*spans, (at, start), *last.wild(start)]


class _Piece:
    """What stands between two stars: None is any one character."""

    __slots__ = ("_any", "_literal", "_regex", "length")

    def __init__(self, characters: list[str | None], fold: Callable[[str], str]) -> None:
        self._literal: str | None = None
        self._any: list[int] = []
        if None not in characters:
            self._literal = fold("".join(one for one in characters if one is not None))
            self.length = len(self._literal)
            self._regex = None
            return
        folded = [one if one is None else fold(one) for one in characters]
        at = 0
        for one in folded:
            if one is None:
                self._any.append(at)
            at += 1 if one is None else len(one)
        self.length = at
        self._regex = re.compile("".join("." if one is None else re.escape(one) for one in folded), re.DOTALL)

    def at(self, text: str, at: int) -> bool:
        if self._regex is None:
            return text.startswith(self._literal or "", at)
        return self._regex.match(text, at) is not None

    def find(self, text: str, at: int) -> int:
        if self._regex is None:
            return text.find(self._literal or "", at)
        found = self._regex.search(text, at)
        return -1 if found is None else found.start()

    def wild(self, at: int) -> list[Span]:
        """What the ``?`` of the piece hold when it stands at ``at``."""
        return [(at + one, at + one + 1) for one in self._any]
