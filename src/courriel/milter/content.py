"""A message as filters see it: its header fields one by one, and its body.  Pure.

Every octet is kept: what stands in the header and is no field stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from courriel.milter.wire import AddHeader, ChangeHeader

# A field with its folded lines, or one line that is no field.
_PIECE: Final = re.compile(rb"(?:([!-9;-~]++)([ \t]*+:))?([^\n]*+\n?+(?>(?:[ \t][^\n]*+\n?+)*))")


class _Piece:
    """Part of the header: all of a field with its line ends, or something else (empty name)."""

    __slots__ = ("name", "raw", "value_at")

    def __init__(self, name: bytes, raw: bytes, value_at: int) -> None:
        self.name = name
        self.raw = raw
        self.value_at = value_at


class Content:
    """A message that can be changed.  ``leading_space``: see ``wire.Step.LEADING_SPACE``."""

    def __init__(self, octets: bytes) -> None:
        end = 0 if octets.startswith(b"\r\n") else octets.find(b"\r\n\r\n") + 2
        if end == 1:
            end = len(octets)
        self._has_body = end < len(octets)
        self.body = octets[end + 2 :]
        self._pieces = [
            _Piece(found[1] or b"", found[0], found.end(2) - found.start() if found[1] else 0)
            for found in _PIECE.finditer(octets, 0, end)
            if found[0]
        ]

    def fields(self, *, leading_space: bool) -> Iterator[tuple[bytes, bytes]]:
        """Name and value of each field; folds as LF, as libmilter has them."""
        for piece in self._pieces:
            if piece.name:
                value = piece.raw[piece.value_at :].removesuffix(b"\r\n").replace(b"\r\n", b"\n")
                yield piece.name, value if leading_space else value.removeprefix(b" ")

    def add(self, change: AddHeader, *, leading_space: bool) -> None:
        """One more field; a place counts the fields that a filter sees."""
        fresh = _field(change.name, change.value, leading_space)
        seen = [number for number, piece in enumerate(self._pieces) if piece.name]
        if change.place is None or change.place >= len(seen):
            self._end_last_line()
            self._pieces.append(fresh)
        else:
            self._pieces.insert(seen[change.place] if change.place else 0, fresh)

    def change(self, change: ChangeHeader, *, leading_space: bool) -> None:
        """Another value for a field, or none at all; a field that is not there is added."""
        name = change.name.lower()
        found = [number for number, piece in enumerate(self._pieces) if piece.name.lower() == name]
        place = found[max(change.nth, 1) - 1] if max(change.nth, 1) <= len(found) else None
        if place is None:
            if change.value:
                self.add(AddHeader(change.name, change.value), leading_space=leading_space)
        elif change.value:
            self._pieces[place] = _field(self._pieces[place].name, change.value, leading_space)
        else:
            del self._pieces[place]

    def replace_body(self, pieces: Sequence[bytes]) -> None:
        """Another body; its lines end with CRLF, whatever the filter wrote."""
        self._has_body = True
        self.body = _LINE_END.sub(b"\r\n", b"".join(pieces))

    def octets(self) -> bytes:
        """The message as it is now."""
        header = b"".join([piece.raw for piece in self._pieces])
        return b"%b\r\n%b" % (header, self.body) if self._has_body else header

    def _end_last_line(self) -> None:
        if self._pieces and not self._pieces[-1].raw.endswith(b"\r\n"):
            self._pieces[-1].raw += b"\r\n"


_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def _field(name: bytes, value: bytes, leading_space: bool) -> _Piece:
    head = name + (b":" if leading_space else b": ")
    return _Piece(name, b"%b%b\r\n" % (head, value), len(name) + 1)
