"""GETMETADATA and SETMETADATA: grammar of the commands and of the reply.  RFC 5464 §4, §5; entries also RFC 9590."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.imap.wire import mailbox
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.response import mailbox_name, quoted, string
from courriel.model.metadata import canonical_entry

ENTRIES: Final = 200
"""Most entries in one command."""

ALL_BELOW: Final = -1
"""DEPTH infinity."""

_DEPTHS: Final = {b"0": 0, b"1": 1, b"INFINITY": ALL_BELOW}
_OPTIONS: Final = (b"MAXSIZE", b"DEPTH")


class GetMetadata(msgspec.Struct, frozen=True):
    """``path`` None: the server.  ``depth``: levels below each entry, ALL_BELOW for every one.  ``max_octets`` None:
    values of any size."""

    path: str | None
    entries: tuple[str, ...]
    depth: int = 0
    max_octets: int | None = None


class SetMetadata(msgspec.Struct, frozen=True):
    """``values``: None takes an entry away."""

    path: str | None
    values: dict[str, bytes | None]


def parse_get(command: Command, pos: int, utf8: bool = False) -> GetMetadata:
    """getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries.

    The examples of RFC 5464 §4.2.1 have the options behind the mailbox; clients do either.
    """
    reader = Reader(command, pos)
    reader.space()
    options: dict[bytes, int] = {}
    if reader.peek(b"("):
        options = _options(reader)
        reader.space()
    path = _place(reader, utf8)
    reader.space()
    if reader.peek(b"(") and reader.text[reader.pos + 1 :].upper().startswith(_OPTIONS):
        options |= _options(reader)
        reader.space()
    entries = read_entries(reader)
    reader.end()
    return GetMetadata(path, entries, options.get(b"DEPTH", 0), options.get(b"MAXSIZE"))


def parse_set(command: Command, pos: int, utf8: bool = False) -> SetMetadata:
    """setmetadata = "SETMETADATA" SP mailbox SP entry-values;
    entry-values = "(" entry SP value *(SP entry SP value) ")"; value = nstring / literal8."""
    reader = Reader(command, pos)
    reader.space()
    path = _place(reader, utf8)
    reader.space()
    reader.need(b"(")
    values: dict[str, bytes | None] = {}
    count = 0
    while not values or not reader.take(b")"):
        if values:
            reader.space()
        entry = canonical_entry(reader.astring())
        reader.space()
        values[entry] = _value(reader)
        count += 1
        _check_count(reader, count)
    reader.end()
    return SetMetadata(path, values)


def read_entries(reader: Reader) -> tuple[str, ...]:
    """entries = entry / "(" entry *(SP entry) ")"; entry = astring.  Each once, in canonical spelling."""
    if not reader.take(b"("):
        return (canonical_entry(reader.astring()),)
    entries: list[str] = []
    while not entries or not reader.take(b")"):
        if entries:
            reader.space()
        entries.append(canonical_entry(reader.astring()))
        _check_count(reader, len(entries))
    return tuple(dict.fromkeys(entries))


def _place(reader: Reader, utf8: bool) -> str | None:
    """A mailbox; the empty name stands for the server."""
    name = reader.astring()
    return mailbox.path(mailbox.decode(name, utf8)) if name else None


def _value(reader: Reader) -> bytes | None:
    if reader.text[reader.pos : reader.pos + 3].upper() == b"NIL":
        reader.pos += 3
        return None
    return reader.string()


def _options(reader: Reader) -> dict[bytes, int]:
    """getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"."""
    reader.need(b"(")
    options: dict[bytes, int] = {}
    while not options or not reader.take(b")"):
        if options:
            reader.space()
        name = reader.word()
        reader.space()
        if name == b"MAXSIZE":
            options[name] = reader.number32()
        elif name == b"DEPTH":
            depth = _DEPTHS.get(reader.word())
            if depth is None:
                reader.fail("DEPTH is 0, 1 or infinity")
            options[name] = depth
        else:
            reader.fail("unknown GETMETADATA option")
    return options


def _check_count(reader: Reader, count: int) -> None:
    if count > ENTRIES:
        raise LimitExceeded(WHAT, reader.pos, "imap.metadata_entries")


def values_line(path: str | None, values: Iterable[tuple[str, bytes | None]], utf8: bool) -> bytes:
    """The METADATA reply with values; NIL for an entry that is not there.  RFC 5464 §4.4.1."""
    pairs = [quoted(entry.encode()) + b" " + _nstring8(value) for entry, value in values]
    return b"* METADATA %b (%b)\r\n" % (_place_name(path, utf8), b" ".join(pairs))


def names_line(path: str | None, entries: Iterable[str], utf8: bool) -> bytes:
    """The METADATA reply that says what has changed.  RFC 5464 §4.4.2."""
    names = b" ".join([quoted(entry.encode()) for entry in entries])
    return b"* METADATA %b %b\r\n" % (_place_name(path, utf8), names)


def _place_name(path: str | None, utf8: bool) -> bytes:
    return b'""' if path is None else mailbox_name(path, utf8)


def _nstring8(value: bytes | None) -> bytes:
    """A value; one with NUL is a literal8."""
    if value is None:
        return b"NIL"
    return b"~{%d}\r\n%b" % (len(value), value) if b"\0" in value else string(value)
