"""Bringing an account over from another server by IMAP: each message once, as it was.

Dates, flags, keywords, special uses and subscriptions come along.  It can be cut off anywhere and run again: it goes on
where it stopped, brings what came since, and follows flags that were changed over there since.  Nothing is changed at
the other server, and nothing is ever deleted here.

At the end everything is compared: each message there has one here, and each here still has the octets that came.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from courriel.base.errors import Damaged
from courriel.base.log import Level, log
from courriel.formats.message.summary import summarise
from courriel.imap.client import ImapClient, Refused
from courriel.imap.wire.client_response import Value
from courriel.imap.wire.client_values import number
from courriel.mailboxes.finding import find_or_make
from courriel.model.flags import KEYWORD_OCTETS, SYSTEM_FLAGS, FlagAction, FlagChange
from courriel.model.ids import AccountId, MessageId
from courriel.model.mailbox import Mailbox, Role
from courriel.model.message import NewMessage
from courriel.model.refusals import TooManyKeywords
from courriel.mua.batches import batches, received_at
from courriel.mua.folder_map import Route, routes
from courriel.mua.ledger import Begun, Brought, Ledger
from courriel.ports.administration import Progress
from courriel.ports.store import MailStore

BATCH_MESSAGES: Final = 500
"""A batch is one commit: large enough that the disk is not waited for, small enough to hold in memory."""

TRIES: Final = 5
"""Connections in a row that may be lost without one batch between them."""

WAIT_S: Final = 1.0
"""Before the second connection; twice that before the third, and so on."""

Enter = Callable[[], Awaitable[ImapClient]]


class MigrationTally(msgspec.Struct):
    """What a run did.  ``closed``: mailboxes that the other server would not
    open; ``refused``: messages it would not give; ``gone``: brought earlier and
    deleted here since; ``damaged``: not the octets that came.  ``verified`` are those compared at the end."""

    mailboxes: int = 0
    brought: int = 0
    known: int = 0
    flags_changed: int = 0
    closed: int = 0
    refused: int = 0
    octets: int = 0
    verified: int = 0
    gone: int = 0
    missing: int = 0
    damaged: int = 0

    @property
    def is_whole(self) -> bool:
        return not (self.closed or self.refused or self.missing or self.damaged)


class _Message(msgspec.Struct, frozen=True):
    """One message as it came."""

    uid: int
    flags: tuple[str, ...]
    received_at: float | None
    raw: bytes
    digest: bytes


class Migration:
    """One run for one account."""

    def __init__(
        self,
        store: MailStore,
        account: AccountId,
        enter: Enter,
        ledger: Ledger,
        now: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``enter`` makes a connection that is logged in; messages without a date get ``now``."""
        self._store = store
        self._account = account
        self._enter = enter
        self._ledger = ledger
        self._now = now
        self._sleep = sleep
        self._tally = MigrationTally()
        self._there: dict[tuple[str, int], list[int]] = {}
        """UIDs at the other server, by folder and UIDVALIDITY: what must be here at the end."""
        self._refused: set[tuple[str, int]] = set()
        self._total = 0

    async def run(self) -> AsyncIterator[Progress | MigrationTally]:
        """Bring everything, compare everything; ends with the tally.

        Raises what the store and the client raise; what came so far stays, and the next run goes on from there.
        """
        tries = 0
        while True:
            before = self._tally.brought
            client: ImapClient | None = None
            try:
                client = await self._enter()
                async for step in self._bring(client):
                    yield step
                await client.close()
                break
            except (OSError, asyncio.IncompleteReadError) as error:  # a time-out is one too
                tries = tries + 1 if self._tally.brought == before else 1
                if tries >= TRIES:
                    raise
                log.event("migrate.connection_lost", Level.WARNING, error=f"{type(error).__name__}: {error}")
                await self._sleep(WAIT_S * 2 ** (tries - 1))
            finally:
                if client is not None:
                    client.abandon()
        async for progress in self._verify():
            yield progress
        yield self._tally

    async def _bring(self, client: ImapClient) -> AsyncIterator[Progress]:
        plan = await plan_of(client, self._store, self._account)
        subscribed = await client.subscribed()
        self._tally.mailboxes = len(plan)
        self._tally.known = self._tally.closed = self._total = 0
        self._there.clear()
        for route in plan:
            target = await find_or_make(self._store, self._account, route.path)
            if route.source.name in subscribed:
                await self._store.subscribe(self._account, route.path, True)
            async for progress in self._folder(client, route, target):
                yield progress

    async def _folder(self, client: ImapClient, route: Route, target: Mailbox) -> AsyncIterator[Progress]:
        folder = route.source.text
        try:
            opened = await client.open(route.source.name, readonly=True)
        except Refused as refusal:
            log.event("migrate.mailbox_refused", Level.WARNING, mailbox=folder, reason=refusal.text)
            self._tally.closed += 1
            return
        if not opened.exists:
            self._there[folder, opened.uidvalidity] = []
            return
        there = {uid: _flags(flags) for uid, flags in (await client.flags(opened.exists)).items()}
        self._there[folder, opened.uidvalidity] = sorted(there)
        known = self._ledger.known(folder, opened.uidvalidity)
        await self._follow_flags(target, known, there)
        missing = sorted(there.keys() - known.keys())
        self._tally.known += len(there) - len(missing)
        self._total += len(there)
        here = await self._stored_since(target, self._ledger.begun(folder))
        before = self._ledger.before(folder, opened.uidvalidity)
        async for batch in batches(client, missing, BATCH_MESSAGES, _message):
            await self._take(route, opened.uidvalidity, target, batch, here, before)
            yield self._progress(route)
        self._note_refused(folder, [uid for uid in missing if uid not in known])
        yield self._progress(route)

    def _note_refused(self, folder: str, uids: Sequence[int]) -> None:
        """What was asked for and did not come: expunged meanwhile, or the other server cannot read it."""
        self._refused.update((folder, uid) for uid in uids)
        self._tally.refused = len(self._refused)

    def _progress(self, route: Route) -> Progress:
        return Progress(self._tally.brought + self._tally.known, self._total, "messages", route.path)

    async def _take(
        self,
        route: Route,
        uidvalidity: int,
        target: Mailbox,
        batch: Sequence[_Message],
        here: dict[bytes, list[MessageId]],
        before: dict[bytes, list[Brought]],
    ) -> None:
        """Store a batch, and note it; what is here already, from a run that was cut off or under another UID, is only
        noted."""
        folder, ledger = route.source.text, self._ledger
        places: dict[int, int] = {}
        fresh: list[_Message] = []
        for message in batch:
            if found := here.get(message.digest):
                places[message.uid] = found.pop(0)
            elif earlier := before.get(message.digest):
                places[message.uid] = earlier.pop(0).message
            elif route.only_new and message.digest in ledger.digests:
                places[message.uid] = 0
            else:
                fresh.append(message)
        if fresh:
            uidnext = (await self._store.mailbox(self._account, target.path)).uidnext
            await asyncio.to_thread(ledger.write, [Begun(folder, uidnext)])
            places.update(await self._append(target, fresh))
        done = [Brought(folder, uidvalidity, one.uid, places[one.uid], one.digest, one.flags) for one in batch]
        await asyncio.to_thread(ledger.write, [*done, Begun(folder, 0)])
        self._tally.brought += len(batch)
        self._tally.octets += sum(len(one.raw) for one in batch)

    async def _append(self, target: Mailbox, fresh: Sequence[_Message]) -> dict[int, int]:
        """Our numbers by UID there."""
        letters = await asyncio.to_thread(self._letters, target, fresh)
        try:
            stored = await self._store.append(letters)
        except TooManyKeywords:
            log.event("migrate.keywords_dropped", Level.WARNING, mailbox=target.path, messages=len(fresh))
            stored = await self._store.append([msgspec.structs.replace(one, keywords=()) for one in letters])
        return {message.uid: one.id for message, one in zip(fresh, stored, strict=True)}

    def _letters(self, target: Mailbox, fresh: Sequence[_Message]) -> list[NewMessage]:
        return [
            NewMessage(
                account=self._account,
                mailbox=target.id,
                body=one.raw,
                summary=summarise(one.raw),
                received_at=one.received_at if one.received_at is not None else self._now,
                flags=system_bits(one.flags),
                keywords=keywords(one.flags),
            )
            for one in fresh
        ]

    async def _stored_since(self, target: Mailbox, uidnext: int) -> dict[bytes, list[MessageId]]:
        """What came into the mailbox since the batch that was cut off, and is not noted yet, by digest.

        Without what is noted: two messages may have the same octets, and one of them is not two.
        """
        found: dict[bytes, list[MessageId]] = {}
        if uidnext:
            view = await self._store.view(self._account, target.id)
            late = [id for uid, id in zip(view.uids, view.ids, strict=True) if uid >= uidnext]
            for id in late:
                if id in self._ledger.messages:
                    continue
                digest = hashlib.sha256(await self._store.read(self._account, MessageId(id))).digest()
                found.setdefault(digest, []).append(MessageId(id))
        return found

    async def _follow_flags(
        self, target: Mailbox, known: Mapping[int, Brought], there: Mapping[int, tuple[str, ...]]
    ) -> None:
        """Flags that were changed over there since they were brought are changed here, where the message still is."""
        changed = [
            msgspec.structs.replace(known[uid], flags=flags)
            for uid, flags in there.items()
            if uid in known and known[uid].flags != flags and known[uid].message
        ]
        if not changed:
            return
        view = await self._store.view(self._account, target.id)
        uids = dict(zip(view.ids, view.uids, strict=True))
        by_flags: dict[tuple[str, ...], list[int]] = {}
        for one in changed:
            if one.message in uids:
                by_flags.setdefault(one.flags, []).append(uids[one.message])
        for flags, which in by_flags.items():
            bits = system_bits(flags) | await self._store.keyword_bits(self._account, keywords(flags), create=True)
            change = FlagChange(FlagAction.REPLACE, bits)
            await self._store.change_flags(self._account, target.id, sorted(which), change)
            self._tally.flags_changed += len(which)
        await asyncio.to_thread(self._ledger.write, changed)

    async def _verify(self) -> AsyncIterator[Progress]:
        """Read everything that was brought, and compare it with what came."""
        present: set[int] = set()
        for mailbox in await self._store.mailboxes(self._account):
            present.update((await self._store.view(self._account, mailbox.id)).ids)
        for (folder, uidvalidity), uids in self._there.items():
            known = self._ledger.known(folder, uidvalidity)
            for place, uid in enumerate(uids):
                note = known.get(uid)
                if note is None:
                    self._tally.missing += (folder, uid) not in self._refused
                elif note.message and note.message not in present:
                    self._tally.gone += 1
                else:
                    await self._compare(note)
                if place % BATCH_MESSAGES == 0:
                    yield Progress(self._tally.verified, self._total, "messages", "✓")

    async def _compare(self, note: Brought) -> None:
        """A message that only another folder brought (all mail's) was compared there."""
        if note.message:
            try:
                raw = await self._store.read(self._account, MessageId(note.message))
            except Damaged:
                raw = b""
            if hashlib.sha256(raw).digest() != note.digest:
                self._tally.damaged += 1
                return
        self._tally.verified += 1


async def plan_of(client: ImapClient, store: MailStore, account: AccountId) -> list[Route]:
    """Which mailbox there goes where here."""
    own, others = await client.namespaces()
    mine: dict[Role, str] = {}
    for mailbox in await store.mailboxes(account):
        if mailbox.role is not None:
            mine.setdefault(mailbox.role, mailbox.path)
    return routes(await client.mailboxes(), own, others, mine)


async def plan_rows(enter: Enter, store: MailStore, account: AccountId) -> list[dict[str, str]]:
    """The plan as rows ``{source, mailbox}``; nothing is brought."""
    client = await enter()
    try:
        plan = await plan_of(client, store, account)
    finally:
        await client.close()
    return [{"source": route.source.text, "mailbox": route.path} for route in plan]


def system_bits(flags: Sequence[str]) -> int:
    """System flags as bits; they are told without regard to case.  RFC 9051 §2.3.2."""
    return sum(bit for name, bit in SYSTEM_FLAGS.items() if name.lower() in {one.lower() for one in flags})


def keywords(flags: Sequence[str]) -> tuple[str, ...]:
    """Those that are no system flags, and not too long to be kept."""
    return tuple(one for one in flags if not one.startswith("\\") and len(one) <= KEYWORD_OCTETS)


def _flags(value: Value) -> tuple[str, ...]:
    names = (
        {one.decode("ascii", "replace") for one in value if isinstance(one, bytes)} if isinstance(value, list) else ()
    )
    return tuple(sorted(name for name in names if name.lower() != "\\recent"))


def _message(items: Mapping[bytes, Value]) -> _Message | None:
    """None for a response without the octets (flags that changed meanwhile, or a message that cannot be read)."""
    raw = items.get(b"BODY[]")
    if not isinstance(raw, bytes) or b"UID" not in items or not raw:
        return None
    flags = _flags(items.get(b"FLAGS"))
    return _Message(number(items[b"UID"]), flags, received_at(items), raw, hashlib.sha256(raw).digest())
