"""Which bodies the messages of one mailbox have, and what trace fields stand before them.

Both follow from ``obj``, whose rows never change, and UIDs only grow: what was read once stays right, and only what
came since has to be read.  Messages that were expunged stay here until there are too many; whoever asks looks for
the UIDs in the view.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator
from typing import Final

from courriel.formats import encoded_word
from courriel.formats.folding import fold
from courriel.store.sqlite.connection import Row, fetch_all
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.view import SqliteView

TURN_ROWS: Final = 2_000
"""Rows read before others get their turn: some 3 ms."""
TRACE_OCTETS: Final = 32 << 20
"""Trace fields of a mailbox are kept in memory up to this; beyond it they are read at each search."""
STALE: Final = 2
"""Read everything anew when so many times more messages are known than there are."""

_UID_BITS: Final = 32
_UID_MASK: Final = (1 << _UID_BITS) - 1


class Located:
    """For the loop's thread."""

    def __init__(self, source: Source, view: SqliteView) -> None:
        self._source = source
        self._where = (view.account, view.mailbox)
        self._begin()

    def _begin(self) -> None:
        self._pairs: array[int] = array("Q")
        self._last_uid = 0
        self._traces: list[str] | None = []
        self._trace_uids: array[int] = array("I")
        self._trace_octets = 0

    async def follow(self, view: SqliteView) -> None:
        """Read what came since the last time."""
        if len(self._pairs) > STALE * len(view.uids) + TURN_ROWS:
            self._begin()
        if view.uids and view.uids[-1] <= self._last_uid:
            return
        last = self._pairs[-1] if self._pairs else 0
        async for rows in self._rows("o.blob", self._last_uid):
            if rows[0][0] <= self._last_uid:
                continue  # another search read them meanwhile
            self._pairs.extend([blob << _UID_BITS | uid for uid, blob in rows])
            self._last_uid = rows[-1][0]
        if any(self._pairs[at] < self._pairs[at - 1] for at in range(bisect_left(self._pairs, last), len(self._pairs))):
            self._pairs = array("Q", sorted(self._pairs))

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
            return {pair & _UID_MASK for pair in pairs if pair >> _UID_BITS in numbers}
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
        after = self._trace_uids[-1] if self._trace_uids else 0
        if self._traces is None:
            after = 0
        elif after == self._last_uid:
            return {uid for uid, trace in zip(self._trace_uids, self._traces, strict=True) if text in trace}
        found: set[int] = set()
        async for rows in self._rows("o.prefix", after):
            folded = [fold(encoded_word.decode(prefix.replace(b"\r\n\t", b" "))) for _, prefix in rows]
            found.update(uid for (uid, _), trace in zip(rows, folded, strict=True) if text in trace)
            self._keep(rows, folded)
        if self._traces is not None:
            found.update(uid for uid, trace in zip(self._trace_uids, self._traces, strict=True) if text in trace)
        return found

    def _keep(self, rows: list[Row], folded: list[str]) -> None:
        if self._traces is None or (self._trace_uids and rows[0][0] <= self._trace_uids[-1]):
            return
        self._traces.extend(folded)
        self._trace_uids.extend([uid for uid, _ in rows])
        self._trace_octets += sum(map(len, folded))
        if self._trace_octets > TRACE_OCTETS:
            self._traces = None
            self._trace_uids = array("I")
