"""RETURN (…) of SEARCH and SORT, and the ESEARCH response that answers it.  RFC 4731 §3.1, RFC 5182 §2.1,
RFC 5267 §3.1, §4; PARTIAL RFC 9394 §3.1.

    search-return-opts = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    partial-range      = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeVar

import msgspec

from courriel.imap.wire.grammar import Reader

_Result = TypeVar("_Result")


class Return(Enum):
    """What may be asked for beside PARTIAL."""

    MIN = b"MIN"
    MAX = b"MAX"
    ALL = b"ALL"
    COUNT = b"COUNT"
    SAVE = b"SAVE"
    CONTEXT = b"CONTEXT"
    """RFC 5267 §4.2: a hint that is not needed here, since what an answer is made from is kept anyway."""
    UPDATE = b"UPDATE"
    RELEVANCY = b"RELEVANCY"
    """RFC 6203 §4."""

    __hash__ = object.__hash__


class Partial(msgspec.Struct, frozen=True):
    """Results ``low`` … ``high``, counted from 1, or from the last one back when ``from_end``."""

    low: int
    high: int
    from_end: bool = False

    def of(self, results: Sequence[_Result]) -> Sequence[_Result]:
        """Those of ``results`` that are meant."""
        if not self.from_end:
            return results[self.low - 1 : self.high]
        count = len(results)
        return results[max(0, count - self.high) : max(0, count - self.low + 1)]

    def render(self) -> bytes:
        if self.from_end:
            return b"-%d:-%d" % (self.low, self.high)
        return b"%d:%d" % (self.low, self.high)


class Returns(msgspec.Struct, frozen=True):
    """What is to be returned; never empty."""

    options: frozenset[Return]
    partial: Partial | None = None


ALL: Final = Returns(frozenset({Return.ALL}))
_RETURN: Final = re.compile(rb"RETURN +\(", re.IGNORECASE)
_RANGE: Final = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})")


def read_returns(reader: Reader, *, relevancy: bool = False) -> Returns | None:
    """The options with the blank behind them; None where there are none.  ``relevancy``: scores may be asked for."""
    match = _RETURN.match(reader.text, reader.pos)
    if match is None:
        return None
    reader.pos = match.end()
    options: set[Return] = set()
    partial = None
    while not reader.take(b")"):
        if options or partial:
            reader.space()
        word = reader.word()
        if word == b"PARTIAL":
            if partial is not None:
                reader.fail("PARTIAL twice")
            reader.space()
            partial = read_partial(reader)
            continue
        try:
            options.add(Return(word))
        except ValueError:
            reader.fail("unknown search return option")
        if Return.RELEVANCY in options and not relevancy:
            reader.fail("RELEVANCY is for SEARCH of one mailbox")
    if partial is not None and Return.ALL in options:
        reader.fail("PARTIAL and ALL exclude each other")  # RFC 9394 §3.1
    reader.space()
    return Returns(frozenset(options), partial) if options or partial else ALL


def read_partial(reader: Reader) -> Partial:
    """partial-range; 500:400 is 400:500."""
    match = _RANGE.match(reader.text, reader.pos)
    if match is None or match[1] != match[3]:
        reader.fail("bad partial range")
    first, last = int(match[2]), int(match[4])
    if max(first, last) > 0xFFFFFFFF:
        reader.fail("number larger than 32 bits")
    reader.pos = match.end()
    return Partial(min(first, last), max(first, last), bool(match[1]))
