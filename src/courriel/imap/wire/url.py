"""IMAP URLs of messages and their parts, as they stand within one's own store.  RFC 5092; RFC 4469 §3.

Only the form that begins with the path is read: one with a server's name might mean another server, or another
person's mail.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.message.section import Section
from courriel.imap.wire import mailbox
from courriel.imap.wire.fetch import read_section
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader

URL_OCTETS: Final = 2_048
"""Longest URL: a mailbox name of 1,000 octets, half of them percent-encoded."""

_URL: Final = re.compile(
    rb"/([^;?#]{1,2000}?)(?:;UIDVALIDITY=([1-9]\d{0,9}))?/;UID=([1-9]\d{0,9})"
    rb"(?:/;SECTION=([^/;?#]{1,500}))?(?:/;PARTIAL=(\d{1,10})(?:\.(\d{1,10}))?)?",
    re.IGNORECASE,
)


class MessageUrl(msgspec.Struct, frozen=True):
    """``partial``: (first octet, count), count None for all that follow."""

    path: str
    uidvalidity: int | None
    uid: int
    section: Section
    partial: tuple[int, int | None] | None = None


def parse(text: bytes) -> MessageUrl:
    """ "/" enc-mailbox [uidvalidity] iuid [isection] [ipartial].  Raises FormatError."""
    match = _URL.fullmatch(text) if len(text) <= URL_OCTETS else None
    if match is None:
        raise FormatError("IMAP URL", -1, "no message of this store")
    name, uidvalidity, uid, section, start, length = match.groups()
    path = mailbox.path(mailbox.decode(unquote_to_bytes(name), utf8=True))
    partial = None if start is None else (int(start), None if length is None else int(length))
    return MessageUrl(path, int(uidvalidity) if uidvalidity else None, int(uid), _section(section), partial)


def _section(encoded: bytes | None) -> Section:
    if encoded is None:
        return Section()
    reader = Reader(Command(unquote_to_bytes(encoded)))
    numbers, kind, names = read_section(reader, binary=False)
    reader.end()
    return Section(numbers, kind, names)
