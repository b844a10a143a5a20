"""PARTIAL: a page of results.  RFC 9394 §3.1.

partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from courriel.imap.wire.grammar import Reader

_Result = TypeVar("_Result")
_RANGE: Final = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})")


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
