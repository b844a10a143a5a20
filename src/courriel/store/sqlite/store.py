"""The embedded mail store.  Fulfils ``ports/store.py: MailStore``; STORAGE §3, §5.

A thin door: it finds the account's shard, sees that states and views are in memory, and hands plans to the shard's
committer.  Layout of the data directory: ``store/shard-N.db``, ``store/packs/N/``, ``store/redo-N.log``,
``store/flags-N.log``, ``store/lock``.  Which shard an account lives in is read from the shards at opening.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path

import apsw

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import Unavailable
from courriel.model.changes import Copied, FlagResult, JournalEntry
from courriel.model.flags import FlagChange, Flags
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq
from courriel.model.mailbox import Mailbox, Role
from courriel.model.message import Expunged, NewMessage, Record, Stored
from courriel.model.quota import Quota
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import Acl, RightsChange
from courriel.ports.store import Column, View
from courriel.store.blobs.files import Files, SystemFiles
from courriel.store.sqlite import metadata, placement, removal
from courriel.store.sqlite.append import append, judge
from courriel.store.sqlite.check import Report
from courriel.store.sqlite.connection import fetch_all, meaning
from courriel.store.sqlite.replace import replace
from courriel.store.sqlite.settings import StoreSettings, default_shards
from courriel.store.sqlite.shard import Say, Shard
from courriel.store.sqlite.state import AccountState
from courriel.store.sqlite.transaction import KINDS, unpack_ids
from courriel.store.sqlite.upkeep import Upkeep
from courriel.store.sqlite.view import SqliteView

HEAVY_MESSAGES = 500
"""Messages from which an expunge, copy or move (about 5 µs each) is prepared in the writer thread."""


def say_nothing(_event: str, /, **_fields: object) -> None:
    """Nobody listens."""


class SqliteStore:
    """The mail of all accounts of one data directory."""

    def __init__(self, shards: Sequence[Shard], lock: int, clock: Clock) -> None:
        self._shards = shards
        self._lock = lock
        self._clock = clock
        self._upkeep = [Upkeep(shard) for shard in shards]
        self._homes: dict[AccountId, Shard] = {}
        for shard in shards:
            for (account,) in shard.reader.execute("SELECT acct FROM account"):
                self._homes[AccountId(account)] = shard

    @classmethod
    async def open(
        cls,
        directory: Path,
        settings: StoreSettings | None = None,
        clock: Clock | None = None,
        *,
        files: Files | None = None,
        vfs: str | None = None,
        say: Say = say_nothing,
    ) -> SqliteStore:
        """Open or make the store below ``directory``.  Raises Unavailable when another process has it open."""
        settings, clock, files = settings or StoreSettings(), clock or SystemClock(), files or SystemFiles()
        place = str(directory / "store")
        try:
            files.make_directory(place)
        except OSError as error:
            raise meaning(error) from error
        lock = take_lock(f"{place}/lock")
        loop = asyncio.get_running_loop()
        shards: list[Shard] = []
        try:
            for number in shard_numbers(files, place, settings):
                shards.append(Shard(loop, files, vfs, place, number, settings, clock, say))  # noqa: PERF401 - see below
            return cls(shards, lock, clock)
        except BaseException:
            for shard in shards:
                await shard.close()
            os.close(lock)
            raise

    @property
    def shards(self) -> Sequence[Shard]:
        return self._shards

    def shard_of(self, account: AccountId) -> Shard:
        """Where an account lives.  Raises NoSuchMailbox."""
        return self._home(account)

    # --- accounts -------------------------------------------------------------------------------------------
    async def create_account(
        self, account: AccountId, mailboxes: Sequence[tuple[str, Role | None]], quota_octets: int = 0
    ) -> None:
        if account in self._homes:
            return
        counts = {shard.number: 0 for shard in self._shards}
        for home in self._homes.values():
            counts[home.number] += 1
        shard = min(self._shards, key=lambda shard: counts[shard.number])
        self._homes[account] = shard
        try:
            await shard.committer.submit(lambda t: placement.create_account(t, account, mailboxes, quota_octets))
        except BaseException:
            self._homes.pop(account, None)
            raise

    async def delete_account(self, account: AccountId) -> None:
        if account not in self._homes:
            return
        shard, state = await self._account(account)
        await shard.committer.submit(lambda t: placement.delete_account(t, account), heavy=True, keep=state)
        self._homes.pop(account, None)

    async def quota(self, account: AccountId) -> Quota:
        return (await self._account(account))[1].quota()

    async def set_quota(self, account: AccountId, limit_octets: int, limit_messages: int = 0) -> None:
        shard, state = await self._account(account)
        await shard.committer.submit(
            lambda t: placement.set_quota(t, account, limit_octets, limit_messages), keep=state
        )

    async def modseq(self, account: AccountId) -> ModSeq:
        return ModSeq((await self._account(account))[1].counter)

    async def journal(self, account: AccountId, since: ModSeq) -> Sequence[JournalEntry] | None:
        shard, state = await self._account(account)
        if since < state.log_floor:
            return None
        entries: list[JournalEntry] = []
        if since < state.recalled_from:
            await shard.source.readable()
            rows = fetch_all(
                shard.source(),
                "SELECT modseq, kinds, colls FROM chg WHERE acct=? AND modseq>? AND modseq<=? ORDER BY modseq",
                (account, since, state.recalled_from),
            )
            entries = [JournalEntry(ModSeq(modseq), KINDS[kinds], unpack_ids(colls)) for modseq, kinds, colls in rows]
        entries.extend(entry for entry in state.journal if entry.modseq > since)
        return entries

    def watch_account(self, account: AccountId, wake: Callable[[], None]) -> Callable[[], None]:
        state = self._home(account).residents.account_now(account)
        entry = [wake]

        def call() -> None:
            if entry:  # stopped between the change and the loop's next turn
                entry[0]()

        def stop() -> None:
            if entry:
                entry.clear()
                state.watchers.remove(call)  # ``state`` held here keeps the account in memory while it is watched

        state.watchers.append(call)
        return stop

    # --- mailboxes ------------------------------------------------------------------------------------------
    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        _, state = await self._account(account)
        paths = sorted(state.paths.items(), key=lambda pair: (pair[0] != "INBOX", pair[0]))
        return [state.mailboxes[mailbox].public(path in state.subscriptions) for path, mailbox in paths]

    async def mailbox(self, account: AccountId, path: str) -> Mailbox:
        _, state = await self._account(account)
        mailbox = state.paths.get(path)
        if mailbox is None:
            raise NoSuchMailbox(path)
        return state.mailboxes[mailbox].public(path in state.subscriptions)

    async def create_mailbox(self, account: AccountId, path: str, role: Role | None = None) -> Mailbox:
        shard, state = await self._account(account)
        return await shard.committer.submit(lambda t: placement.create_mailbox(t, account, path, role), keep=state)

    async def rename_mailbox(self, account: AccountId, path: str, new_path: str) -> None:
        shard, state = await self._account(account)
        inbox = state.paths.get("INBOX")
        view = await shard.residents.view(account, inbox) if path == "INBOX" and inbox is not None else None
        await shard.committer.submit(
            lambda t: placement.rename_mailbox(t, account, path, new_path),
            heavy=view is not None and len(view.uids) > HEAVY_MESSAGES,
            keep=(state, view),
        )

    async def delete_mailbox(self, account: AccountId, path: str) -> None:
        shard, state = await self._account(account)
        await shard.committer.submit(lambda t: placement.delete_mailbox(t, account, path), heavy=True, keep=state)

    async def change_rights(self, account: AccountId, mailbox: MailboxId, identifier: str, change: RightsChange) -> Acl:
        shard, state = await self._account(account)
        return await shard.committer.submit(
            lambda t: placement.change_rights(t, account, mailbox, identifier, change), keep=state
        )

    async def shared(self, identifiers: Iterable[str]) -> Sequence[tuple[AccountId, Mailbox]]:
        names = list(identifiers)
        found: list[tuple[AccountId, Mailbox]] = []
        for shard in self._shards:
            for account, mailbox in sorted(shard.residents.grants.naming(names)):
                state = shard.residents.known_account(account) or await shard.residents.account(account)
                box = state.mailboxes.get(mailbox)
                if box is not None:  # deleted while another account was read
                    found.append((account, box.public(box.path in state.subscriptions)))
        return found

    async def subscribe(self, account: AccountId, path: str, on: bool) -> None:
        shard, state = await self._account(account)
        await shard.committer.submit(lambda t: placement.subscribe(t, account, path, on), keep=state)

    async def subscriptions(self, account: AccountId) -> Sequence[str]:
        return sorted((await self._account(account))[1].subscriptions)

    # --- reading --------------------------------------------------------------------------------------------
    async def view(self, account: AccountId, mailbox: MailboxId) -> View:
        return await self._home(account).residents.view(account, mailbox)

    async def column(self, view: View, column: Column, first: int, count: int) -> Sequence[bytes] | Sequence[int]:
        assert isinstance(view, SqliteView)
        if view.gone:
            return []
        return await self._home(view.account).reads.columns.read(view, column, first, count)

    async def values(self, view: View, column: Column, uids: Sequence[int]) -> Sequence[bytes | int | None]:
        assert isinstance(view, SqliteView)
        shard = self._homes.get(view.account)
        return [None] * len(uids) if shard is None else await shard.reads.columns.values(view, column, uids)

    async def record(self, account: AccountId, mailbox: MailboxId, uid: int) -> Record | None:
        shard = self._homes.get(account)
        if shard is None:
            return None
        if shard.source.is_lent:
            await shard.source.readable()
        return shard.reads.record(account, mailbox, uid, shard.residents.known_view(account, mailbox))

    async def records(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[Record]:
        shard = self._homes.get(account)
        if shard is None:
            return []
        await shard.source.readable()
        view = shard.residents.known_view(account, mailbox)
        found = (shard.reads.record(account, mailbox, uid, view) for uid in uids)
        return [record for record in found if record is not None]

    def read(self, account: AccountId, message: MessageId) -> Coroutine[None, None, bytes]:
        return self._home(account).reads.body(account, message)

    def read_many(
        self, account: AccountId, messages: Sequence[MessageId], enough_octets: int
    ) -> Coroutine[None, None, Sequence[bytes]]:
        return self._home(account).reads.bodies(account, messages, enough_octets)

    async def vanished(self, account: AccountId, mailbox: MailboxId, since: ModSeq) -> Sequence[int] | None:
        shard, state = await self._account(account)
        box = state.mailboxes.get(mailbox)
        if box is None:
            raise NoSuchMailbox(f"mailbox {mailbox}")
        if since >= box.modseq:
            return []
        if since < box.gone_floor:
            return None
        return await shard.committer.when_idle(lambda: shard.reads.vanished(account, mailbox, since))

    # --- writing --------------------------------------------------------------------------------------------
    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        if not messages:
            return []
        keep = []
        homes: dict[int, Shard] = {}
        for message in messages:
            shard = self._home(message.account)
            homes[shard.number] = shard
            there = shard.residents
            keep.append(there.known_account(message.account) or await there.account(message.account))
        if len(homes) == 1:
            return await shard.committer.submit(lambda t: append(t, messages), keep=keep)
        return await self._append_to_shards(messages, list(homes.values()), keep)

    async def _append_to_shards(
        self, messages: Sequence[NewMessage], shards: Sequence[Shard], keep: object
    ) -> list[Stored]:
        """All are judged first, so that a refusal leaves nothing anywhere; then one transaction a shard.

        When a later one fails all the same (its disk, or a change that came between), what the earlier ones stored
        is expunged again: there is no transaction over two files that would be durable in both.
        """
        done: dict[AccountId, list[Stored]] = {}
        parts = [(shard, [one for one in messages if self._homes[one.account] is shard]) for shard in shards]
        for shard, part in parts:
            await shard.committer.submit(lambda t, part=part: judge(t, part), keep=keep)  # type: ignore[misc]
        try:
            for shard, part in parts:
                stored = await shard.committer.submit(lambda t, part=part: append(t, part), keep=keep)  # type: ignore[misc]
                for one in stored:
                    done.setdefault(one.account, []).append(one)
        except BaseException:
            for account, stored in done.items():
                for one in stored:
                    await self.expunge(account, one.mailbox, [one.uid])
            raise
        queues = {account: iter(stored) for account, stored in done.items()}
        return [next(queues[message.account]) for message in messages]

    async def replace(self, account: AccountId, mailbox: MailboxId, uid: int, message: NewMessage) -> Stored | None:
        shard, view = await self._source(account, mailbox)
        return await shard.committer.submit(lambda t: replace(t, account, mailbox, uid, message), keep=view)

    async def change_flags(
        self,
        account: AccountId,
        mailbox: MailboxId,
        uids: Sequence[int],
        change: FlagChange,
        unchanged_since: ModSeq | None = None,
    ) -> FlagResult:
        shard = self._home(account)
        view = shard.residents.known_view(account, mailbox) or await shard.residents.view(account, mailbox)
        while shard.flags_waiting:
            await shard.sync_flags()
        if shard.committer.busy:
            result = await shard.committer.when_idle(lambda: shard.change_flags(view, uids, change, unchanged_since))
        else:
            result = shard.change_flags(view, uids, change, unchanged_since)
        if not shard.settings.flag_sync_ms:
            await shard.sync_flags()
        return result

    async def copy(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        shard, view = await self._source(account, source)
        return await shard.committer.submit(
            lambda t: removal.copy(t, account, source, uids, target), heavy=len(uids) > HEAVY_MESSAGES, keep=view
        )

    async def move(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        shard, view = await self._source(account, source)
        return await shard.committer.submit(
            lambda t: removal.move(t, account, source, uids, target), heavy=len(uids) > HEAVY_MESSAGES, keep=view
        )

    async def expunge(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[int]:
        shard, view = await self._source(account, mailbox)
        return await shard.committer.submit(
            lambda t: removal.expunge(t, account, mailbox, uids), heavy=len(uids) > HEAVY_MESSAGES, keep=view
        )

    async def expunged(self, account: AccountId) -> Sequence[Expunged]:
        shard, state = await self._account(account)
        return await shard.committer.when_idle(lambda: shard.reads.expunged(state))

    async def restore(self, account: AccountId, messages: Sequence[MessageId]) -> Sequence[Stored]:
        shard, state = await self._account(account)
        return await shard.committer.submit(lambda t: removal.restore(t, account, messages), heavy=True, keep=state)

    # --- annotations ------------------------------------------------------------------------------------------
    async def metadata(self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId) -> Mapping[str, bytes]:
        return metadata.read(await self._annotated(account, mailbox), account, mailbox, viewer)

    async def metadata_changes(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, since: ModSeq
    ) -> Sequence[str]:
        return metadata.changed(await self._annotated(account, mailbox), account, mailbox, viewer, since)

    async def set_metadata(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, values: Mapping[str, bytes | None]
    ) -> bool:
        shard, state = await self._account(account)
        return await shard.committer.submit(lambda t: metadata.change(t, account, mailbox, viewer, values), keep=state)

    async def _annotated(self, account: AccountId, mailbox: MailboxId | None) -> apsw.Connection:
        """What to read annotations with.  Raises NoSuchMailbox."""
        shard, state = await self._account(account)
        if mailbox is not None and mailbox not in state.mailboxes:
            raise NoSuchMailbox(f"mailbox {mailbox}")
        await shard.source.readable()
        return shard.source()

    # --- keywords -------------------------------------------------------------------------------------------
    async def keyword_bits(self, account: AccountId, names: Iterable[str], create: bool) -> Flags:
        shard, state = await self._account(account)
        asked = list(names)
        known = [state.keywords.get(name.lower()) for name in asked]
        if create and None in known:
            return await shard.committer.submit(lambda t: placement.make_keywords(t, account, asked), keep=state)
        flags = 0
        for bit in known:
            if bit is not None:
                flags |= 1 << bit
        return flags

    def keyword_names(self, account: AccountId) -> dict[int, str]:
        return dict(self._home(account).residents.account_now(account).names)

    # --- the store itself -----------------------------------------------------------------------------------
    async def maintain(self, now: float) -> None:
        """The jobs of a minute: see ``upkeep.py``.  A shard that takes no changes is passed over."""
        for upkeep, shard in zip(self._upkeep, self._shards, strict=True):
            if shard.committer.failure is None:
                await upkeep.run(now)

    async def check(self, repair: bool = False) -> Report:
        """Compare everything derived with the truth; put right what can be.  Reads every body.

        A repair ends the open views (their sessions see the mailbox as dropped) and reads accounts anew.
        """
        reports = [await shard.check(repair) for shard in self._shards]
        findings = tuple(finding for report in reports for finding in report.findings)
        return Report(findings, sum(report.messages for report in reports), sum(report.bodies for report in reports))

    async def close(self) -> None:
        if self._lock < 0:
            return
        for shard in self._shards:
            await shard.close()
        os.close(self._lock)
        self._lock = -1

    # --- steps ------------------------------------------------------------------------------------------------
    def _home(self, account: AccountId) -> Shard:
        shard = self._homes.get(account)
        if shard is None:
            raise NoSuchMailbox(f"no account {account}")
        return shard

    async def _account(self, account: AccountId) -> tuple[Shard, AccountState]:
        shard = self._home(account)
        return shard, shard.residents.known_account(account) or await shard.residents.account(account)

    async def _source(self, account: AccountId, mailbox: MailboxId) -> tuple[Shard, SqliteView]:
        shard = self._home(account)
        return shard, shard.residents.known_view(account, mailbox) or await shard.residents.view(account, mailbox)


def take_lock(path: str) -> int:
    """Lock a file for this process.  Raises Unavailable when another has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise Unavailable(f"{path}: in use by another Courriel") from None
    return fd


def shard_numbers(files: Files, directory: str, settings: StoreSettings) -> list[int]:
    """Shards to open: those that exist, and at the beginning as many as the settings say."""
    present = [
        int(name[len("shard-") : -len(".db")])
        for name in files.names(directory)
        if name.startswith("shard-") and name.endswith(".db")
    ]
    return sorted(present) or list(range(settings.shards or default_shards()))
