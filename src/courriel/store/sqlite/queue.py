"""The outbound queue on disk.  Fulfils ``ports/queue.py: OutboundQueue``; STORAGE §3, "queue".

Its own database file (``queue.db``) and its own writer: a queue never shares a writer with mailboxes.  Content lies
in the row, compressed, with its SHA-256.  ``put`` with an id that is there already changes nothing, so hand-over
can be repeated after a crash.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw
import msgspec

from courriel.base.errors import Damaged, Unavailable
from courriel.ports.queue import Queued
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.files import Files, SystemFiles
from courriel.store.sqlite.commit import Committer, Item, run_plans
from courriel.store.sqlite.connection import meaning, open_reader, open_writer, stops_writing
from courriel.store.sqlite.shard import Say
from courriel.store.sqlite.store import say_nothing, take_lock

GROUP_ITEMS: Final = 200
WAITING_ITEMS: Final = 2_000
INLINE_COMMIT_US: Final = 400
"""As in ``settings.py: StoreSettings``; a queue has fewer writers, and no redo log."""

SMALL_OCTETS: Final = 262_144
"""Content up to this is written on the loop when the disk is quick."""

CHECKPOINT_PAGES: Final = 1_000
"""The queue leaves checkpoints to SQLite, at its own default of 4 MB: they delay a hand-over, not a reader."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS queue (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, message BLOB NOT NULL,
    hash BLOB NOT NULL, size INTEGER NOT NULL, codec INTEGER NOT NULL, data BLOB NOT NULL);
"""


class SqliteQueue:
    """See above."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lock: int, path: str, vfs: str | None, files: Files, say: Say
    ) -> None:
        self._lock = lock
        self._say = say
        self._codec = Codec()
        try:
            self._connection = open_writer(path, vfs)
            self._connection.wal_autocheckpoint(CHECKPOINT_PAGES)
            self._connection.execute(TABLES)
            files.fsync_directory(os.path.dirname(path))  # noqa: PTH120 - paths are strings on this seam
            self._reader = open_reader(path, vfs)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error
        self._committer: Committer[_Group] = Committer(
            loop,
            self,
            "queue",
            group_items=GROUP_ITEMS,
            waiting_items=WAITING_ITEMS,
            inline_commit_us=INLINE_COMMIT_US,
        )

    @classmethod
    async def open(
        cls, path: Path, *, files: Files | None = None, vfs: str | None = None, say: Say = say_nothing
    ) -> SqliteQueue:
        """Open or make the database file ``path``.  Raises Unavailable when another process has it open."""
        files = files or SystemFiles()
        try:
            files.make_directory(str(path.parent))
        except OSError as error:
            raise meaning(error) from error
        lock = take_lock(f"{path}.lock")
        try:
            return cls(asyncio.get_running_loop(), lock, str(path), vfs, files, say)
        except BaseException:
            os.close(lock)
            raise

    async def put(self, message: Queued, content: bytes) -> None:
        [(codec, data)] = self._codec.encode([content])
        row = (message.id, msgspec.msgpack.encode(message), sha256(content).digest(), len(content), codec, data)
        await self._committer.submit(lambda group: group.put(row))

    async def list(self) -> Sequence[Queued]:
        return [
            msgspec.msgpack.decode(message, type=Queued)
            for (message,) in self._select("SELECT message FROM queue ORDER BY n", ())
        ]

    async def content(self, id: str) -> bytes:
        rows = self._select("SELECT hash, size, codec, data FROM queue WHERE id=?", (id,))
        if not rows:
            raise Unavailable(f"no message {id} in the queue")
        hash, size, codec, data = rows[0]
        content = self._codec.decode(codec, data, size)
        if sha256(content).digest() != hash:
            raise Damaged(f"queued message {id} fails its checksum")
        return content

    async def remove(self, id: str) -> bool:
        return await self._committer.submit(lambda group: group.remove(id))

    async def close(self) -> None:
        if self._lock < 0:
            return
        await self._committer.close()
        self._reader.close()
        self._connection.close()
        os.close(self._lock)
        self._lock = -1

    def _select(self, sql: str, bindings: tuple[str, ...]) -> Rows:
        try:
            return self._reader.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error

    # --- Medium -----------------------------------------------------------------------------------------------
    def is_heavy(self) -> bool:
        return False

    def has_work(self) -> bool:
        return False

    def settle(self) -> None:
        """Nothing is open between two groups."""

    def take_back(self) -> None:
        """The reader is never lent."""

    def prepare(self, items: Items, heavy: bool) -> _Group:
        self._connection.execute("BEGIN IMMEDIATE")
        group = _Group(self._connection)
        run_plans(items, group)
        return group

    def is_small(self, context: _Group) -> bool:
        return context.octets <= SMALL_OCTETS

    def needs_all(self, context: _Group) -> bool:
        return False

    def seal(self, context: _Group) -> None:
        self._connection.execute("COMMIT")

    def undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            self._say("queue.rollback_failed", error=str(error))

    def show(self, context: _Group) -> None:
        """Nobody watches the queue yet."""

    def is_fatal(self, error: BaseException) -> bool:
        return stops_writing(error)

    def stopped(self, error: BaseException) -> None:
        self._say("queue.stopped", error=f"{type(error).__name__}: {error}")


class _Group:
    """One transaction of the queue."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.octets = 0

    def put(self, row: tuple[str, bytes, bytes, int, int, bytes]) -> None:
        self.octets += len(row[5])
        self._connection.execute(
            "INSERT INTO queue (id, message, hash, size, codec, data) VALUES (?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
            row,
        )

    def remove(self, id: str) -> bool:
        found = self._connection.execute("DELETE FROM queue WHERE id=? RETURNING n", (id,)).fetchall()
        return bool(found)


Rows: TypeAlias = list[tuple[Any, ...]]
Items: TypeAlias = list[Item[_Group]]
