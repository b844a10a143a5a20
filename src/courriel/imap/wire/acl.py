"""Access lists: grammar of SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.  RFC 4314 §3, §7."""

from __future__ import annotations

import msgspec

from courriel.imap.wire import mailbox
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.plain import Path
from courriel.model.rights import RightsChange, parse_change


class SetAcl(msgspec.Struct, frozen=True):
    path: str
    identifier: str
    change: RightsChange


class Named(msgspec.Struct, frozen=True):
    """DELETEACL and LISTRIGHTS."""

    path: str
    identifier: str


def parse_set(command: Command, pos: int, utf8: bool = False) -> SetAcl:
    """setacl = "SETACL" SP mailbox SP identifier SP mod-rights."""
    reader = Reader(command, pos)
    path, identifier = _mailbox(reader, utf8), _text(reader)
    change = parse_change(_text(reader))
    reader.end()
    return SetAcl(path, identifier, change)


def parse_named(command: Command, pos: int, utf8: bool = False) -> Named:
    """deleteacl = "DELETEACL" SP mailbox SP identifier; listrights = "LISTRIGHTS" SP mailbox SP identifier."""
    reader = Reader(command, pos)
    path, identifier = _mailbox(reader, utf8), _text(reader)
    reader.end()
    return Named(path, identifier)


def parse_mailbox(command: Command, pos: int, utf8: bool = False) -> Path:
    """getacl = "GETACL" SP mailbox; myrights = "MYRIGHTS" SP mailbox."""
    reader = Reader(command, pos)
    path = _mailbox(reader, utf8)
    reader.end()
    return Path(path)


def _mailbox(reader: Reader, utf8: bool) -> str:
    reader.space()
    return mailbox.read_existing(reader, utf8)


def _text(reader: Reader) -> str:
    """An astring in UTF-8, as identifiers are whatever is enabled (RFC 4314 §2)."""
    reader.space()
    try:
        return reader.astring().decode()
    except UnicodeDecodeError:
        reader.fail("not UTF-8")
