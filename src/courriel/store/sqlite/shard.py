"""One shard: its database file, packs, redo log and flag log.  STORAGE §5, ADR 8.

``commit.py`` says when a group runs; this says what a group is: fold the flag log, run the plans in the open
transaction, write packs, write what the plans wrote into the redo log, then show it to what is in memory
(``residents.py``).  The transaction is committed after many groups or with a large one; a heavy group has one of its
own.  On a full or failing disk the shard takes no more changes, says so once, and stays readable; a failed sync is
never tried again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol
from weakref import WeakValueDictionary

import apsw

from courriel.base.clock import Clock
from courriel.base.errors import Unavailable
from courriel.model.changes import FlagResult
from courriel.model.flags import FlagChange
from courriel.model.ids import ModSeq
from courriel.model.refusals import NoSuchMailbox
from courriel.store.blobs.files import Files
from courriel.store.blobs.pack import PackReader, PackWriter, Place
from courriel.store.sqlite import flags as flag_changes
from courriel.store.sqlite.check import Report, check_shard
from courriel.store.sqlite.commit import Committer, Item, run_plans
from courriel.store.sqlite.connection import Row, meaning, open_reader, open_writer, stops_writing
from courriel.store.sqlite.flaglog import FlagLog
from courriel.store.sqlite.migrations import migrate, version
from courriel.store.sqlite.pending import PendingFlags
from courriel.store.sqlite.reads import Reads
from courriel.store.sqlite.recovery import recover
from courriel.store.sqlite.redo import Recorder, Unsettled, replay
from courriel.store.sqlite.redolog import RedoLog
from courriel.store.sqlite.residents import Residents, Views
from courriel.store.sqlite.settings import DAY_S, StoreSettings
from courriel.store.sqlite.snapshot import take_snapshot
from courriel.store.sqlite.source import Source
from courriel.store.sqlite.transaction import Statements, Transaction
from courriel.store.sqlite.view import SqliteView

HEAVY_FLAGS: Final = 2_000
"""Flag changes whose folding (3 µs each) is better done in the writer thread."""

UNSYNCED_FLAGS: Final = 400_000
"""Flag changes that may wait for the disk; with more a group starts at once, and further changes wait for it.  One
STORE can go beyond it by a mailbox's size; ``recovery.py: JUMP`` is far above both.  A client that marks 10,000
messages again and again is folded once a second by this (30 ms each), with 200,000 fourteen times."""

RECENT_BLOBS: Final = 4_096
"""Bodies remembered by hash, so that one mailing to many accounts is stored once."""

SMALL_GROUP_OCTETS: Final = 262_144
"""Bodies to pack up to which a group counts as small; compressing them takes about 0.4 ms."""


PLACED: Final = "INSERT INTO blob VALUES (?,?,?,?,?,?,?,?,?,?,NULL)"
"""Bodies that are in a pack."""


class Say(Protocol):
    """Where a shard says what operators must know: an event's name and its fields."""

    def __call__(self, event: str, /, **fields: object) -> None: ...


class Shard:
    """See above.  All methods are for the loop thread unless they say otherwise."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        files: Files,
        vfs: str | None,
        directory: str,
        number: int,
        settings: StoreSettings,
        clock: Clock,
        say: Say,
    ) -> None:
        self.number = number
        self.settings = settings
        self.files = files
        self.clock = clock
        self.directory = directory
        self.path = f"{directory}/shard-{number}.db"
        self.packs_directory = f"{directory}/packs/{number}"
        self._vfs = vfs
        self._loop = loop
        self._say = say
        self._flush_timer: asyncio.TimerHandle | None = None
        self._settle_timer: asyncio.TimerHandle | None = None
        self._recent_blobs: OrderedDict[bytes, int] = OrderedDict()
        self._wal_pages = 0
        self._checkpointing = False
        self._open()
        self.committer: Committer[Transaction] = Committer(
            loop,
            self,
            f"shard {number}",
            group_items=settings.group_items,
            waiting_items=settings.waiting_items,
            inline_commit_us=settings.inline_commit_us,
        )
        views: Views = WeakValueDictionary()
        self.source = Source(self.reader, self.connection, self._unsettled, self.committer)
        self.reads = Reads(self.source, self.pack_reader, views, settings, clock)
        self.residents = Residents(
            loop, self.committer.when_idle, self.source, self.reads, views, self._pending, settings
        )

    # --- opening and closing ----------------------------------------------------------------------------------
    def _open(self) -> None:
        try:
            self._flag_log = FlagLog(self.files, f"{self.directory}/flags-{self.number}.log", self.directory)
            self._redo_log = RedoLog(self.files, f"{self.directory}/redo-{self.number}.log", self.directory)
            self.connection = open_writer(self.path, self._vfs)
            if version(self.connection):
                replay(self.connection, self._redo_log)
            migrate(self.connection, lambda version: take_snapshot(self, version))
            self.files.fsync_directory(self.directory)
            self._recover()
            self._unsettled = Unsettled(self.connection, self._redo_log)
            self._pending = PendingFlags(self._flag_log)
            self._packs = PackWriter(self.files, self.packs_directory, self.settings.pack_octets)
            self.pack_reader = PackReader(self.files, self.packs_directory)
            highest = self.connection.execute("SELECT coalesce(max(id), 0) FROM blob").fetchone()
            self._last_blob = int(highest[0]) if highest else 0
            self.connection.set_wal_hook(self._note_wal)
            self.reader = open_reader(self.path, self._vfs)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    def _recover(self) -> None:
        """Replay and jump unless the shard was closed; mark it open.  Empty the log when that is durable."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        row = execute("SELECT value FROM meta WHERE name='closed'").fetchone()
        if row is not None and not row[0]:
            recover(self.connection, self._flag_log.records())
        execute("INSERT OR REPLACE INTO meta VALUES ('closed', 0)")
        execute("COMMIT")
        self._flag_log.clear()

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    @property
    def wal_octets(self) -> int:
        return self._wal_pages * 4096

    def checkpoint(self, truncate: bool) -> None:
        """Copy the write-ahead log into the database.  In the writer thread."""
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            self.connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return
        if truncate:
            self._wal_pages = 0

    @property
    def last_blob(self) -> int:
        """The highest number a body was given."""
        return self._last_blob

    @property
    def current_pack(self) -> int:
        return self._packs.current

    def write_bodies(self, bodies: Sequence[tuple[bytes, bytes]]) -> list[Place]:
        """Append (sha256, body) pairs to the newest pack, durably.  From plans."""
        places = self._packs.write(bodies)
        self._packs.sync()
        return places

    async def check(self, repair: bool) -> Report:
        """See ``check.py``.  Raises Unavailable when the shard takes no changes and ``repair`` is asked."""
        if repair:
            self.committer.check()
        await self.sync_flags()
        now, retention_s = self.clock.now(), self.settings.retention_days * DAY_S
        report = await self.committer.job(
            lambda: check_shard(self.connection, self.files, self.packs_directory, now, retention_s, repair)
        )
        if repair and report.findings:
            await self.committer.when_idle(self.residents.start_anew)
        return report

    async def close(self) -> None:
        for timer in (self._flush_timer, self._settle_timer):
            if timer is not None:
                timer.cancel()
        self._flush_timer = self._settle_timer = None
        if self.has_work() and self.committer.failure is None:
            self.committer.kick()
        await self.committer.close()
        try:
            if self.committer.failure is None:
                self.settle()
                self.connection.execute("UPDATE meta SET value=1 WHERE name='closed'")
                self.checkpoint(truncate=True)
                self._redo_log.empty()
        except (apsw.Error, OSError, Unavailable) as error:
            self._say("store.close_failed", shard=self.number, error=str(error))
        finally:
            for release in (
                self.reads.close, self.reader.close, self.connection.close, self._packs.close,
                self.pack_reader.close, self._flag_log.close, self._redo_log.close,
            ):  # fmt: skip
                try:
                    release()
                except (apsw.Error, OSError) as error:
                    self._say("store.close_failed", shard=self.number, error=str(error))

    # --- flags ------------------------------------------------------------------------------------------------
    def change_flags(
        self, view: SqliteView, uids: Sequence[int], change: FlagChange, unchanged_since: ModSeq | None
    ) -> FlagResult:
        """Change flags now; only while no group is under way.  Raises Unavailable, NoSuchMailbox."""
        if view.gone:
            raise NoSuchMailbox(f"mailbox {view.mailbox}")
        judged = flag_changes.judge(view, uids, change, unchanged_since)
        if judged.places:
            self.committer.check()
            try:
                self._pending.add(view, judged)
            except OSError as error:
                self.committer.stop(error)
                raise meaning(error) from error
            if view.owner.watchers:
                self.residents.wake(view.owner.watchers)
            if self.flags_waiting:
                self.committer.kick()
            elif self._flush_timer is None:
                self._flush_timer = self._loop.call_later(self.settings.flag_sync_ms / 1000, self._flush)
        return FlagResult(judged.as_asked, judged.conflicts, ModSeq(view.state.modseq), bool(judged.places))

    def _flush(self) -> None:
        self._flush_timer = None
        self.committer.kick()

    @property
    def flags_waiting(self) -> bool:
        """Whether so many changes wait for the disk that no more may be made before it has them."""
        return self._pending.count > UNSYNCED_FLAGS

    async def sync_flags(self) -> None:
        """Wait until every flag change so far is on the disk."""
        if self._pending:
            await self.committer.submit(lambda _transaction: None)

    # --- Medium: what a group is ------------------------------------------------------------------------------
    def is_heavy(self) -> bool:
        return self._pending.count > HEAVY_FLAGS

    def has_work(self) -> bool:
        return bool(self._pending or self.residents.claimed)

    def settle(self) -> None:
        self._unsettled.settle()

    def take_back(self) -> None:
        if self._unsettled:
            return
        self.residents.unsettled.clear()
        if self._settle_timer is not None:
            self._settle_timer.cancel()
        self._settle_timer = None

    def prepare(self, items: list[Item[Transaction]], heavy: bool) -> Transaction:
        if heavy:
            self.connection.execute("BEGIN IMMEDIATE")
            return self._run(items, self.connection)
        self._unsettled.begin()
        return self._run(items, Recorder(self.connection))

    def _run(self, items: list[Item[Transaction]], connection: Statements) -> Transaction:
        transaction = Transaction(
            connection,
            self.residents.accounts,
            self.residents.known_view,
            self.clock.now(),
            self.settings.retention_days * DAY_S,
            self._take_blob,
            self._recent_blobs,
            self.settings.row_octets,
        )
        self._fold(transaction)
        run_plans(items, transaction)
        transaction.finish()
        return transaction

    def _take_blob(self) -> int:
        self._last_blob += 1
        return self._last_blob

    def _fold(self, transaction: Transaction) -> None:
        """Write what the flag log and the views know into the tables."""
        for (account, mailbox), state in list(self.residents.claimed.items()):  # the loop may add to it meanwhile
            if self.residents.accounts.get(account) is state and mailbox in state.mailboxes:
                transaction.account(account).mailbox(mailbox)
        self._pending.fold(transaction)

    def is_small(self, context: Transaction) -> bool:
        if self.needs_all(context):
            return False
        return not context.packed or sum(len(message.body) for _, _, message in context.packed) <= SMALL_GROUP_OCTETS

    def needs_all(self, context: Transaction) -> bool:
        """Whether the group is committed, and all that is open with it, instead of going to the redo log."""
        rows = context.connection.rows if isinstance(context.connection, Recorder) else 0
        return rows > self.settings.redo_rows or self._unsettled.octets > self.settings.settle_octets

    def seal(self, context: Transaction) -> None:
        rows: list[Row] = []
        if context.packed:
            places = self.write_bodies([(hash, message.body) for _, hash, message in context.packed])
            rows = [
                (
                    number, hash, len(message.body), place.pack, place.offset, place.length, place.codec,
                    context.now, message.summary.parts, message.summary.preview,
                )
                for (number, hash, message), place in zip(context.packed, places, strict=True)
            ]  # fmt: skip
        group = context.connection
        if isinstance(group, Recorder) and not self.needs_all(context):
            if rows:
                group.late.append((PLACED, rows))
            group.log(self._redo_log)
            return
        self.connection.executemany(PLACED, rows)
        self._unsettled.settle()

    def undo(self) -> None:
        try:
            self._unsettled.undo()
        except apsw.Error as error:
            self._say("store.rollback_failed", shard=self.number, error=str(error))

    def is_fatal(self, error: BaseException) -> bool:
        return stops_writing(error)

    def stopped(self, error: BaseException) -> None:
        self._say("store.shard.stopped", shard=self.number, error=f"{type(error).__name__}: {error}")

    def show(self, context: Transaction) -> None:
        if isinstance(context.connection, Recorder) and context.connection.octets:
            self._keep_open(context.connection, context)
        self._pending_done()
        self.residents.show(context)
        for hash, number in context.new_blobs.items():
            self._recent_blobs[hash] = number
        while len(self._recent_blobs) > RECENT_BLOBS:
            self._recent_blobs.popitem(last=False)
        for account_and_message in context.forgotten:
            self.reads.forget(*account_and_message)
        if self.wal_octets > self.settings.checkpoint_octets and not self._checkpointing:
            self._checkpointing = True
            self.committer.later(self._copy_log)

    def _copy_log(self) -> None:
        try:
            self.checkpoint(truncate=False)
        finally:
            self._checkpointing = False

    def _keep_open(self, group: Recorder, context: Transaction) -> None:
        try:
            self._unsettled.take(group)
        except apsw.Error as error:
            self.committer.stop(error)
            self.undo()
        self.residents.hold(context.drafts)
        if self._settle_timer is None:
            self._settle_timer = self._loop.call_later(self.settings.settle_ms / 1000, self._settle_later)

    def _settle_later(self) -> None:
        self.committer.later(lambda: None)

    def _pending_done(self) -> None:
        try:
            self._pending.done()
        except OSError as error:
            # The changes are in the tables, so recovery passes over what is left in the log; but the disk fails.
            self.committer.stop(error)
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
