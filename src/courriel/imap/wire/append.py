"""APPEND: grammar of the command.  RFC 9051 §6.3.12; MULTIAPPEND RFC 3502; UTF8 RFC 6855 §4; literal8 RFC 3516 §4.4."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.formats import dates
from courriel.imap.wire import flags, mailbox
from courriel.imap.wire.flags import FlagNames
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader

APPEND_MESSAGES: Final = 1_000
"""Most messages in one MULTIAPPEND; all are kept until the last has come."""


class AppendMessage(msgspec.Struct, frozen=True):
    """One message to add; ``received_at`` is POSIX seconds, None for now; ``literal8``: it may hold NUL."""

    content: bytes
    flags: FlagNames
    received_at: float | None
    literal8: bool


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
        messages.append(_message(reader, utf8))
        if len(messages) > APPEND_MESSAGES:
            raise LimitExceeded(WHAT, reader.pos, "imap.append_messages")
    return Append(path, tuple(messages))


def _message(reader: Reader, utf8: bool) -> AppendMessage:
    reader.space()
    names = FlagNames(0)
    if reader.peek(b"("):
        names = flags.resolve(reader.flags())
        reader.space()
    received_at = None
    if reader.peek(b'"'):
        received_at = dates.parse_internal(reader.string()).timestamp()
        reader.space()
    wrapped = reader.peek(b"UTF8 (") or reader.peek(b"utf8 (")
    if wrapped:
        reader.pos += len(b"UTF8 (")
    literal8 = reader.peek(b"~")
    content = reader.literal()
    if wrapped:
        reader.need(b")")
    return AppendMessage(content, names, received_at, literal8)
