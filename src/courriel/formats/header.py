"""Header fields: where the block ends, where each field lies, and how a folded value reads.  RFC 5322 §2.2.

Line ends may be CRLF or LF.  A line that is no field (no colon, a space or 8-bit octet in the name, a fold with
nothing to continue) is left out of the fields and loses nothing after it.  Values stay bytes: what they mean is
for ``address``, ``dates``, ``encoded_word`` and ``parameters``.

The split itself is two ``bytes.find`` (3 µs for 15 folded fields); names and values are read at the first question
(6 µs, with the index by name) and offsets only when asked for (8 µs): most messages are asked for three fields or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.formats.parameters import PARAMETERS_LIMIT, Parameters, parameters

__all__ = [
    "DEFAULT",
    "Field",
    "HeaderBlock",
    "HeaderLimits",
    "Parameters",
    "parameters",
    "split_block",
    "unfold",
    "without",
]


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """How much of a header is read (ARCHITECTURE: bounds by name; AUTH.md attack row 7)."""

    block_octets: int = 1_048_576
    """``header.block_octets``: fields past this many octets of one block are not read."""
    fields: int = 1_000
    """``header.fields``: fields past this number are not read."""
    parameters: int = PARAMETERS_LIMIT
    """``header.parameters``: parameters past this number of one field are not read."""


DEFAULT = HeaderLimits()


class Field(msgspec.Struct, frozen=True, gc=False):
    """One field by its offsets: ``raw[start:end]`` is all of it with its last line end."""

    name: bytes
    start: int
    value_start: int
    end: int


# name, blanks and colon, value with its folded lines.  Possessive throughout: no way back, so linear.
# ftext is printable US-ASCII without the colon (RFC 5322 §3.6.8); blanks before the colon are obsolete (§4.5).
_FIELD = re.compile(rb"^([!-9;-~]++)([ \t]*+:)([^\n]*+\n?(?>(?:[ \t][^\n]*+\n?)*))", re.MULTILINE)
# Below this, reading every field in one call costs less than counting them one by one.
_SMALL_BLOCK_OCTETS = 65_536


class HeaderBlock:
    """The header of a message or part, seen through ``split_block``.  Reading is lazy and never raises."""

    __slots__ = ("_first", "_found", "body", "limits", "raw", "start")

    def __init__(self, raw: bytes, start: int, body: int, limits: HeaderLimits) -> None:
        self.raw = raw
        self.start = start
        """Offset of the block's first octet in ``raw``."""
        self.body = body
        """Offset of the body: just past the empty line, or the end where there is none."""
        self.limits = limits
        self._found: list[tuple[bytes, bytes, bytes]] | None = None
        self._first: dict[bytes, bytes] | None = None

    @property
    def length(self) -> int:
        """Octets of the block, its empty line included."""
        return self.body - self.start

    @property
    def exceeded(self) -> str | None:
        """The name of the first limit this block goes over; the fields up to it are read all the same."""
        if self.length > self.limits.block_octets:
            return "header.block_octets"
        if len(self._read()) > self.limits.fields:
            return "header.fields"
        return None

    def check(self) -> None:
        """Raise ``LimitExceeded`` where ``exceeded`` names a limit."""
        if (rule := self.exceeded) is not None:
            raise LimitExceeded("header", self.start, rule)

    @property
    def fields(self) -> list[Field]:
        """Every field in order, with offsets into ``raw``."""
        at = self.start
        fields = []
        raw, body = self.raw, self.body
        for name, colon, value in self._read()[: self.limits.fields]:
            head = name + colon
            if not raw.startswith(head, at):  # a line that is no field lies between
                at = raw.find(b"\n" + head, at, body) + 1
            value_start = at + len(head)
            end = value_start + len(value)
            fields.append(Field(name, at, value_start, end))
            at = end
        return fields

    def get(self, name: bytes) -> bytes | None:
        """The first field of this name in any case: unfolded, without blanks around it."""
        first = self._first
        if first is None:
            first = {}
            for found, _, value in self._read()[: self.limits.fields]:
                first.setdefault(found.lower(), value)
            self._first = first
        value_or_none = first.get(name.lower())
        return None if value_or_none is None else unfold(value_or_none)

    def all(self, name: bytes) -> list[bytes]:
        """Every field of this name, in order, each as ``get`` gives it."""
        wanted = name.lower()
        return [unfold(value) for found, _, value in self._read()[: self.limits.fields] if found.lower() == wanted]

    def items(self) -> list[tuple[bytes, bytes]]:
        """(name as written, unfolded value) of every field, in order."""
        return [(name, unfold(value)) for name, _, value in self._read()[: self.limits.fields]]

    def raw_items(self) -> list[tuple[bytes, bytes, bytes]]:
        """(name, blanks and colon, value with its folds and last line end) of every field: joined, it as it stands."""
        return self._read()[: self.limits.fields]

    def _read(self) -> list[tuple[bytes, bytes, bytes]]:
        found = self._found
        if found is None:
            stop = min(self.body, self.start + self.limits.block_octets)
            if stop - self.start <= _SMALL_BLOCK_OCTETS:
                found = _FIELD.findall(self.raw, self.start, stop)
            else:
                several = islice(_FIELD.finditer(self.raw, self.start, stop), self.limits.fields + 1)
                found = [(match[1], match[2], match[3]) for match in several]
            self._found = found
        return found


def split_block(raw: bytes, limits: HeaderLimits = DEFAULT, *, start: int = 0, stop: int | None = None) -> HeaderBlock:
    """The header block that begins at ``start``; without an empty line everything up to ``stop`` is header."""
    end = len(raw) if stop is None else stop
    if raw.startswith(b"\r\n", start, end):
        return HeaderBlock(raw, start, start + 2, limits)
    if raw.startswith(b"\n", start, end):
        return HeaderBlock(raw, start, start + 1, limits)
    crlf = raw.find(b"\n\r\n", start, end)
    # The second search stops where the first one did, so the two together read each octet at most twice.
    lf = raw.find(b"\n\n", start, end if crlf < 0 else crlf + 1)
    if lf >= 0:
        body = lf + 2
    elif crlf >= 0:
        body = crlf + 3
    else:
        body = end
    return HeaderBlock(raw, start, body, limits)


def unfold(raw_value: bytes) -> bytes:
    """A field's value as one line (RFC 5322 §2.2.3): line ends taken out, blanks kept inside, cut at both ends.

    A bare CR is not a line end and stays; a bare LF is one and goes.
    """
    if b"\n" in raw_value:
        raw_value = raw_value.replace(b"\r\n", b"").replace(b"\n", b"")
    return raw_value.strip(b" \t\r")


def without(content: bytes, found: Iterable[re.Match[bytes]]) -> bytes:
    """The message without what was found in it, in order."""
    kept, at = list[bytes](), 0
    for match in found:
        kept.append(content[at : match.start()])
        at = match.end()
    return b"".join([*kept, content[at:]]) if at else content
