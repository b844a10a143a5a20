"""APPEND and REPLACE: grammar of the commands.  RFC 9051 §6.3.12; MULTIAPPEND RFC 3502; UTF8 RFC 6855 §4; literal8
RFC 3516 §4.4; CATENATE RFC 4469; REPLACE RFC 8508."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.formats import dates
from courriel.imap.wire import flags, mailbox, sets
from courriel.imap.wire.flags import FlagNames
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.sets import NumberSet

APPEND_MESSAGES: Final = 1_000
"""Most messages in one MULTIAPPEND; all are kept until the last has come."""


CATENATE_PARTS: Final = 100
"""Most parts of one message that is put together."""


class Url(msgspec.Struct, frozen=True):
    """A part that is in the store already: ``wire/url.py`` reads it."""

    text: bytes


class AppendMessage(msgspec.Struct, frozen=True):
    """One message to add; ``received_at`` is POSIX seconds, None for now; ``literal8``: it may hold NUL.

    ``content`` is its octets, or the parts to put together (RFC 4469).
    """

    content: bytes | tuple[bytes | Url, ...]
    flags: FlagNames
    received_at: float | None
    literal8: bool


class Replace(msgspec.Struct, frozen=True):
    """[UID] REPLACE: the message of ``numbers`` (one) by another.  RFC 8508."""

    numbers: NumberSet
    path: str
    message: AppendMessage


class Append(msgspec.Struct, frozen=True):
    path: str
    messages: tuple[AppendMessage, ...]


def parse(command: Command, pos: int, utf8: bool = False) -> Append:
    """append = "APPEND" SP mailbox 1*append-message;
    append-message = [SP flag-list] [SP date-time] SP append-data."""
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    messages: list[AppendMessage] = []
    while not (messages and reader.at_end):
        messages.append(_message(reader))
        if len(messages) > APPEND_MESSAGES:
            raise LimitExceeded(WHAT, reader.pos, "imap.append_messages")
    return Append(path, tuple(messages))


def parse_replace(command: Command, pos: int, utf8: bool = False) -> Replace:
    """replace = "REPLACE" SP seq-number SP mailbox append-message; UID REPLACE has a uniqueid.  RFC 8508 §4."""
    reader = Reader(command, pos)
    reader.space()
    numbers = sets.read(reader)
    if numbers.saved or len(numbers.ranges) != 1 or numbers.ranges[0][0] != numbers.ranges[0][1]:
        reader.fail("one message is replaced by one")
    reader.space()
    path = mailbox.read_path(reader, utf8)
    message = _message(reader)
    reader.end()
    return Replace(numbers, path, message)


def _message(reader: Reader) -> AppendMessage:
    reader.space()
    names = FlagNames(0)
    if reader.peek(b"("):
        names = flags.resolve(reader.flags())
        reader.space()
    received_at = None
    if reader.peek(b'"'):
        received_at = dates.parse_internal(reader.string()).timestamp()
        reader.space()
    if reader.text[reader.pos : reader.pos + 10].upper() == b"CATENATE (":
        reader.pos += 10
        return AppendMessage(_parts(reader), names, received_at, literal8=False)
    wrapped = reader.peek(b"UTF8 (") or reader.peek(b"utf8 (")
    if wrapped:
        reader.pos += len(b"UTF8 (")
    literal8 = reader.peek(b"~")
    content = reader.literal()
    if wrapped:
        reader.need(b")")
    return AppendMessage(content, names, received_at, literal8)


def _parts(reader: Reader) -> tuple[bytes | Url, ...]:
    """append-data =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")";
    cat-part = "TEXT" SP literal / "URL" SP astring.  RFC 4469 §5."""
    parts: list[bytes | Url] = []
    while not parts or not reader.take(b")"):
        if parts:
            reader.space()
        kind = reader.word()
        reader.space()
        if kind == b"TEXT":
            parts.append(reader.literal())
        elif kind == b"URL":
            parts.append(Url(reader.astring()))
        else:
            reader.fail("a part is TEXT or URL")
        if len(parts) > CATENATE_PARTS:
            raise LimitExceeded(WHAT, reader.pos, "imap.catenate_parts")
    return tuple(parts)
