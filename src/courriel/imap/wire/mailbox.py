"""Mailbox names as clients write them.  RFC 9051 §5.1; RFC 3501 §5.1.3 before UTF-8 was enabled.

The result is a canonical path (``model.mailbox``).  ``NameRefused`` is for names that are well-formed IMAP but that
no mailbox here can have: NO, not BAD.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats import mutf7
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.model.mailbox import SEPARATOR, canonical_path

_canonical: Final = lru_cache(maxsize=1024)(canonical_path)
"""Names that were good are remembered: clients select and append to the same few."""


class NameRefused(FormatError):
    """No mailbox can have this name."""


def read_name(reader: Reader, utf8: bool) -> str:
    """mailbox = "INBOX" / astring, as it was written (Unicode, not canonical)."""
    return decode(reader.astring(), utf8)


def decode(raw: bytes, utf8: bool) -> str:
    """Octets of a name as Unicode.  Raises FormatError for NUL, 8-bit that is not UTF-8, and bad UTF-7."""
    if b"\0" in raw:
        raise FormatError(WHAT, -1, "NUL in a mailbox name")
    if utf8 or not raw.isascii():
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(WHAT, error.start, "mailbox name is not UTF-8") from error
    return mutf7.decode(raw) if b"&" in raw else raw.decode("ascii")


def decode_pattern(raw: bytes, utf8: bool) -> str:
    """A LIST pattern; one that is no modified UTF-7 stands for itself, and so for no mailbox."""
    try:
        return decode(raw, utf8)
    except FormatError:
        if b"\0" in raw or not raw.isascii():
            raise
        return raw.decode("ascii")


def path(name: str) -> str:
    """The canonical path of a name.  Raises NameRefused.

    A separator at its end says that mailboxes below will follow (RFC 9051 §6.3.4).  quirk: Thunderbird writes it in
    other commands than CREATE too.
    """
    try:
        return _canonical(name[:-1] if name.endswith(SEPARATOR) else name)
    except FormatError as error:
        raise NameRefused(error.what, error.offset, error.rule) from error


def read_path(reader: Reader, utf8: bool) -> str:
    """A mailbox that is meant to exist, or to be made."""
    return path(read_name(reader, utf8))


def read_existing(reader: Reader, utf8: bool) -> str:
    """A mailbox that is only looked for: what is no modified UTF-7 names none, which is a NO, as for other servers."""
    raw = reader.astring()
    try:
        return path(decode(raw, utf8))
    except NameRefused:
        raise
    except FormatError as error:
        if b"\0" in raw or not raw.isascii():
            raise
        raise NameRefused(error.what, error.offset, error.rule) from error


def pattern(name: str) -> str:
    """A LIST pattern in the same normal form as paths.  INBOX is told apart when matching."""
    return unicodedata.normalize("NFC", name)
