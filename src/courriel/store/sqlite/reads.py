"""Reading: views, columns, facts and octets of messages.  On the loop thread, from a connection of its own.

``obj`` and ``blob`` rows never change once written, so what is read of a message by its id is right whatever the
writer does meanwhile; only *which* messages there are comes from the view.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, Final, TypeAlias

import apsw

from courriel.base.clock import Clock
from courriel.base.errors import Damaged
from courriel.model.ids import AccountId, MailboxId, MessageId, ThreadId, Uid
from courriel.model.message import Expunged, NewMessage, Record
from courriel.ports.store import Column
from courriel.store.blobs.cache import OctetCache
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.pack import PackReader, Place, unpack
from courriel.store.sqlite import viewload
from courriel.store.sqlite.connection import meaning, open_reader
from courriel.store.sqlite.removal import unpack_ranges
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.state import AccountState
from courriel.store.sqlite.transaction import Appeared, Row
from courriel.store.sqlite.view import SqliteView

WHOLE_COLUMN: Final = 256
"""A request for at least this many values, and a quarter of the mailbox, reads the whole column and keeps it."""

POOL_MESSAGES: Final = 2_000
"""Columns longer than this (about 3 ms) are read in a thread."""

POOL_OCTETS: Final = 1 << 20
"""Bodies larger than this are read in a thread."""

READERS: Final = 2
"""Threads that read; as many as cores SQLite could use beside the loop."""

RECORDS: Final = 16_384
"""Facts of messages kept in memory, some 400 octets each."""

AHEAD: Final = 32
"""Bodies read at once when messages are read one after the other."""

AHEAD_OCTETS: Final = 16_384
"""Bodies larger than this are not read ahead."""

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
}

BODY: Final = (
    "SELECT o.id, o.prefix, b.hash, b.size, b.pack, b.off, b.clen, b.codec, b.data"
    " FROM obj o JOIN blob b ON b.id=o.blob"
)


Values: TypeAlias = list[Any]
"""Values of one column: all ``bytes`` or all ``int``."""


class Reads:
    """The reading side of one shard."""

    def __init__(
        self,
        connection: apsw.Connection,
        packs: PackReader,
        views: Mapping[tuple[AccountId, MailboxId], SqliteView],
        settings: StoreSettings,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._pool_connection: apsw.Connection | None = None
        self._views = views
        self._packs = packs
        self._clock = clock
        self._codec = Codec()
        self._bodies: OctetCache[tuple[int, int]] = OctetCache(settings.body_cache_octets)
        self._records: OrderedDict[tuple[int, int, int], Record] = OrderedDict()
        self._columns: OrderedDict[tuple[AccountId, MailboxId, Column], int] = OrderedDict()
        self._column_octets = 0
        self._column_limit = settings.column_cache_octets
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._pool_lock = asyncio.Lock()
        self._last_read = (0, 0)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        if self._pool_connection is not None:
            self._pool_connection.close()
        self._connection.close()
        self._bodies.clear()

    # --- views ------------------------------------------------------------------------------------------------
    def fill(self, view: SqliteView) -> None:
        """Read the arrays of a new view."""
        try:
            viewload.load(self._connection, view)
        except apsw.Error as error:
            raise meaning(error) from error

    # --- columns ----------------------------------------------------------------------------------------------
    async def column(self, view: SqliteView, column: Column, first: int, count: int) -> Sequence[bytes] | Sequence[int]:
        if column is Column.SIZE:
            return view.sizes[first : first + count]
        if column is Column.ID:
            return view.ids[first : first + count]
        kept = view.columns.get(column)
        if kept is not None:
            self._columns.move_to_end((view.account, view.mailbox, column))
            return kept[first : first + count]
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
            async with self._pool_lock:
                found = await loop.run_in_executor(
                    self._pool, self._select, self._connection_for_pool(), view.account, view.mailbox, column,
                    uids[0], uids[count - 1],
                )  # fmt: skip
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
            self._pool_connection = open_reader(self._connection.filename, self._connection.open_vfs)
        return self._pool_connection

    def _keep(self, view: SqliteView, column: Column, values: Values) -> None:
        octets = len(values) * 8 + sum(
            len(value) + VALUE_OCTETS if isinstance(value, bytes) else 32 for value in values
        )
        key = (view.account, view.mailbox, column)
        self._column_octets += octets - self._columns.pop(key, 0)
        self._columns[key] = octets
        view.columns[column] = values
        while self._column_octets > self._column_limit and len(self._columns) > 1:
            (account, mailbox, old), freed = self._columns.popitem(last=False)
            self._column_octets -= freed
            other = self._views.get((account, mailbox))
            if other is not None:
                other.columns.pop(old, None)

    def _range(self, view: SqliteView, column: Column, first: int, count: int) -> Values:
        uids = view.uids[first : first + count]
        if not uids:
            return []
        found = self._select(self._connection, view.account, view.mailbox, column, uids[0], uids[-1])
        if len(found) == len(uids):
            return found
        # The writer is ahead of the view: something in between was just removed.  Its values still stand.
        return self._singly(view, column, uids, view.ids[first : first + count])

    def _select(
        self, connection: apsw.Connection, account: int, mailbox: int, column: Column, first: int, last: int
    ) -> Values:
        try:
            rows = connection.execute(
                f"SELECT {COLUMNS[column]} FROM member m CROSS JOIN obj o ON o.acct=m.acct AND o.id=m.id"
                " WHERE m.acct=? AND m.coll=? AND m.uid BETWEEN ? AND ? ORDER BY m.uid",
                (account, mailbox, first, last),
            ).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error
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
            row = self._one(sql, (view.account, view.mailbox, uid))
            if row is not None:
                return int(row[0])
            column = Column.RECEIVED
        row = self._one(f"SELECT {COLUMNS[column]} FROM obj o WHERE o.acct=? AND o.id=?", (view.account, id))
        return None if row is None else row[0]

    def extend(self, view: SqliteView, effect: Appeared, now: float) -> None:
        """Bring kept columns up to date with messages that are about to be shown, and entered the mailbox now."""
        for column, values in list(view.columns.items()):
            if column is Column.SAVED:
                more: Values = [int(now)] * len(effect.uids)
            elif effect.news:
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
        kept = view.sizes if column is Column.SIZE else view.ids if column is Column.ID else view.columns.get(column)
        values: list[bytes | int | None] = []
        for uid in uids:
            place = view.index(uid)
            if place >= 0 and kept is not None:
                values.append(kept[place])
                continue
            id = view.ids[place] if place >= 0 else self._expunged_id(view.account, view.mailbox, uid)
            if id is None:
                values.append(None)
            elif column is Column.ID:
                values.append(id)
            else:
                values.append(self._single(view, column, uid, id))
        return values

    # --- single messages --------------------------------------------------------------------------------------
    def _expunged_id(self, account: int, mailbox: int, uid: int) -> int | None:
        row = self._one(
            "SELECT id FROM expunged WHERE acct=? AND coll=? AND uid=? AND forget_at>?",
            (account, mailbox, uid, self._clock.now()),
        )
        return None if row is None else int(row[0])

    def record(self, account: AccountId, mailbox: MailboxId, uid: int, view: SqliteView | None) -> Record | None:
        place = view.index(uid) if view is not None else -1
        key = (account, mailbox, uid)
        if place >= 0:
            known = self._records.get(key)
            if known is not None:
                return known
        id = view.ids[place] if view is not None and place >= 0 else self._id(account, mailbox, uid, view)
        if id is None:
            return None
        row = self._one(
            "SELECT o.thread, o.size, length(o.prefix), o.received, o.sent, b.parts, b.preview"
            " FROM obj o JOIN blob b ON b.id=o.blob WHERE o.acct=? AND o.id=?",
            (account, id),
        )
        if row is None:
            raise Damaged(f"message {id} of account {account} has no object")
        thread, size, prefix, received, sent, parts, preview = row
        record = Record(Uid(uid), MessageId(id), ThreadId(thread), size, prefix, received, sent, parts, preview)
        if place >= 0:
            self._records[key] = record
            if len(self._records) > RECORDS:
                self._records.popitem(last=False)
        return record

    def _id(self, account: int, mailbox: int, uid: int, view: SqliteView | None) -> int | None:
        if view is None:
            row = self._one("SELECT id FROM member WHERE acct=? AND coll=? AND uid=?", (account, mailbox, uid))
            if row is not None:
                return int(row[0])
        return self._expunged_id(account, mailbox, uid)

    def vanished(self, account: AccountId, mailbox: MailboxId, since: int) -> list[int]:
        """UIDs expunged after ``since``, ascending.  The last UID of a row has the row's number, those before it
        the numbers before."""
        found: list[int] = []
        for modseq, ranges in self._all(
            "SELECT modseq, uids FROM gone WHERE acct=? AND coll=? AND modseq>?", (account, mailbox, since)
        ):
            uids = list(unpack_ranges(ranges))
            first = modseq - len(uids) + 1
            found.extend(uids[max(0, since - first + 1) :])
        return sorted(found)

    def expunged(self, state: AccountState) -> list[Expunged]:
        """What can be restored, newest first."""
        rows = self._all(
            "SELECT e.id, e.coll, e.path, e.uid, o.size, o.received, e.expunged_at, e.forget_at, o.envelope"
            " FROM expunged e JOIN obj o ON o.acct=e.acct AND o.id=e.id WHERE e.acct=? AND e.forget_at>?"
            " ORDER BY e.expunged_at DESC, e.uid DESC",
            (state.id, self._clock.now()),
        )
        return [Expunged(*row) for row in rows]

    async def body(self, account: AccountId, message: MessageId) -> bytes:
        """All octets.  Raises Damaged."""
        kept = self._bodies.get((account, message))
        if kept is not None:
            return kept
        last_account, last = self._last_read
        self._last_read = (account, message)
        if last_account == account and 0 < message - last <= 8:
            self._read_ahead(account, message)
            kept = self._bodies.get((account, message))
            if kept is not None:
                return kept
        row = self._one(BODY + " WHERE o.acct=? AND o.id=?", (account, message))
        if row is None:
            raise Damaged(f"no message {message} in account {account}")
        if row[3] > POOL_OCTETS:
            octets = await asyncio.get_running_loop().run_in_executor(self._pool, self._octets, row, Codec())
        else:
            try:
                octets = self._octets(row, self._codec)
            except Damaged:
                # The body may have been moved to another pack while its place was on the way to us: look again.
                row = self._one(BODY + " WHERE o.acct=? AND o.id=?", (account, message))
                if row is None:
                    raise
                octets = self._octets(row, self._codec)
        self._bodies.put((account, message), octets)
        return octets

    def forget(self, account: int, message: int) -> None:
        self._bodies.drop((account, message))

    def forget_all(self) -> None:
        self._bodies.clear()
        self._records.clear()
        self._columns.clear()
        self._column_octets = 0

    def _read_ahead(self, account: AccountId, message: MessageId) -> None:
        """Somebody reads one message after the other: read the next ones in one go."""
        rows = self._all(
            BODY + " WHERE o.acct=? AND o.id>=? AND b.size<=? ORDER BY o.id LIMIT ?",
            (account, message, AHEAD_OCTETS, AHEAD),
        )
        for row in rows:
            key = (account, row[0])
            if self._bodies.get(key) is None:
                try:
                    self._bodies.put(key, self._octets(row, self._codec))
                except Damaged:
                    continue  # whoever asks for it will be told
            self._last_read = key

    def _octets(self, row: Row, codec: Codec) -> bytes:
        _, prefix, hash, size, pack, offset, length, how, data = row
        if pack is None:
            if len(data) != size or sha256(data).digest() != hash:
                raise Damaged("stored body fails its checksum")
            return bytes(prefix + data) if prefix else bytes(data)
        try:
            record = self._packs.record(Place(pack, offset, length, how))
        except OSError as error:
            raise meaning(error) from error
        body = unpack(record, codec, hash)
        return bytes(prefix + body) if prefix else body

    # --- SQL --------------------------------------------------------------------------------------------------
    def _one(self, sql: str, bindings: Row) -> Row | None:
        try:
            return self._connection.execute(sql, bindings).fetchone()
        except apsw.Error as error:
            raise meaning(error) from error

    def _all(self, sql: str, bindings: Row) -> list[Row]:
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error


def _value(column: Column, message: NewMessage, thread: int) -> bytes | int:
    if column is Column.ENVELOPE:
        return message.summary.envelope
    if column is Column.BODYSTRUCTURE:
        return message.summary.bodystructure
    if column is Column.PREVIEW:
        return message.summary.preview.encode()
    if column is Column.RECEIVED:
        return int(message.received_at)
    return thread
