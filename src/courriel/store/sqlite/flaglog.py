"""The flag log: flag changes between two transactions.  PERFORMANCE, "Decided".

    record = crc32(4) length(4) acct(8) coll(8) first_modseq(8) count(4) uids(4 × count) flags(8 × count)

``length`` and ``crc32`` cover what follows them; little endian.  Message ``i`` has the change number
``first_modseq + i``.  One ``write`` a record: it survives a crash of the process.  ``shard.py`` folds the log into
the database with the next transaction, then empties it; at opening, records whose numbers the database has not
seen are replayed.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from zlib import crc32

import msgspec

from courriel.store.blobs.files import Files

HEAD = struct.Struct("<II")
BODY = struct.Struct("<QQQI")


class FlagRecord(msgspec.Struct, frozen=True):
    """One STORE: new flags of messages of one mailbox."""

    account: int
    mailbox: int
    first_modseq: int
    uids: array[int]
    flags: array[int]


def render(account: int, mailbox: int, first_modseq: int, uids: array[int], flags: array[int]) -> bytes:
    body = BODY.pack(account, mailbox, first_modseq, len(uids)) + uids.tobytes() + flags.tobytes()
    return HEAD.pack(crc32(body), len(body)) + body


def parse(data: bytes) -> Iterator[FlagRecord]:
    """The intact records at the start of a log; ends at the first that is not."""
    offset = 0
    while offset + HEAD.size + BODY.size <= len(data):
        checksum, length = HEAD.unpack_from(data, offset)
        body = data[offset + HEAD.size : offset + HEAD.size + length]
        if length < BODY.size or len(body) != length or crc32(body) != checksum:
            return
        account, mailbox, first_modseq, count = BODY.unpack_from(body)
        if length != BODY.size + 12 * count:
            return
        middle = BODY.size + 4 * count
        uids, flags = array("I", body[BODY.size : middle]), array("Q", body[middle:])
        yield FlagRecord(account, mailbox, first_modseq, uids, flags)
        offset += HEAD.size + length


class FlagLog:
    """The log file of one shard."""

    def __init__(self, files: Files, path: str, directory: str) -> None:
        self._files = files
        self._fd = files.open_append(path)
        files.fsync_directory(directory)

    def records(self) -> list[FlagRecord]:
        return list(parse(self._files.read(self._fd, self._files.size(self._fd), 0)))

    def append(self, record: bytes) -> None:
        self._files.write(self._fd, record)

    def clear(self) -> None:
        self._files.truncate(self._fd, 0)

    def close(self) -> None:
        self._files.close(self._fd)
