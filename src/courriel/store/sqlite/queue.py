"""The outbound queue on disk.  Fulfils ``ports/queue.py: OutboundQueue``; STORAGE §3, "queue".

Its own database file (``queue.db``) and its own writer: a queue never shares a writer with mailboxes.  Content lies
in the row, compressed, with its SHA-256.  ``put`` with an id that is there already changes nothing, so hand-over
can be repeated after a crash.

Who may try what, and when, is in ``claims.py``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from courriel.base.errors import Damaged, Unavailable
from courriel.model.queued import Claim, Entry, Mark, Progress, Queued, State, domain_of, first_progress
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.files import Files, SystemFiles
from courriel.store.sqlite.claims import Claims, Rows
from courriel.store.sqlite.commit import Committer, Item, run_plans
from courriel.store.sqlite.connection import Row, meaning, open_reader, open_writer, stops_writing
from courriel.store.sqlite.queue_schema import (
    CODE,
    FIRST_FINAL,
    add_recipients,
    pack,
    prepare,
    unpack_message,
    unpack_progress,
)
from courriel.store.sqlite.shard import Say
from courriel.store.sqlite.store import say_nothing, take_lock

GROUP_ITEMS: Final = 200
WAITING_ITEMS: Final = 2_000
INLINE_COMMIT_US: Final = 400
"""As in ``settings.py: StoreSettings``; a queue has fewer writers, and no redo log."""

AT_ONCE: Final = 0.0
"""Due since ever."""

SMALL_OCTETS: Final = 262_144
"""Content up to this is written on the loop when the disk is quick."""

CHECKPOINT_PAGES: Final = 1_000
"""The queue leaves checkpoints to SQLite, at its own default of 4 MB: they delay a hand-over, not a reader."""


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
            prepare(self._connection)
            files.fsync_directory(os.path.dirname(path))  # noqa: PTH120 - paths are strings on this seam
            self._reader = open_reader(path, vfs)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error
        self._claims = Claims(self._select)
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
        await self.put_all([(message, content)])

    async def put_all(self, messages: Sequence[tuple[Queued, bytes]]) -> None:
        encoded = self._codec.encode([content for _, content in messages])
        rows = [
            (message, _row(message, content, codec, data))
            for (message, content), (codec, data) in zip(messages, encoded, strict=True)
        ]
        await self._committer.submit(lambda group: group.put_all(rows))

    async def entries(self) -> Sequence[Entry]:
        return self._read_entries("SELECT n FROM queue", ())

    async def entry(self, id: str) -> Entry | None:
        found = self._read_entries("SELECT n FROM queue WHERE id=?", (id,))
        return found[0] if found else None

    def _read_entries(self, which: str, bindings: Row) -> list[Entry]:
        """Entries of the messages whose numbers the query ``which`` gives; in order of arrival."""
        found: dict[int, tuple[bytes, list[Progress]]] = {}
        for n, packed, progress in self._select(f"{ENTRIES} WHERE n IN ({which}) ORDER BY n, r.place", bindings):
            found.setdefault(n, (packed, []))[1].append(unpack_progress(progress))
        return [Entry(unpack_message(packed), tuple(progress)) for packed, progress in found.values()]

    async def content(self, id: str) -> bytes:
        row = self._claims.take_content(id)
        if row is None:
            rows = self._select("SELECT hash, size, codec, data FROM queue WHERE id=?", (id,))
            if not rows:
                raise Unavailable(f"no message {id} in the queue")
            row = rows[0]
        hash, size, codec, data = row
        content = self._codec.decode(codec, data, size)
        if sha256(content).digest() != hash:
            raise Damaged(f"queued message {id} fails its checksum")
        return content

    async def remove(self, id: str) -> bool:
        return await self._committer.submit(lambda group: group.remove(id))

    # --- claims -----------------------------------------------------------------------------------------------
    def destinations(self) -> Mapping[str, float]:
        return self._claims.due

    async def claim(self, domain: str, now: float, until: float, most: int) -> Sequence[Claim]:
        return self._claims.claim(domain, now, until, most)

    async def claim_message(self, id: str, now: float, until: float) -> Sequence[Claim]:
        return self._claims.claim_message(id, now, until)

    async def mark(self, marks: Sequence[Mark]) -> None:
        await self._committer.submit(lambda group: group.mark(marks))

    def give_back(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            for place in claim.places:
                self._claims.end(claim.domain, claim.message.id, place)
            # What the holder knows may be old: it was held and let go meanwhile, say.  Looking too early is harmless.
            self._claims.becomes_due(claim.domain, AT_ONCE)

    # --- what is looked after -----------------------------------------------------------------------------------
    async def owing(self, most: int) -> Sequence[Entry]:
        return self._read_entries(OWING, (most,))

    async def overdue(self, now: float, most: int) -> Sequence[Entry]:
        return self._read_entries("SELECT n FROM queue WHERE look_at<=? ORDER BY look_at LIMIT ?", (now, most))

    async def look_again(self, id: str, at: float) -> None:
        await self._committer.submit(lambda group: group.look_again(id, at))

    def on_change(self, tell: Callable[[str], None]) -> None:
        self._claims.tell = tell

    async def close(self) -> None:
        if self._lock < 0:
            return
        await self._committer.close()
        self._reader.close()
        self._connection.close()
        os.close(self._lock)
        self._lock = -1

    def _select(self, sql: str, bindings: Row) -> Rows:
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
        with _room_wanted():
            self._connection.execute("BEGIN IMMEDIATE")
            group = _Group(self._connection)
            run_plans(items, group)
        return group

    def is_small(self, context: _Group) -> bool:
        return context.octets <= SMALL_OCTETS

    def needs_all(self, context: _Group) -> bool:
        return False

    def seal(self, context: _Group) -> None:
        with _room_wanted():
            self._connection.execute("COMMIT")

    def undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            self._say("queue.rollback_failed", error=str(error))

    def show(self, context: _Group) -> None:
        self._claims.priorities |= context.priorities
        for domain, id, place in context.ended:
            self._claims.end(domain, id, place)
        for domain, next_at in context.due:
            self._claims.becomes_due(domain, next_at)

    def is_fatal(self, error: BaseException) -> bool:
        return stops_writing(error)

    def stopped(self, error: BaseException) -> None:
        self._say("queue.stopped", error=f"{type(error).__name__}: {error}")


def _row(message: Queued, content: bytes, codec: int, data: bytes) -> Row:
    """As the table ``queue`` has it."""
    hash = sha256(content).digest()
    return message.id, pack(message), hash, len(content), codec, data, message.look_at or None


@contextmanager
def _room_wanted() -> Iterator[None]:
    """A full disk refuses this group and no more: SQLite says so before anything was synced, so that after going back
    the file is as it was, and the next group may find room.  A sync that fails is another matter (``stops_writing``).
    """
    try:
        yield
    except apsw.FullError as error:
        raise meaning(error) from error


class _Group:
    """One transaction of the queue."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.octets = 0
        self.due: list[tuple[str, float]] = []
        """Domains with recipients that wait, once this is durable, and when these are due."""
        self.ended: list[tuple[str, str, int]] = []
        """Claims that end with it: domain, message, place."""
        self.priorities: set[int] = set()
        """Those of new messages."""

    def put_all(self, rows: Sequence[tuple[Queued, Row]]) -> None:
        for message, row in rows:
            self._put(message, row)

    def _put(self, message: Queued, row: Row) -> None:
        self.octets += message.size_octets
        found = self._connection.execute(
            "INSERT INTO queue (id, message, hash, size, codec, data, look_at) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (id) DO NOTHING RETURNING n",
            row,
        ).fetchone()
        if found is None:
            return
        add_recipients(self._connection, found[0], message)
        first = first_progress(message)
        if first.state is State.WAITING:
            self.due += [(domain_of(recipient), first.next_at) for recipient in message.recipients]
        self.priorities.add(message.priority)

    def remove(self, id: str) -> bool:
        n = self._number(id)
        if n is not None:
            # its number may be given again: nobody may hold a claim on that
            rows: Rows = self._connection.execute("SELECT domain, place FROM recipient WHERE n=?", (n,)).fetchall()
            self.ended += [(domain, id, place) for domain, place in rows]
            self._delete(n)
        return n is not None

    def mark(self, marks: Sequence[Mark]) -> None:
        by_message: dict[str, list[Mark]] = {}
        for mark in marks:
            by_message.setdefault(mark.id, []).append(mark)
        for id, its in by_message.items():
            if len(its) == 1 and its[0].progress.state.is_final and not its[0].progress.owes:
                self._finish(its[0])
            elif (n := self._number(id)) is not None:
                self._mark_all(n, its)

    def _finish(self, mark: Mark) -> None:
        """One recipient is done with, mostly the last: then the message goes, and its state need not be written."""
        found = self._connection.execute(OTHERS, (FIRST_FINAL, mark.place, mark.id)).fetchone()
        if found is None:
            return
        n, others = found
        if others:
            self._mark_all(n, [mark])
            return
        rows: Rows = self._connection.execute(
            "DELETE FROM recipient WHERE n=? RETURNING domain, place", (n,)
        ).fetchall()
        self.ended += [(domain, mark.id, place) for domain, place in rows]
        self._connection.execute("DELETE FROM queue WHERE n=?", (n,))

    def _mark_all(self, n: int, marks: list[Mark]) -> None:
        for mark in marks:
            self._mark(n, mark)
        if not self._connection.execute(UNFINISHED, (n, FIRST_FINAL)).fetchone():
            self._delete(n)

    def _mark(self, n: int, mark: Mark) -> None:
        progress = mark.progress
        found = self._connection.execute(
            "UPDATE recipient SET state=?, next_at=?, owes=?, progress=? WHERE n=? AND place=? RETURNING domain",
            (CODE[progress.state], progress.next_at, progress.owes, pack(progress), n, mark.place),
        ).fetchone()
        if found is None:
            return
        self.ended.append((found[0], mark.id, mark.place))
        if progress.state is State.WAITING:
            self.due.append((found[0], progress.next_at))

    def look_again(self, id: str, at: float) -> None:
        self._connection.execute("UPDATE queue SET look_at=? WHERE id=?", (at or None, id))

    def _number(self, id: str) -> int | None:
        found = self._connection.execute("SELECT n FROM queue WHERE id=?", (id,)).fetchone()
        return None if found is None else int(found[0])

    def _delete(self, n: int) -> None:
        self._connection.execute("DELETE FROM recipient WHERE n=?", (n,))
        self._connection.execute("DELETE FROM queue WHERE n=?", (n,))


ENTRIES: Final = "SELECT n, q.message, r.progress FROM queue q JOIN recipient r USING (n)"

OWING: Final = "SELECT DISTINCT n FROM recipient WHERE owes=1 ORDER BY n LIMIT ?"

OTHERS: Final = """
SELECT n, EXISTS (SELECT 1 FROM recipient r WHERE r.n=q.n AND (r.state<? OR r.owes=1) AND r.place<>?)
    FROM queue q WHERE id=?
"""

UNFINISHED: Final = "SELECT 1 FROM recipient WHERE n=? AND (state<? OR owes=1) LIMIT 1"

Items: TypeAlias = list[Item[_Group]]
