"""Which bodies the messages of one mailbox have, and what trace fields stand before them.

Both follow from ``obj``, whose rows never change, and UIDs only grow: what was read once stays right, and only what
came since has to be read.  Messages that were expunged stay here until there are too many; whoever asks looks for
the UIDs in the view.
"""

from __future__ import annotations

import asyncio
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate, compress
from typing import Final

import zstandard

from courriel.formats.folding import Lookup, fold, lookup, words
from courriel.formats.message.text import header_text
from courriel.store.sqlite.connection import Row, fetch_all
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.view import SqliteView

TURN_ROWS: Final = 1_000
"""Rows read before others get their turn: 1 ms, with trace fields 10."""
TRACE_BLOCKS: Final = 32
"""Messages that come one by one make small blocks: so many of them become one."""
STALE: Final = 2
"""Read everything anew when so many times more messages are known than there are."""

_UID_BITS: Final = 32
_LOW: Final = 0 if sys.byteorder == "little" else 1
"""Which half of a pair is the UID."""
_UID_MASK: Final = (1 << _UID_BITS) - 1


class Located:
    """For the loop's thread."""

    def __init__(self, source: Source, view: SqliteView) -> None:
        self._source = source
        self._where = (view.account, view.mailbox)
        self._lock = asyncio.Lock()
        self._pairs: array[int] = array("Q")
        """Body and UID of each message, ascending."""
        self._last_uid = 0
        self._traces: list[TraceBlock] = []
        self._trace_uid = 0

    async def follow(self, view: SqliteView) -> None:
        """Read what came since the last time.  What is asked meanwhile is answered from what there was."""
        async with self._lock:
            anew = len(self._pairs) > STALE * len(view.uids) + TURN_ROWS
            last = 0 if anew else self._last_uid
            if view.uids and view.uids[-1] <= last:
                return
            fresh: array[int] = array("Q")
            async for rows in self._rows("o.blob", last):
                fresh.extend([blob << _UID_BITS | uid for uid, blob in rows])
                last = rows[-1][0]
            if anew:
                self._pairs, self._traces, self._trace_uid = array("Q"), [], 0
            self._add(fresh)
            self._last_uid = last

    def _add(self, fresh: array[int]) -> None:
        known = self._pairs
        first = max(1, len(known))
        known.extend(fresh)
        if any(known[at] < known[at - 1] for at in range(first, len(known))):
            self._pairs = array("Q", sorted(known))

    async def _rows(self, column: str, after: int) -> AsyncIterator[list[Row]]:
        """(uid, ``column``) of the messages after that UID, some at a time."""
        sql = (
            f"SELECT m.uid, {column} FROM member m CROSS JOIN obj o ON o.acct=m.acct AND o.id=m.id"
            " WHERE m.acct=? AND m.coll=? AND m.uid>? ORDER BY m.uid LIMIT ?"
        )
        while True:
            if self._source.is_lent:
                await self._source.readable()
            rows = fetch_all(self._source(), sql, (*self._where, after, TURN_ROWS))
            if rows:
                yield rows
            if len(rows) < TURN_ROWS:
                return
            after = rows[-1][0]
            await asyncio.sleep(0)

    # --- bodies -----------------------------------------------------------------------------------------------
    def with_bodies(self, numbers: set[int]) -> set[int]:
        """UIDs of the messages that have one of these bodies."""
        pairs = self._pairs
        if len(numbers) * 8 > len(pairs):
            halves = memoryview(pairs).cast("B").cast("I")
            return set(compress(halves[_LOW::2], map(numbers.__contains__, halves[1 - _LOW :: 2])))
        found: set[int] = set()
        for number in numbers:
            at = bisect_left(pairs, number << _UID_BITS)
            while at < len(pairs) and pairs[at] >> _UID_BITS == number:
                found.add(pairs[at] & _UID_MASK)
                at += 1
        return found

    def beyond(self, number: int) -> set[int]:
        """UIDs of the messages whose body has a higher number."""
        pairs = self._pairs
        return {pair & _UID_MASK for pair in pairs[bisect_left(pairs, (number + 1) << _UID_BITS) :]}

    # --- trace fields -----------------------------------------------------------------------------------------
    async def with_trace(self, text: str) -> set[int]:
        """UIDs of the messages whose trace fields hold this folded text."""
        wanted = lookup(text)
        async with self._lock:
            if self._trace_uid < self._last_uid:
                async for rows in self._rows("o.prefix", self._trace_uid):
                    self._keep(TraceBlock([uid for uid, _ in rows], [_folded(prefix) for _, prefix in rows]))
        found: set[int] = set()
        for block in self._traces:
            found |= block.holding(text, wanted)
        return found

    def _keep(self, block: TraceBlock) -> None:
        self._trace_uid = block.uids[-1]
        self._traces.append(block)
        small = self._traces[-TRACE_BLOCKS:]
        if len(small) == TRACE_BLOCKS and all(len(one.uids) < TURN_ROWS for one in small):
            uids = [uid for one in small for uid in one.uids]
            self._traces[-TRACE_BLOCKS:] = [TraceBlock(uids, [trace for one in small for trace in one.traces()])]


class TraceBlock:
    """Folded trace fields of some messages: packed, some 30 octets each, and their words to know when to unpack."""

    __slots__ = ("_packed", "_starts", "_words", "uids")

    def __init__(self, uids: Sequence[int], traces: Sequence[str]) -> None:
        text = "\0".join(traces)
        self.uids = array("I", uids)
        self._starts = array("I", accumulate((len(trace) + 1 for trace in traces), initial=0))
        self._packed = zstandard.compress(text.encode("utf-8", "surrogatepass"), 1)
        self._words = "\n".join(["", *words(text), ""]).encode("utf-8", "surrogatepass")

    def traces(self) -> list[str]:
        return self._text().split("\0")

    def _text(self) -> str:
        return zstandard.decompress(self._packed).decode("utf-8", "surrogatepass")

    def holding(self, text: str, wanted: Lookup) -> set[int]:
        """UIDs of those that hold ``text``, in which there is no NUL."""
        found: set[int] = set()
        if not all(part in self._words for part in wanted.parts):
            return found
        all_of_them = self._text()
        at = all_of_them.find(text)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            found.add(self.uids[place])
            at = all_of_them.find(text, self._starts[place + 1])
        return found


def _folded(prefix: bytes) -> str:
    return fold(header_text(prefix)).replace("\0", " ")
