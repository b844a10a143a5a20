"""STATUS: grammar of the command and of its items.  RFC 9051 §6.3.11; HIGHESTMODSEQ RFC 7162 §3.1.7; MAILBOXID
RFC 8474 §4.3; APPENDLIMIT RFC 7889 §3; RECENT RFC 3501 §6.3.10; DELETED-STORAGE RFC 9208 §4.1.4."""

from __future__ import annotations

from enum import Enum

import msgspec

from courriel.imap.wire import mailbox
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader


class Item(Enum):
    MESSAGES = b"MESSAGES"
    RECENT = b"RECENT"
    UIDNEXT = b"UIDNEXT"
    UIDVALIDITY = b"UIDVALIDITY"
    UNSEEN = b"UNSEEN"
    DELETED = b"DELETED"
    DELETED_STORAGE = b"DELETED-STORAGE"
    SIZE = b"SIZE"
    HIGHESTMODSEQ = b"HIGHESTMODSEQ"
    MAILBOXID = b"MAILBOXID"
    APPENDLIMIT = b"APPENDLIMIT"


class Status(msgspec.Struct, frozen=True):
    path: str
    items: tuple[Item, ...]


def parse(command: Command, pos: int, utf8: bool = False) -> Status:
    """status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"."""
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_existing(reader, utf8)
    reader.space()
    items = read_items(reader)
    reader.end()
    return Status(path, items)


def read_items(reader: Reader) -> tuple[Item, ...]:
    words = reader.words()
    try:
        items = tuple(dict.fromkeys(Item(word) for word in words))
    except ValueError:
        reader.fail("unknown STATUS item")
    if not items:
        reader.fail("no STATUS item")
    return items
