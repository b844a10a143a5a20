"""Reading: views, facts and octets of messages; columns are ``columns.py``'s.

On the loop thread, from the connection that shows all that was answered (``source.py``).  ``obj`` and
``blob`` rows never change once written, so what is read of a message by its id is right whatever the writer does
meanwhile; only *which* messages there are comes from the view.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import repeat
from typing import Final

import apsw

from courriel.base.clock import Clock
from courriel.base.errors import Damaged
from courriel.model.ids import AccountId, MailboxId, MessageId, ThreadId, Uid
from courriel.model.message import Expunged, Record
from courriel.store.blobs.cache import OctetCache
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.pack import PackReader, Place, unpack
from courriel.store.sqlite import viewload
from courriel.store.sqlite.columns import Columns, expunged_id
from courriel.store.sqlite.connection import Row, fetch_all, fetch_one, meaning
from courriel.store.sqlite.removal import unpack_ranges
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.state import AccountState
from courriel.store.sqlite.view import SqliteView

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

BODY: Final = (
    "SELECT o.id, o.prefix, b.hash, b.size, b.pack, b.off, b.clen, b.codec, b.data"
    " FROM obj o JOIN blob b ON b.id=o.blob"
)


class Reads:
    """The reading side of one shard."""

    def __init__(
        self,
        source: Source,
        packs: PackReader,
        views: Mapping[tuple[AccountId, MailboxId], SqliteView],
        settings: StoreSettings,
        clock: Clock,
    ) -> None:
        self._source = source
        self._packs = packs
        self._clock = clock
        self._codec = Codec()
        self._bodies: OctetCache[tuple[int, int]] = OctetCache(settings.body_cache_octets)
        self._records: OrderedDict[tuple[int, int, int], Record] = OrderedDict()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self.columns = Columns(source, self._pool, views, settings.column_cache_octets, clock)
        self._last_read = (0, 0)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self.columns.close()
        self._bodies.clear()

    # --- views ------------------------------------------------------------------------------------------------
    def fill(self, view: SqliteView) -> None:
        """Read the arrays of a new view."""
        try:
            viewload.load(self._source(), view)
        except apsw.Error as error:
            raise meaning(error) from error

    # --- single messages --------------------------------------------------------------------------------------
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
        row = fetch_one(
            self._source(),
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
            row = fetch_one(
                self._source(), "SELECT id FROM member WHERE acct=? AND coll=? AND uid=?", (account, mailbox, uid)
            )
            if row is not None:
                return int(row[0])
        return expunged_id(self._source(), account, mailbox, uid, self._clock.now())

    def vanished(self, account: AccountId, mailbox: MailboxId, since: int) -> list[int]:
        """UIDs expunged after ``since``, ascending.  The last UID of a row has the row's number, those before it
        the numbers before."""
        found: list[int] = []
        for modseq, ranges in fetch_all(
            self._source(),
            "SELECT modseq, uids FROM gone WHERE acct=? AND coll=? AND modseq>?",
            (account, mailbox, since),
        ):
            uids = list(unpack_ranges(ranges))
            first = modseq - len(uids) + 1
            found.extend(uids[max(0, since - first + 1) :])
        return sorted(found)

    def expunged(self, state: AccountState) -> list[Expunged]:
        """What can be restored, newest first."""
        rows = fetch_all(
            self._source(),
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
        if self._source.is_lent:
            await self._source.readable()
        last_account, last = self._last_read
        self._last_read = (account, message)
        if last_account == account and 0 < message - last <= 8:
            self._read_ahead(account, message)
            kept = self._bodies.get((account, message))
            if kept is not None:
                return kept
        row = fetch_one(self._source(), BODY + " WHERE o.acct=? AND o.id=?", (account, message))
        if row is None:
            raise Damaged(f"no message {message} in account {account}")
        if row[3] > POOL_OCTETS:
            octets = await asyncio.get_running_loop().run_in_executor(self._pool, self._octets, row, Codec())
        else:
            try:
                octets = self._octets(row, self._codec)
            except Damaged:
                # The body may have been moved to another pack while its place was on the way to us: look again.
                row = fetch_one(self._source(), BODY + " WHERE o.acct=? AND o.id=?", (account, message))
                if row is None:
                    raise
                octets = self._octets(row, self._codec)
        self._bodies.put((account, message), octets)
        return octets

    async def bodies(self, account: AccountId, messages: Sequence[MessageId], enough_octets: int) -> list[bytes]:
        """All octets of each, from the first on until there are enough.  Raises Damaged."""
        found = self._bodies.run(zip(repeat(account), messages), enough_octets)
        octets = sum(map(len, found))
        while octets < enough_octets and len(found) < len(messages):
            found.append(await self.body(account, messages[len(found)]))
            octets += len(found[-1])
        return found

    def forget(self, account: int, message: int) -> None:
        self._bodies.drop((account, message))

    def forget_all(self) -> None:
        self._bodies.clear()
        self._records.clear()
        self.columns.forget_all()

    def _read_ahead(self, account: AccountId, message: MessageId) -> None:
        """Somebody reads one message after the other: read the next ones in one go."""
        rows = fetch_all(
            self._source(),
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
