"""Sequence sets: ``1,3:5,7:*``, ``$``; and UID sets in replies.  RFC 9051 §9 (sequence-set, uid-set), RFC 5182.

``*`` is the largest number in use; what it is only the view knows, so a set keeps it as STAR.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.imap.wire.grammar import WHAT, Reader

STAR: Final = 1 << 32
"""Stands for ``*``: above every number that can be written."""

SET_RANGES: Final = 10_000
"""Most ranges in one set; clients that know every UID compress them (AUTH attack row 28)."""

_SET: Final = re.compile(rb"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*")


class UidRequired(FormatError):
    """Sequence numbers from a client that switched them off: BAD [UIDREQUIRED].  RFC 9586 §3."""


class NumberSet(msgspec.Struct, frozen=True, gc=False):
    """``ranges`` as written, each ``(low, high)``, STAR for ``*``; ``saved``: the set is ``$``."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False


SAVED: Final = NumberSet((), saved=True)


def read(reader: Reader) -> NumberSet:
    """sequence-set = (seq-number / seq-range) ["," sequence-set] / "$"."""
    if reader.take(b"$"):
        return SAVED
    match = _SET.match(reader.text, reader.pos)
    if match is None:
        reader.fail("expected a sequence set")
    reader.pos = match.end()
    return parse(match[0])


def parse(text: bytes) -> NumberSet:
    """A set that the pattern above matches.  Raises FormatError for 0 and for numbers above 32 bits."""
    if text.isdigit():
        number = _number(text)
        return NumberSet(((number, number),))
    pieces = text.split(b",", SET_RANGES)
    if len(pieces) > SET_RANGES:
        raise LimitExceeded(WHAT, -1, "imap.set_ranges")
    return NumberSet(tuple(map(_range, pieces)))


def single(text: bytes) -> NumberSet | None:
    """The set of one number, which most commands name; None for anything else."""
    if not text.isdigit() or len(text) > 10:
        return None
    number = int(text)
    return NumberSet(((number, number),)) if 0 < number < STAR else None


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    number = int(text)
    if not 0 < number < STAR:
        raise FormatError(WHAT, -1, "numbers in sets are 1 … 4294967295")
    return number


def _range(text: bytes) -> tuple[int, int]:
    low, colon, high = text.partition(b":")
    first = _number(low)
    return (first, _number(high)) if colon else (first, first)


def merged(numbers: NumberSet, largest: int) -> list[tuple[int, int]]:
    """The ranges in order, without overlap, ``*`` put in as ``largest`` (no range for it when nothing is there)."""
    ranges: list[tuple[int, int]] = []
    for low, high in numbers.ranges:
        if largest == 0 and STAR in (low, high):
            continue
        first, last = (largest if low == STAR else low), (largest if high == STAR else high)
        ranges.append((first, last) if first <= last else (last, first))
    if len(ranges) == 1:
        return ranges
    ranges.sort()
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            if last > joined[-1][1]:
                joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def indexes_of_seqs(numbers: NumberSet, count: int) -> Sequence[int] | None:
    """Indexes (0-based, ascending) of sequence numbers in a mailbox of ``count``; None when one is not there.

    RFC 9051 §6.4.8: a sequence number beyond the mailbox is an error, unlike a UID.
    """
    ranges = merged(numbers, count)
    if (ranges and ranges[-1][1] > count) or len(ranges) == 0:
        return None
    if len(ranges) == 1:
        return range(ranges[0][0] - 1, ranges[0][1])
    return [index for low, high in ranges for index in range(low - 1, high)]


def indexes_of_uids(numbers: NumberSet, uids: Sequence[int], count: int) -> Sequence[int]:
    """Indexes (ascending) of those UIDs that are among the first ``count`` of ``uids``."""
    ranges = merged(numbers, uids[count - 1] if count else 0)
    spans = [(bisect_left(uids, low, 0, count), bisect_right(uids, high, 0, count)) for low, high in ranges]
    if len(spans) == 1:
        return range(*spans[0])
    return [index for low, high in spans for index in range(low, high)]


def contains(ranges: list[tuple[int, int]], number: int) -> bool:
    """Whether merged ranges hold ``number``."""
    at = bisect_right(ranges, (number, STAR)) - 1
    return at >= 0 and ranges[at][0] <= number <= ranges[at][1]


def render(numbers: Iterable[int]) -> bytes:
    """Numbers as a compact set, in the order given: ``1:3,7``.  COPYUID needs the order (RFC 4315 §3)."""
    pieces: list[bytes] = []
    first = last = -1
    for number in numbers:
        if number == last + 1 and last > 0:
            last = number
            continue
        if first > 0:
            pieces.append(b"%d:%d" % (first, last) if last > first else b"%d" % first)
        first = last = number
    if first > 0:
        pieces.append(b"%d:%d" % (first, last) if last > first else b"%d" % first)
    return b",".join(pieces)


def uid_array(uids: Iterable[int]) -> array[int]:
    """UIDs as the compact array the store uses."""
    return array("I", uids)
