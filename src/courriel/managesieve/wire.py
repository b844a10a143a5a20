"""ManageSieve's commands and responses.  RFC 5804 §4.

    command  = atom *(SP (string / number)) CRLF         string  = quoted / "{" number "+}" CRLF *OCTET
    response = *(string *(SP string) CRLF) ("OK" / "NO" / "BYE") [SP "(" code ")"] [SP string] CRLF

Pure: bytes in, values out.  A literal that is too long is skipped, so that the connection goes on.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from courriel.base.errors import FormatError

LINE_OCTETS: Final = 8_192
"""Longest line, literals not counted: RFC 5804 §1.2 has quoted strings of 1,024, and SASL responses are longer."""

QUOTED_OCTETS: Final = 1_024
"""Longest quoted string.  RFC 5804 §4."""

SKIPPED_OCTETS: Final = 16 * 1024 * 1024
"""``managesieve.skipped``: a literal longer than this is not waited for: the connection ends."""

ARGUMENTS: Final = 8
"""``managesieve.arguments``: no command has more than two."""

_LITERAL: Final = re.compile(rb"\{([0-9]{1,10})\+?\}$")
_VERB: Final = re.compile(rb"([A-Za-z]{1,20})(?= |$)")
_ARGUMENT: Final = re.compile(rb' +(?:"((?>(?:[^"\\]++|\\["\\])*))"|([0-9]{1,10})(?= |$))')
_BARE: Final = re.compile(rb'"((?>(?:[^"\\]++|\\["\\])*))"')
_ESCAPED: Final = re.compile(rb"\\(.)")

Argument = bytes | int


class Command(msgspec.Struct, frozen=True):
    """``verb`` in capitals; "" when a line is only a string, as in a SASL exchange."""

    verb: bytes
    arguments: tuple[Argument, ...] = ()


class TooLong(msgspec.Struct, frozen=True):
    """A line or a literal beyond its limit; it was skipped, unless it is ``hopeless``."""

    hopeless: bool = False


class Malformed(msgspec.Struct, frozen=True):
    """A line that is no command; ``verb`` is its first word, in capitals."""

    verb: bytes


class Commands:
    """Cuts a stream into commands; of an unfinished one no more than ``literal_octets`` are kept, and a line."""

    __slots__ = ("_buffer", "_pieces", "_skip", "_too_long", "_wanted", "literal_octets")

    def __init__(self, literal_octets: int) -> None:
        self.literal_octets = literal_octets
        self._buffer = bytearray()
        self._pieces: list[bytes] = []
        """Of the command under way: line, literal, line, …"""
        self._wanted = -1
        """Octets of the literal that is coming, -1 for none."""
        self._skip = 0
        """Octets still to be dropped."""
        self._too_long = False

    def feed(self, data: bytes) -> None:
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        self._buffer += data

    def next(self) -> Command | TooLong | Malformed | None:
        """The next command, None as long as it is not whole."""
        while True:
            if self._wanted >= 0:
                if len(self._buffer) < self._wanted:
                    return None
                self._pieces.append(self._cut(self._wanted, 0))
                self._wanted = -1
            end = self._buffer.find(b"\n")
            if end < 0 or end > LINE_OCTETS:
                if len(self._buffer) <= LINE_OCTETS:
                    return None
                self.clear()
                return TooLong(hopeless=True)
            line = self._cut(end, 1).removesuffix(b"\r")
            literal = _LITERAL.search(line)
            if literal is None:
                return self._whole(line)
            if (too_long := self._expect(line[: literal.start()], int(literal[1]))) is not None:
                return too_long

    def _cut(self, octets: int, more: int) -> bytes:
        """The first octets of the buffer; ``more`` behind them are dropped."""
        data = bytes(self._buffer[:octets])
        del self._buffer[: octets + more]
        return data

    def _expect(self, line: bytes, octets: int) -> TooLong | None:
        """A literal follows."""
        if octets > SKIPPED_OCTETS or len(self._pieces) > 2 * ARGUMENTS:
            self.clear()
            return TooLong(hopeless=True)
        held = sum(map(len, self._pieces)) + len(line)
        if octets + held > self.literal_octets:
            self._too_long = True
            self._skip = max(0, octets - len(self._buffer))
            del self._buffer[:octets]
            self._pieces += [b"", b""]
        else:
            self._pieces.append(line)
            self._wanted = octets
        return None

    def _whole(self, line: bytes) -> Command | TooLong | Malformed:
        pieces, too_long = [*self._pieces, line], self._too_long
        self._pieces, self._too_long = [], False
        if too_long:
            return TooLong()
        try:
            return _parse(pieces)
        except FormatError:
            return Malformed(pieces[0].partition(b" ")[0].upper())

    def clear(self) -> int:
        """Drop what was not read yet; how many octets that were."""
        dropped = len(self._buffer)
        self._buffer.clear()
        self._pieces, self._wanted, self._skip, self._too_long = [], -1, 0, False
        return dropped


def _parse(pieces: list[bytes]) -> Command:
    """``pieces`` are lines (even) with the literals between them (odd)."""
    first, *rest = pieces
    verb = _VERB.match(first)
    if verb is None:
        return Command(b"", (_string_alone(first, rest),))
    found = _arguments(first[verb.end() :])
    for literal, line in zip(rest[::2], rest[1::2], strict=True):
        found += [literal, *_arguments(line)]
    if len(found) > ARGUMENTS:
        raise FormatError("ManageSieve command", 0, "too many arguments")
    return Command(verb[1].upper(), tuple(found))


def _arguments(raw: bytes) -> list[Argument]:
    """The quoted strings and numbers of a line, each with its blank."""
    found: list[Argument] = []
    at, end = 0, len(raw.rstrip(b" "))
    while at < end:
        match = _ARGUMENT.match(raw, at)
        if match is None:
            raise FormatError("ManageSieve command", at, "RFC 5804 §4: string or number")
        found.append(int(match[2]) if match[2] is not None else _unquoted(match[1]))
        at = match.end()
    return found


def _unquoted(raw: bytes) -> bytes:
    if len(raw) > LINE_OCTETS:
        raise FormatError("quoted string", 0, "RFC 5804 §4")
    return _ESCAPED.sub(rb"\1", raw) if b"\\" in raw else raw


def _string_alone(first: bytes, rest: list[bytes]) -> bytes:
    if not first and len(rest) == 2 and not rest[1]:
        return rest[0]
    match = _BARE.fullmatch(first)
    if match is None or rest:
        raise FormatError("ManageSieve command", 0, "RFC 5804 §4: a command or a string")
    return _unquoted(match[1])


def parse_sasl(raw: bytes) -> bytes:
    """A response in base64 (RFC 5804 §2.1).  Raises FormatError."""
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        raise FormatError("base64", 0, "RFC 4648 §4") from None


# --- responses ------------------------------------------------------------------------------------------------------
def string(value: bytes) -> bytes:
    """Quoted where that is possible, else a literal."""
    if len(value) <= QUOTED_OCTETS and not any(octet in value for octet in (b"\r", b"\n", b"\0")):
        return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b"{%d}\r\n%b" % (len(value), value)


def text(value: str) -> bytes:
    """A string of text; its lines end with CRLF."""
    return string("\r\n".join(value.splitlines()).encode("utf-8", "replace"))


def response(word: bytes, value: str = "", code: bytes = b"") -> bytes:
    """``word`` is OK, NO or BYE; ``code`` without its parentheses (RFC 5804 §1.3)."""
    pieces = [word]
    if code:
        pieces.append(b"(%b)" % code)
    if value:
        pieces.append(text(value))
    return b" ".join(pieces) + b"\r\n"


def ok(value: str = "", code: bytes = b"") -> bytes:
    return response(b"OK", value, code)


def no(value: str, code: bytes = b"") -> bytes:
    return response(b"NO", value, code)


def bye(value: str, code: bytes = b"") -> bytes:
    return response(b"BYE", value, code)


def challenge(data: bytes) -> bytes:
    """RFC 5804 §2.1: base64 as a string."""
    return string(base64.b64encode(data)) + b"\r\n"


def capabilities(rows: Iterable[tuple[str, str | None]]) -> bytes:
    """RFC 5804 §1.7: a name, and its value where it has one, on a line each."""
    lines = [
        string(name.encode()) + (b"" if value is None else b" " + string(value.encode("utf-8"))) for name, value in rows
    ]
    return b"".join(line + b"\r\n" for line in lines)
