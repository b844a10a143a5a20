"""Packets of the milter protocol, version 6: commands written, answers read.  draft-adams-milter-protocol-00.

    packet = length (4 octets, of what follows), one letter, data          strings end with NUL

Pure: bytes in, values out.  The order of commands, and which answer may come when, is ``session``'s business.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from enum import IntFlag
from typing import Final, TypeAlias

import msgspec

from courriel.base.errors import FormatError, LimitExceeded

VERSION: Final = 6

PACKET_OCTETS: Final = 1_048_576
"""``milter.packet_octets``: longest packet that is read; libmilter itself writes 65,535 and a little."""

BODY_OCTETS: Final = 65_535
"""Longest piece of a body in one packet (MILTER_CHUNK_SIZE)."""

REPLY_LINES: Final = 32
"""``milter.reply_lines``: lines of a refusal's text; libmilter allows as many."""

REPLY_LINE_OCTETS: Final = 400
"""``milter.reply_line_octets``: of one of them, so that a reply line stays below 512.  RFC 5321 §4.5.3.1.5."""

_LENGTH: Final = struct.Struct(">I")
_THREE: Final = struct.Struct(">III")


class Action(IntFlag):
    """What a filter may ask to be changed at the end of a message."""

    ADD_HEADER = 0x001
    CHANGE_BODY = 0x002
    ADD_RECIPIENT = 0x004
    DELETE_RECIPIENT = 0x008
    CHANGE_HEADER = 0x010
    QUARANTINE = 0x020
    CHANGE_FROM = 0x040
    ADD_RECIPIENT_WITH_PARAMETERS = 0x080


ALL_ACTIONS: Final = Action(0xFF)


class Step(IntFlag):
    """What a filter does not want to hear (NO_), does not answer (SILENT_), or can do."""

    NO_CONNECT = 0x000001
    NO_HELO = 0x000002
    NO_MAIL = 0x000004
    NO_RCPT = 0x000008
    NO_BODY = 0x000010
    NO_HEADERS = 0x000020
    NO_END_OF_HEADERS = 0x000040
    SILENT_HEADER = 0x000080
    NO_UNKNOWN = 0x000100
    NO_DATA = 0x000200
    SKIP = 0x000400
    SILENT_CONNECT = 0x001000
    SILENT_HELO = 0x002000
    SILENT_MAIL = 0x004000
    SILENT_RCPT = 0x008000
    SILENT_DATA = 0x010000
    SILENT_UNKNOWN = 0x020000
    SILENT_END_OF_HEADERS = 0x040000
    SILENT_BODY = 0x080000
    LEADING_SPACE = 0x100000
    """Values of header fields are exchanged with the blank behind the colon."""


ALL_STEPS: Final = Step(0x1FF7FF)
"""All but refused recipients (0x800): there are none left when a filter is asked."""


# --- commands -------------------------------------------------------------------------------------------------------
def packet(letter: bytes, data: bytes = b"") -> bytes:
    """One packet."""
    return _LENGTH.pack(1 + len(data)) + letter + data


def strings(*texts: bytes) -> bytes:
    """Each with its NUL; a NUL inside would end it early and is left out."""
    return b"".join(text.replace(b"\0", b"") + b"\0" for text in texts)


def negotiate(actions: Action = ALL_ACTIONS, steps: Step = ALL_STEPS) -> bytes:
    """What we can do, all of it: the filter answers with what it wants."""
    return packet(b"O", _THREE.pack(VERSION, actions, steps))


def macros(command: bytes, pairs: Iterable[tuple[str, str]]) -> bytes:
    """Facts that belong to the command that follows; names longer than a letter in braces."""
    flat = [
        word.encode("utf-8", "replace")
        for name, value in pairs
        for word in (name if len(name) == 1 else f"{{{name}}}", value)
    ]
    return packet(b"D", command + strings(*flat))


def connect(host: str, ip: str, port: int) -> bytes:
    """Who connected to us: ``4`` and ``6`` for IP, ``U`` for what has no address."""
    name = strings(host.encode("utf-8"))
    if not ip:
        return packet(b"C", name + b"U")
    family = b"6" if ":" in ip else b"4"
    return packet(b"C", name + family + struct.pack(">H", port) + strings(ip.encode("ascii", "replace")))


def text(letter: bytes, *texts: bytes) -> bytes:
    """HELO ``H``, MAIL ``M``, RCPT ``R``, a header field ``L``."""
    return packet(letter, strings(*texts))


DATA: Final = packet(b"T")
END_OF_HEADERS: Final = packet(b"N")
END_OF_BODY: Final = packet(b"E")
QUIT: Final = packet(b"Q")
NEXT_CONNECTION: Final = packet(b"K")
"""QUIT_NC: the client is gone, another one follows over the same connection."""


# --- answers --------------------------------------------------------------------------------------------------------
class Terms(msgspec.Struct, frozen=True):
    """What a filter wants of what we offered."""

    version: int
    actions: Action
    steps: Step


class Continue(msgspec.Struct, frozen=True):
    """Go on; at the end: take it."""


class Accept(msgspec.Struct, frozen=True):
    """Take the message, nothing more need be asked."""


class Skip(msgspec.Struct, frozen=True):
    """No more of this (of the body)."""


class Progress(msgspec.Struct, frozen=True):
    """It takes long, and goes on."""


class Discard(msgspec.Struct, frozen=True):
    """Say yes and drop the message."""


class Refuse(msgspec.Struct, frozen=True):
    """Say no, in words of the filter or ours: code, enhanced code ("" for none), lines of printable ASCII."""

    code: int
    status: str
    lines: tuple[str, ...]


class AddHeader(msgspec.Struct, frozen=True):
    """One more field: at ``place`` (0 is before all), or at the end (None)."""

    name: bytes
    value: bytes
    place: int | None = None


class ChangeHeader(msgspec.Struct, frozen=True):
    """The ``nth`` (from 1) field of a name gets a value, or goes (empty)."""

    nth: int
    name: bytes
    value: bytes


class ReplaceBody(msgspec.Struct, frozen=True):
    """A further piece of the body that replaces all of the old one."""

    piece: bytes


class AddRecipient(msgspec.Struct, frozen=True):
    address: bytes


class DeleteRecipient(msgspec.Struct, frozen=True):
    address: bytes


class ChangeFrom(msgspec.Struct, frozen=True):
    address: bytes


class Quarantine(msgspec.Struct, frozen=True):
    reason: str


Change: TypeAlias = (
    AddHeader | ChangeHeader | ReplaceBody | AddRecipient | DeleteRecipient | ChangeFrom | Quarantine
)  # fmt: skip
Answer: TypeAlias = Terms | Continue | Accept | Skip | Progress | Discard | Refuse | Change

REJECT: Final = Refuse(550, "5.7.1", ("Command rejected",))
TEMPFAIL: Final = Refuse(451, "4.7.1", ("Service unavailable - try again later",))
SHUTDOWN: Final = Refuse(421, "4.7.0", ("Server shutting down",))

_SIMPLE: Final[dict[bytes, Answer]] = {
    b"c": Continue(),
    b"a": Accept(),
    b"s": Skip(),
    b"p": Progress(),
    b"d": Discard(),
    b"r": REJECT,
    b"t": TEMPFAIL,
    b"f": TEMPFAIL,
    b"4": SHUTDOWN,
}

ACTIONS: Final[dict[type[Answer], Action]] = {
    ReplaceBody: Action.CHANGE_BODY,
    ChangeHeader: Action.CHANGE_HEADER,
    AddRecipient: Action.ADD_RECIPIENT | Action.ADD_RECIPIENT_WITH_PARAMETERS,
    DeleteRecipient: Action.DELETE_RECIPIENT,
    ChangeFrom: Action.CHANGE_FROM,
    Quarantine: Action.QUARANTINE,
    AddHeader: Action.ADD_HEADER,
}
"""Change → what must have been negotiated (one of them)."""


def read(raw: bytes) -> Answer:
    """The answer in one packet (without its length).  Raises FormatError."""
    letter, data = raw[:1], raw[1:]
    simple = _SIMPLE.get(letter)
    if simple is not None:
        return simple
    if letter == b"O":
        return _terms(data)
    if letter == b"b":
        return ReplaceBody(data)
    if letter == b"h":
        return AddHeader(*_field(data))
    if letter in (b"i", b"m"):
        number, (name, value) = _number(data), _field(data[4:])
        return AddHeader(name, value, number) if letter == b"i" else ChangeHeader(number, name, value)
    if letter in (b"+", b"2"):
        return AddRecipient(_cut(data)[0])
    if letter == b"-":
        return DeleteRecipient(_cut(data)[0])
    if letter == b"e":
        return ChangeFrom(_cut(data)[0])
    if letter == b"q":
        return Quarantine(_printable(_cut(data)[0]))
    if letter == b"y":
        return _refusal(_cut(data)[0])
    raise FormatError("milter packet", 0, "an answer that is not known")


def _terms(data: bytes) -> Terms:
    if len(data) < _THREE.size:
        raise FormatError("milter packet", len(data), "negotiation is cut short")
    version, actions, steps = _THREE.unpack_from(data)
    if not 2 <= version <= VERSION:
        raise FormatError("milter packet", 0, f"version {version}")
    if actions & ~ALL_ACTIONS or steps & ~ALL_STEPS:
        raise FormatError("milter packet", 4, "more than was offered")
    return Terms(version, Action(actions), Step(steps))


def _number(data: bytes) -> int:
    if len(data) < _LENGTH.size:
        raise FormatError("milter packet", len(data), "a number is cut short")
    number: int = _LENGTH.unpack_from(data)[0]
    return number


def _cut(data: bytes) -> list[bytes]:
    """Strings, each of which ends with NUL; at least one."""
    if not data.endswith(b"\0"):
        raise FormatError("milter packet", len(data), "a string without its end")
    return data[:-1].split(b"\0")


_NAME: Final = re.compile(rb"[!-9;-~]{1,200}")
_BREAKS: Final = re.compile(rb"\r\n|\r|\n")


def _field(data: bytes) -> tuple[bytes, bytes]:
    """Name and value; a value is one or more lines, of which all but the first begin with a blank.

    Without that a filter that copies what a stranger wrote could end the header, or begin another field.
    """
    parts = _cut(data)
    if len(parts) != 2 or _NAME.fullmatch(parts[0]) is None:
        raise FormatError("milter packet", 1, "not the name and value of a header field")
    return parts[0], _folded(parts[1])


def _folded(value: bytes) -> bytes:
    """Lines with CRLF between them; empty ones are left out, a blank is put before those that lack it."""
    if b"\n" not in value and b"\r" not in value:
        return value
    first, *others = _BREAKS.split(value)
    kept = [line if line[0] in b" \t" else b"\t" + line for line in others if line.strip(b" \t")]
    return b"\r\n".join([first, *kept])


_REPLY: Final = re.compile(r"([45][0-9][0-9])(?:[ -]|$)(?:([45]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$))?(.*)", re.DOTALL)


def _printable(raw: bytes) -> str:
    """One line of printable ASCII."""
    shown = "".join(char if " " <= char <= "~" else "?" for char in raw.decode("ascii", "replace"))
    return shown[:REPLY_LINE_OCTETS]


def _refusal(raw: bytes) -> Refuse:
    """``550 5.7.1 text``, perhaps of several lines; per cent signs come doubled (libmilter's smfi_setreply)."""
    found = [_REPLY.fullmatch(_printable(line.rstrip(b"\r"))) for line in raw.replace(b"%%", b"%").split(b"\n") if line]
    matches = [match for match in found if match is not None]
    if not matches or len(matches) != len(found):
        raise FormatError("milter packet", 0, "a reply that is no refusal")
    code, status = int(matches[0][1]), matches[0][2] or ""
    if status and status[0] != matches[0][1][0]:
        status = ""  # RFC 2034 §4: the two must agree
    return Refuse(code, status, tuple(match[3] for match in matches[:REPLY_LINES]))


class PacketReader:
    """Cuts a stream into packets; holds one packet at most, and what came behind it."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        self._buffer += data

    @property
    def is_empty(self) -> bool:
        """Whether nothing came that was not taken yet."""
        return not self._buffer

    def next(self) -> bytes | None:
        """The next packet without its length, None when it is not there yet.  Raises FormatError, LimitExceeded."""
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        if length == 0:
            raise FormatError("milter packet", 0, "an empty packet")
        if length > PACKET_OCTETS:
            raise LimitExceeded("milter packet", 0, "milter.packet_octets")
        end = _LENGTH.size + length
        if len(buffer) < end:
            return None
        found = bytes(memoryview(buffer)[_LENGTH.size : end])
        del buffer[:end]
        return found
