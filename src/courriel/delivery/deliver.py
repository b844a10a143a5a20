"""Into the mailboxes: one append, one commit, for all local recipients of a message.  STORAGE §3.

Quota is judged before anything is stored, so that a message for many is not half delivered.  Over LMTP, where each
recipient has an answer of its own, those who have room get it and the others do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.base.log import log
from courriel.delivery.letter import Letter
from courriel.delivery.route import USUAL, Drop, Place
from courriel.formats.message.summary import Summary, summarise
from courriel.model.flags import SYSTEM_FLAGS, Flags
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import Role, canonical_path
from courriel.model.message import NewMessage
from courriel.model.refusals import MailboxExists, NoSuchMailbox, OverQuota, TooManyKeywords
from courriel.ports.store import MailStore

INBOX = "INBOX"

LONG_OCTETS = 1_048_576
"""From here a message is read in a thread: 50 MB take some 100 ms, in which others want to be served too."""


ROLES: Final = {f"\\{role.value}": role for role in Role}
"""RFC 6154 §2: attribute, in lower case → role."""


def _flags(names: Sequence[str]) -> tuple[Flags, tuple[str, ...]]:
    """System bits, and keywords by name."""
    if not names:
        return 0, ()
    bits = 0
    for name in names:
        bits |= SYSTEM_BITS.get(name.lower(), 0)
    return bits, tuple(name for name in names if not name.startswith("\\"))


SYSTEM_BITS: Final = {name.lower(): bit for name, bit in SYSTEM_FLAGS.items()}


async def _summary(body: bytes) -> Summary:
    return summarise(body) if len(body) < LONG_OCTETS else await asyncio.to_thread(summarise, body)


class Deliverer:
    """Puts messages into mailboxes, and remembers which mailbox is whose INBOX."""

    def __init__(self, store: MailStore) -> None:
        self._store = store
        self._inboxes: dict[AccountId, MailboxId] = {}

    async def check_room(self, account: AccountId, octets: int) -> None:
        """Raises OverQuota when ``octets`` more do not fit."""
        quota = await self._store.quota(account)
        if not quota.has_room(octets, 1):
            raise OverQuota(f"account {account}")

    async def full_ones(self, drops: Sequence[Drop], octets: int) -> list[Drop]:
        """Those that have no room.  Accounts without a limit are not asked."""
        full = []
        for drop in drops:
            if drop.account.quota_octets:
                try:
                    await self.check_room(drop.account.id, octets)
                except OverQuota:
                    full.append(drop)
        return full

    async def deliver(self, letters: Sequence[Letter], now: float) -> None:
        """Store letters for all their readers here; when this returns they are durable and visible."""
        summaries = [await _summary(letter.content) for letter in letters]
        for attempt in (1, 2):
            news = [
                NewMessage(
                    drop.account.id,
                    await (self._junk(drop) if letter.junk else self._place(drop, place)),
                    letter.content,
                    summary,
                    now,
                    letter.prefix(drop),
                    *_flags(place.flags),
                )
                for letter, summary in zip(letters, summaries, strict=True)
                for drop in letter.drops
                for place in drop.places
            ]
            try:
                await self._append(news)
                return
            except NoSuchMailbox:
                # A mailbox went away between the look-up and the commit: look again, once.
                for drop in (drop for letter in letters for drop in letter.drops):
                    self._inboxes.pop(drop.account.id, None)
                if attempt == 2:
                    raise

    async def _append(self, news: Sequence[NewMessage]) -> None:
        """An account that is full of keywords gets its mail without those of its script."""
        try:
            await self._store.append(news)
        except TooManyKeywords:
            await self._store.append([msgspec.structs.replace(one, keywords=()) for one in news])

    async def _place(self, drop: Drop, place: Place) -> MailboxId:
        """Where a script wants it, made if it says so; else the usual mailbox."""
        if place is USUAL:
            return await self._mailbox(drop)
        account, role = drop.account.id, ROLES.get(place.special_use.lower())
        if role is not None:
            for box in await self._store.mailboxes(account):
                if box.role is role:
                    return box.id
        if not place.mailbox:
            return await self._mailbox(drop)
        try:
            return (await self._store.mailbox(account, place.mailbox)).id
        except NoSuchMailbox:
            if place.create:
                return await self._create(account, place.mailbox, role)
            log.event("sieve.no_mailbox", account=drop.account.login, mailbox=place.mailbox)
            return await self._mailbox(drop)

    async def _create(self, account: AccountId, path: str, role: Role | None) -> MailboxId:
        try:
            made = await self._store.create_mailbox(account, path, role)
        except MailboxExists:  # by somebody else meanwhile
            return (await self._store.mailbox(account, path)).id
        await self._store.subscribe(account, path, True)
        return made.id

    async def _mailbox(self, drop: Drop) -> MailboxId:
        """The mailbox named by the detail where there is one, else INBOX."""
        if drop.detail:
            found = await self._named(drop.account.id, drop.detail)
            if found is not None:
                return found
        account = drop.account.id
        inbox = self._inboxes.get(account)
        if inbox is None:
            inbox = self._inboxes[account] = (await self._store.mailbox(account, INBOX)).id
        return inbox

    async def _junk(self, drop: Drop) -> MailboxId:
        """The mailbox that is for junk, whatever its name; who has none gets it as all mail."""
        boxes = await self._store.mailboxes(drop.account.id)
        found = next((box.id for box in boxes if box.role is Role.JUNK), None)
        return found if found is not None else await self._mailbox(drop)

    async def _named(self, account: AccountId, detail: str) -> MailboxId | None:
        """By exact path, else without case: mail clients and people write details as they like."""
        try:
            wanted = canonical_path(detail)
            return (await self._store.mailbox(account, wanted)).id
        except FormatError:
            return None
        except NoSuchMailbox:
            folded = wanted.casefold()
            boxes = await self._store.mailboxes(account)
            return next((box.id for box in boxes if box.path.casefold() == folded), None)
