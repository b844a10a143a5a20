"""``dovecot-uidlist``, version 3: which UID and which POP3 unique-id the files of a Maildir have.

    header = "3" *(SP field)               fields: V uidvalidity, N next uid, G mailbox guid
    entry  = uid *(SP field) SP ":" name   fields: P pop3 unique-id, W and S sizes, others

The names are without their info part.  Pure: text in, values out; read and written by many tools besides Dovecot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from courriel.base.errors import FormatError

FILE_NAME = "dovecot-uidlist"

ENTRIES = 2_000_000
"""``uidlist.entries``: more than any Maildir has."""

_HEADER = re.compile(rb"3((?: [A-Z][^ \n]*)*)")
_ENTRY = re.compile(rb"([0-9]{1,10})((?: [A-Z][^ \n]*)*) :([^\n]+)")
_UNIQUE_ID = re.compile(rb"[\x21-\x7e]{1,70}")


class Entry(msgspec.Struct, frozen=True):
    """One file; ``unique_id`` is b"" where none was kept."""

    uid: int
    name: str
    unique_id: bytes = b""


class UidList(msgspec.Struct, frozen=True):
    """The whole file."""

    uidvalidity: int
    uidnext: int
    entries: tuple[Entry, ...] = ()

    def unique_ids(self) -> dict[str, bytes]:
        """POP3 unique-ids by unique name: those kept, else as Dovecot makes them (``%08Xu%08Xv``)."""
        return {one.name: one.unique_id or b"%08x%08x" % (one.uid, self.uidvalidity) for one in self.entries}


def parse(data: bytes) -> UidList:
    """Raises FormatError for another version or a broken header; lines that make no sense are passed over."""
    first, *lines = data.split(b"\n", ENTRIES)
    header = _HEADER.fullmatch(first)
    if header is None:
        raise FormatError("uidlist", 0, "version 3")
    fields = _fields(header[1])
    entries = []
    for line in lines:
        found = _ENTRY.fullmatch(line)
        if found is not None:
            unique_id = _fields(found[2]).get(b"P", b"")
            name = found[3].partition(b":")[0].partition(b",")[0].decode("utf-8", "surrogateescape")
            entries.append(Entry(int(found[1]), name, unique_id if _UNIQUE_ID.fullmatch(unique_id) else b""))
    return UidList(_number(fields.get(b"V", b"")), _number(fields.get(b"N", b"")), tuple(entries))


def render(uidvalidity: int, uidnext: int, entries: Iterable[Entry]) -> bytes:
    """A whole file, entries in the order given (by UID, readers expect)."""
    lines = [b"3 V%d N%d" % (uidvalidity, uidnext)]
    for one in entries:
        kept = b" P" + one.unique_id if one.unique_id else b""
        lines.append(b"%d%b :%b" % (one.uid, kept, one.name.encode("utf-8", "surrogateescape")))
    return b"\n".join(lines) + b"\n"


def _fields(text: bytes) -> dict[bytes, bytes]:
    return {field[:1]: field[1:] for field in text.split()}


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 10:
        raise FormatError("uidlist", 0, "a number in its header")
    return int(text)
