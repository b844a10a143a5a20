"""Responses as a client reads them: lines with their literals, cut and turned into values.  RFC 9051 §7, §9.

    response = "*" SP … / "+" SP … / tag SP ("OK" / "NO" / "BAD") …

Pure: bytes are fed in, responses come out.  Values are nested lists of bytes (atoms and strings alike) and None (NIL).
Bounded, because the server may be anybody's.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded

LINE_OCTETS: Final = 1_048_576
"""Longest line without its literals: a SEARCH answer of 100,000 numbers has 600 KB."""

LITERAL_OCTETS: Final = 128 * 1024 * 1024
"""Largest literal taken: above the message size limit of common servers."""

DEPTH: Final = 200
"""Deepest nesting of lists; BODYSTRUCTURE of a message nested as deep as servers read (100) needs about that."""

TOKENS: Final = 100_000
"""Most words, strings and parentheses of a response that has strings or lists; an ENVELOPE of 10,000 addresses fits."""

NUMBER_DIGITS: Final = 10
"""Digits of the largest number of 32 bits."""

Value = bytes | None | list["Value"]

CONDITIONS: Final = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})

_LITERAL: Final = re.compile(rb"~?\{(\d{1,12})\+?\}\Z")
_NESTED: Final = re.compile(rb"[\0\"()\[]")
_TOKEN: Final = re.compile(rb'\(|\)|"((?>(?:[^"\\]++|\\.)*))("?)|[^\s()"]+')
"""A string without its end is a token too: else each quote in it would be tried anew, in quadratic time."""


class Response(msgspec.Struct, frozen=True):
    """One response.  ``tag`` is b"*", b"+" or a command's tag; ``name`` its first word, upper case.

    ``number`` is the one in front of EXISTS, EXPUNGE and FETCH, -1 elsewhere.  Conditions (OK, NO, …) and "+" carry
    ``text``, and the words of their response code in ``code``; all others carry ``values``.
    """

    tag: bytes
    name: bytes
    number: int = -1
    values: list[Value] = msgspec.field(default_factory=list)
    code: list[Value] = msgspec.field(default_factory=list)
    text: bytes = b""


class Responses:
    """Cuts a stream of bytes into responses."""

    __slots__ = ("_buffer", "_literals", "_need", "_scanned", "_text", "taken_octets")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._text = bytearray()
        self._literals: list[bytes] = []
        self._need = -1
        self._scanned = 0
        self.taken_octets = 0
        """All that was made into responses, or is on its way to."""

    def receive(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data
        self.taken_octets += len(data)

    @property
    def pending(self) -> bool:
        """Whether octets were received that no response was made of yet."""
        return bool(self._buffer or self._text)

    def next(self) -> Response | None:
        """The next whole response; None when more bytes are needed.  Raises FormatError, LimitExceeded."""
        while True:
            if self._need >= 0:
                if len(self._buffer) < self._need:
                    return None
                self._literals.append(bytes(self._buffer[: self._need]))
                del self._buffer[: self._need]
                self._need = -1
            end = self._buffer.find(b"\r\n", self._scanned)
            if len(self._text) + (end if end >= 0 else len(self._buffer)) > LINE_OCTETS:
                raise LimitExceeded("IMAP response", LINE_OCTETS, "client.line_octets")
            if end < 0:
                self._scanned = max(0, len(self._buffer) - 1)
                return None
            self._scanned = 0
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            announced = _LITERAL.search(line)
            if announced is None:
                self._text += line
                text, literals = bytes(self._text), self._literals
                self._text, self._literals = bytearray(), []
                return parse(text, literals)
            self._need = int(announced[1])
            if self._need > LITERAL_OCTETS:
                raise LimitExceeded("IMAP response", -1, "client.literal_octets")
            self._text += line[: announced.start()] + b"\0"  # a NUL cannot stand in a line: it marks the place


def parse(text: bytes, literals: list[bytes]) -> Response:
    """One response from its text, where each NUL stands for the next of ``literals``."""
    tag, _, rest = text.partition(b" ")
    if not tag:
        raise FormatError("IMAP response", 0, "empty line")
    if tag == b"+":
        return Response(tag, b"+", text=rest)
    name, _, after = rest.partition(b" ")
    if name.isdigit():
        if len(name) > NUMBER_DIGITS:
            raise FormatError("IMAP response", len(tag) + 1, "RFC 9051 §9: a number has 32 bits")
        word, _, after = after.partition(b" ")
        return Response(tag, word.upper(), int(name), _values(after, literals))
    name = name.upper()
    if name in CONDITIONS:
        code, said = _code(after)
        return Response(tag, name, code=_values(code, literals), text=said)
    return Response(tag, name, values=_values(after, literals))


def _code(text: bytes) -> tuple[bytes, bytes]:
    """``[CODE …] text`` → (CODE …, text)."""
    if text.startswith(b"[") and (end := text.find(b"]")) > 0:
        return text[1:end], text[end + 1 :].lstrip(b" ")
    return b"", text


def _values(text: bytes, literals: list[bytes]) -> list[Value]:
    """Words, strings and lists.  A word may hold brackets (``BODY[HEADER.FIELDS`` …), which are joined again."""
    if _NESTED.search(text) is None:  # SEARCH and the like: 500,000 words of a megabyte in 50 ms, not in 150
        return [None if len(word) == 3 and word.upper() == b"NIL" else word for word in text.split()]
    stack: list[list[Value]] = [[]]
    waiting = iter(literals)
    for place, match in enumerate(_TOKEN.finditer(_spaced(text))):
        if place >= TOKENS:
            raise LimitExceeded("IMAP response", match.start(), "client.tokens")
        token = match[0]
        if token == b"(":
            if len(stack) > DEPTH:
                raise LimitExceeded("IMAP response", match.start(), "client.depth")
            stack.append([])
        elif token == b")":
            if len(stack) == 1:
                raise FormatError("IMAP response", match.start(), "“)” without “(”")
            done = stack.pop()
            stack[-1].append(done)
        elif match[1] is not None:
            if not match[2]:
                raise FormatError("IMAP response", match.start(), "a string without its end")
            said = match[1]
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", said) if b"\\" in said else said)
        elif token == b"\0":
            stack[-1].append(next(waiting, b""))
        else:
            stack[-1].append(None if token.upper() == b"NIL" else token)
    if len(stack) != 1:
        raise FormatError("IMAP response", len(text), "“(” without “)”")
    return stack[0]


_SECTION: Final = re.compile(rb"\[[^\[\]\r\n]*\]")


def _spaced(text: bytes) -> bytes:
    """Spaces and parentheses inside ``[…]`` (a section with field names) made harmless, so that it is one word."""
    if b"[" not in text:
        return text
    return _SECTION.sub(lambda found: found[0].translate(_HARMLESS), text)


_HARMLESS: Final = bytes.maketrans(b" ()", b"_{}")


def fetch_items(response: Response) -> dict[bytes, Value]:
    """The items of a FETCH response by upper-case name, section and origin included (``BODY[]``)."""
    if response.name != b"FETCH" or not response.values or not isinstance(response.values[0], list):
        raise FormatError("FETCH response", -1, "RFC 9051 §7.5.2")
    pairs = response.values[0]
    return {
        name.upper(): value for name, value in zip(pairs[::2], pairs[1::2], strict=False) if isinstance(name, bytes)
    }
