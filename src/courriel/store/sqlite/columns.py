"""Columns: one value of many messages.  PERFORMANCE §4 rule 4; ``ports/store.py: Column``.

A few values are read where they are asked for.  Whoever asks for many has the whole column read, in a thread when
it is long, and kept on the view, where it follows what arrives and what goes; the columns used last stay.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import apsw

from courriel.base.clock import Clock
from courriel.base.errors import Damaged
from courriel.formats.message.index import relatives
from courriel.model.ids import AccountId, MailboxId
from courriel.model.message import NewMessage
from courriel.ports.store import Column
from courriel.store.sqlite.connection import fetch_all, fetch_one, open_reader
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.transaction import Appeared
from courriel.store.sqlite.view import SqliteView

WHOLE_COLUMN: Final = 256
"""A request for at least this many values, and a quarter of the mailbox, reads the whole column and keeps it."""

POOL_MESSAGES: Final = 2_000
"""Columns longer than this (about 3 ms) are read in a thread."""

VALUE_OCTETS: Final = 33
"""What a bytes object costs beside its octets."""

COLUMNS: Final[dict[Column, str]] = {
    Column.ENVELOPE: "o.envelope",
    Column.BODYSTRUCTURE: "o.bodystructure",
    Column.RECEIVED: "CAST(o.received AS INTEGER)",
    Column.THREAD: "o.thread",
    Column.PREVIEW: "CAST((SELECT b.preview FROM blob b WHERE b.id=o.blob) AS BLOB)",
    Column.SIZE: "o.size",
    Column.SAVED: "m.saved",
    Column.ORIGIN: "coalesce((SELECT c.origin FROM origin c WHERE c.acct=o.acct AND c.id=o.id), o.id)",
    Column.RELATIVES: "(SELECT b.parts FROM blob b WHERE b.id=o.blob)",
}

Values: TypeAlias = list[Any]
"""Values of one column: all ``bytes`` or all ``int``."""


class Columns:
    """The columns of one shard's views.  ``pool`` is not closed here."""

    def __init__(
        self,
        source: Source,
        pool: ThreadPoolExecutor,
        views: Mapping[tuple[AccountId, MailboxId], SqliteView],
        limit_octets: int,
        clock: Clock,
    ) -> None:
        self._source = source
        self._pool = pool
        self._pool_connection: apsw.Connection | None = None
        self._pool_lock = asyncio.Lock()
        self._views = views
        self._limit_octets = limit_octets
        self._clock = clock
        self._kept: OrderedDict[tuple[AccountId, MailboxId, Column], int] = OrderedDict()
        """Columns on the views by last use, and their octets."""
        self._kept_octets = 0

    def close(self) -> None:
        """After the pool is shut down."""
        if self._pool_connection is not None:
            self._pool_connection.close()

    def forget_all(self) -> None:
        self._kept.clear()
        self._kept_octets = 0

    async def read(self, view: SqliteView, column: Column, first: int, count: int) -> Sequence[bytes] | Sequence[int]:
        if column is Column.SIZE:
            return view.sizes[first : first + count]
        if is_id(view, column):
            return view.ids[first : first + count]
        kept = view.columns.get(column)
        if kept is not None:
            self._kept.move_to_end((view.account, view.mailbox, column))
            return kept[first : first + count]
        if self._source.is_lent:
            await self._source.readable()
        total = len(view.uids)
        if count >= WHOLE_COLUMN and count * 4 >= total:
            whole = await self._whole(view, column)
            if whole is not None:
                return whole[first : first + count]
        return self._range(view, column, first, count)

    async def _whole(self, view: SqliteView, column: Column) -> Values | None:
        """All values, kept on the view from now on; None when the view changed too much meanwhile."""
        if len(view.uids) <= POOL_MESSAGES:
            values = self._range(view, column, 0, len(view.uids))
        else:
            uids = view.uids
            count = len(uids)
            loop = asyncio.get_running_loop()
            await self._source.settled()
            async with self._pool_lock:
                found = await loop.run_in_executor(
                    self._pool, self._select, self._connection_for_pool(), view.account, view.mailbox, column,
                    uids[0], uids[count - 1],
                )  # fmt: skip
            if self._source.is_lent:
                await self._source.readable()
            if view.columns.get(column) is not None:
                return view.columns[column]
            if view.uids is not uids or len(found) != count:
                return None
            values = found
            if len(uids) > count:
                values = values + self._range(view, column, count, len(uids) - count)
        self._keep(view, column, values)
        return values

    def _connection_for_pool(self) -> apsw.Connection:
        if self._pool_connection is None:
            loops = self._source.reader
            self._pool_connection = open_reader(loops.filename, loops.open_vfs)
        return self._pool_connection

    def _keep(self, view: SqliteView, column: Column, values: Values) -> None:
        octets = len(values) * 8 + sum(
            len(value) + VALUE_OCTETS if isinstance(value, bytes) else 32 for value in values
        )
        key = (view.account, view.mailbox, column)
        self._kept_octets += octets - self._kept.pop(key, 0)
        self._kept[key] = octets
        view.columns[column] = values
        while self._kept_octets > self._limit_octets and len(self._kept) > 1:
            (account, mailbox, old), freed = self._kept.popitem(last=False)
            self._kept_octets -= freed
            other = self._views.get((account, mailbox))
            if other is not None:
                other.columns.pop(old, None)

    def _range(self, view: SqliteView, column: Column, first: int, count: int) -> Values:
        uids = view.uids[first : first + count]
        if not uids:
            return []
        found = self._select(self._source(), view.account, view.mailbox, column, uids[0], uids[-1])
        if len(found) == len(uids):
            return found
        # The writer is ahead of the view: something in between was just removed.  Its values still stand.
        return self._singly(view, column, uids, view.ids[first : first + count])

    def _select(
        self, connection: apsw.Connection, account: int, mailbox: int, column: Column, first: int, last: int
    ) -> Values:
        rows = fetch_all(
            connection,
            f"SELECT {COLUMNS[column]} FROM member m CROSS JOIN obj o ON o.acct=m.acct AND o.id=m.id"
            " WHERE m.acct=? AND m.coll=? AND m.uid BETWEEN ? AND ? ORDER BY m.uid",
            (account, mailbox, first, last),
        )
        if column is Column.RELATIVES:
            return [relatives(parts) for (parts,) in rows]
        return [value for (value,) in rows]

    def _singly(self, view: SqliteView, column: Column, uids: Sequence[int], ids: Sequence[int]) -> Values:
        values = [self._single(view, column, uid, id) for uid, id in zip(uids, ids, strict=True)]
        if None in values:
            raise Damaged(f"message {ids[values.index(None)]} of account {view.account} has no object")
        return values

    def _single(self, view: SqliteView, column: Column, uid: int, id: int) -> bytes | int | None:
        """None: there is no such object.  When a message entered its mailbox is forgotten as soon as it leaves; what
        is still asked for then is when it was received."""
        if column is Column.SAVED:
            sql = "SELECT saved FROM member WHERE acct=? AND coll=? AND uid=?"
            row = fetch_one(self._source(), sql, (view.account, view.mailbox, uid))
            if row is not None:
                return int(row[0])
            column = Column.RECEIVED
        row = fetch_one(
            self._source(), f"SELECT {COLUMNS[column]} FROM obj o WHERE o.acct=? AND o.id=?", (view.account, id)
        )
        if row is not None and column is Column.RELATIVES:
            return relatives(row[0])
        return None if row is None else row[0]

    def extend(self, view: SqliteView, effect: Appeared, now: float) -> None:
        """Bring kept columns up to date with messages that are about to be shown, and entered the mailbox now."""
        for column, values in list(view.columns.items()):
            if column is Column.SAVED:
                more: Values = [int(now)] * len(effect.uids)
            elif column is Column.ORIGIN and effect.news and all(message.copy_of is None for message in effect.news):
                more = list(effect.ids)
            elif effect.news and column is not Column.ORIGIN:
                more = [
                    _value(column, message, thread) for message, thread in zip(effect.news, effect.threads, strict=True)
                ]
            elif len(effect.ids) > WHOLE_COLUMN:
                del view.columns[column]
                continue
            else:
                more = self._singly(view, column, effect.uids, effect.ids)
            values.extend(more)

    async def values(self, view: SqliteView, column: Column, uids: Sequence[int]) -> list[bytes | int | None]:
        kept = view.sizes if column is Column.SIZE else view.ids if is_id(view, column) else view.columns.get(column)
        values: list[bytes | int | None] = []
        if kept is None and self._source.is_lent:
            await self._source.readable()
        for uid in uids:
            place = view.index(uid)
            if place >= 0 and kept is not None:
                values.append(kept[place])
                continue
            id = (
                view.ids[place]
                if place >= 0
                else expunged_id(self._source(), view.account, view.mailbox, uid, self._clock.now())
            )
            if id is None:
                values.append(None)
            elif is_id(view, column):
                values.append(id)
            else:
                values.append(self._single(view, column, uid, id))
        return values


def is_id(view: SqliteView, column: Column) -> bool:
    """Whether the values are the messages' own numbers: also their origins, while there are no copies."""
    return column is Column.ID or (column is Column.ORIGIN and not view.owner.copied)


def expunged_id(connection: apsw.Connection, account: int, mailbox: int, uid: int, now: float) -> int | None:
    """The message that had this UID, while it can be restored."""
    sql = "SELECT id FROM expunged WHERE acct=? AND coll=? AND uid=? AND forget_at>?"
    row = fetch_one(connection, sql, (account, mailbox, uid, now))
    return None if row is None else int(row[0])


def _value(column: Column, message: NewMessage, thread: int) -> bytes | int:
    if column is Column.ENVELOPE:
        return message.summary.envelope
    if column is Column.BODYSTRUCTURE:
        return message.summary.bodystructure
    if column is Column.PREVIEW:
        return message.summary.preview.encode()
    if column is Column.RECEIVED:
        return int(message.received_at)
    if column is Column.RELATIVES:
        return relatives(message.summary.parts)
    return thread
