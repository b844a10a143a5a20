"""Which bodies the messages of one mailbox have, and what trace fields stand before them.

Both follow from ``obj``, whose rows never change, and UIDs only grow: what was read once stays right, and only what
came since has to be read.  Messages that were expunged stay here until there are too many; whoever asks looks for
the UIDs in the view.
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate, compress, islice
from operator import lt
from typing import Final

import zstandard

from courriel.formats.folding import Lookup, fold, lookup, words
from courriel.formats.message.text import header_text
from courriel.store.sqlite.connection import Row, fetch_all
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.view import SqliteView

FEW: Final = 2_000
"""Bodies whose messages are asked for (2 µs each) as long as not all are known: 1,000,000 messages take
1.3 s to read, once."""
LARGE: Final = 5_000
"""Messages that are not known yet from which on that is worth while; fewer take 6 ms."""
SCAN: Final = 32
"""Looking through all pairs (30 ns each) costs less than looking this part of them up (1.5 µs each)."""
ORDER_BLOCK: Final = 65_536
"""Message numbers of which it is seen in one turn whether they ascend: 3 ms."""
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
        self._order = Order()
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
    async def messages(
        self, view: SqliteView, bodies: set[int], others: set[int], above: int
    ) -> tuple[set[int], set[int]]:
        """UIDs of the messages that have one of ``bodies``, and of those that have one of ``others`` or a body whose
        number is higher than ``above``."""
        if len(view.uids) - len(self._pairs) >= LARGE and len(bodies) + len(others) <= FEW:
            await self._order.follow(view)
            while self._source.is_lent:
                await self._source.readable()
                await self._order.follow(view)
            newer = self._bodies_above(above)
            if self._order.ascends and newer is not None:
                return self._look_up(view, bodies), self._look_up(view, others | newer)
        await self.follow(view)
        unsure = self._beyond(above)
        if others:
            unsure |= self._with_bodies(others)
        return (self._with_bodies(bodies) if bodies else set()), unsure

    def _bodies_above(self, number: int) -> set[int] | None:
        """Of this account; None when there are too many, of whatever account."""
        sql = "SELECT blob, acct FROM obj WHERE blob>? LIMIT ?"
        rows = fetch_all(self._source(), sql, (number, TURN_ROWS))
        found = {blob for blob, account in rows if account == self._where[0]}
        return found if len(rows) < TURN_ROWS and len(found) <= FEW else None

    def _look_up(self, view: SqliteView, bodies: set[int]) -> set[int]:
        """UIDs in the view, whose message numbers ascend, by the index that SQLite has of bodies."""
        ids, found = view.ids, set[int]()
        sql = "SELECT o.id FROM json_each(?) b CROSS JOIN obj o ON o.blob=b.value AND o.acct=?"
        for (id,) in fetch_all(self._source(), sql, (json.dumps(list(bodies)), self._where[0])):
            place = bisect_left(ids, id)
            if place < len(ids) and ids[place] == id:
                found.add(view.uids[place])
        return found

    def _with_bodies(self, numbers: set[int]) -> set[int]:
        """UIDs of the messages that have one of these bodies."""
        pairs = self._pairs
        if len(numbers) * SCAN > len(pairs):
            halves = memoryview(pairs).cast("B").cast("I")
            return set(compress(halves[_LOW::2], map(numbers.__contains__, halves[1 - _LOW :: 2])))
        found: set[int] = set()
        for number in numbers:
            at = bisect_left(pairs, number << _UID_BITS)
            while at < len(pairs) and pairs[at] >> _UID_BITS == number:
                found.add(pairs[at] & _UID_MASK)
                at += 1
        return found

    def _beyond(self, number: int) -> set[int]:
        """UIDs of the messages whose body has a higher number."""
        pairs = self._pairs
        return {pair & _UID_MASK for pair in pairs[bisect_left(pairs, (number + 1) << _UID_BITS) :]}

    # --- trace fields -----------------------------------------------------------------------------------------
    async def with_trace(self, view: SqliteView, text: str) -> set[int]:
        """UIDs of the messages whose trace fields hold this folded text."""
        wanted = lookup(text)
        async with self._lock:
            if view.uids and self._trace_uid < view.uids[-1]:
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


class Order:
    """Whether the numbers of a view's messages ascend with their UIDs: as long as nothing old was moved in.

    What ascends still does when some are taken out, so only what came since has to be looked at.
    """

    def __init__(self) -> None:
        self.ascends = True
        self._uid = 0
        self._id = 0

    async def follow(self, view: SqliteView) -> None:
        """When it returns, nothing has come since the last look."""
        while self.ascends and view.uids and view.uids[-1] > self._uid:
            first = bisect_right(view.uids, self._uid)
            ids = view.ids[first : first + ORDER_BLOCK]
            self.ascends = self._id < ids[0] and all(map(lt, ids, islice(ids, 1, None)))
            self._uid, self._id = view.uids[first + len(ids) - 1], ids[-1]
            if len(ids) == ORDER_BLOCK:
                await asyncio.sleep(0)


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
