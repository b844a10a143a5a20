"""UIDBATCHES: grammar of the command and of its response.  RFC 10022."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.response import quoted


class UidBatches(msgspec.Struct, frozen=True):
    """``size``: messages of a batch.  ``first`` … ``last``: which batches, 1 the newest; None: all."""

    size: int
    first: int = 1
    last: int | None = None


def parse(command: Command, pos: int, utf8: bool = False) -> UidBatches:
    """uidbatches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]."""
    reader = Reader(command, pos)
    reader.space()
    size = _positive(reader)
    if reader.at_end:
        return UidBatches(size)
    reader.space()
    first = _positive(reader)
    reader.need(b":")
    last = _positive(reader)
    if last < first:
        reader.fail("batches are named from the newer to the older")
    reader.end()
    return UidBatches(size, first, last)


def _positive(reader: Reader) -> int:
    number = reader.number32()
    if not number:
        reader.fail("expected a number above 0")
    return number


def render(tag: bytes, ranges: Sequence[tuple[int, int]]) -> bytes:
    """``* UIDBATCHES (TAG "a1") 9:4,3:1``; each range (high, low)."""
    texts = b",".join([b"%d:%d" % pair for pair in ranges])
    return b"* UIDBATCHES (TAG %b)%b\r\n" % (quoted(tag), b" " + texts if texts else b"")
