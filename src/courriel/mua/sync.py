"""The cache and the server brought to agree: first what was done here while away, then what happened there.

CONDSTORE and QRESYNC (RFC 7162) where the server has them: then a mailbox where nothing happened costs one command.
Elsewhere UIDs and flags are compared.  The server's word counts for everything but changes that wait here; those it
refuses, or whose message or mailbox is gone, become conflicts.  RFC 4549 says why in this order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from courriel.imap.client import ImapClient, Refused
from courriel.imap.wire.client_response import Response, Value, fetch_items
from courriel.imap.wire.client_values import Listed, number, uid_ranges
from courriel.mua.batches import batches, received_at
from courriel.mua.cache import Cache, Flag, Kept, Move, Pending, Send
from courriel.ports.administration import Progress

BATCH_MESSAGES: Final = 200

GONE: Final = "the message is gone"
OTHER_MAILBOX: Final = "the mailbox was replaced by another of its name"
PERHAPS_SENT: Final = "it was cut off while being sent: perhaps it was"

Post = Callable[[Send], Awaitable[str]]
"""Hands a message to the submission server; the reason when that refuses, "" when it has it.  Raises OSError when it
cannot be reached."""


class SyncTally(msgspec.Struct):
    """What one run did.  ``waiting``: changes for which the server was not reached."""

    done: int = 0
    conflicts: int = 0
    waiting: int = 0
    fetched: int = 0
    flags: int = 0
    removed: int = 0


class Sync:
    """One run over a connection that is logged in."""

    def __init__(self, cache: Cache, client: ImapClient, post: Post) -> None:
        self._cache = cache
        self._client = client
        self._post = post
        self._tally = SyncTally()

    async def run(self, only: str = "") -> AsyncIterator[Progress | SyncTally]:
        """All mailboxes, or the one of the name ``only``.  Ends with the tally."""
        await self._replay()
        known = await self._client.capabilities()
        has_qresync = "QRESYNC" in known
        if has_qresync:
            await self._client.enable("QRESYNC")
        listed = [one for one in await self._client.mailboxes() if one.can_be_selected]
        self._cache.keep_mailboxes([(one.name, _text(one)) for one in listed])
        for one in listed:
            if not only or _text(one) == only:
                async for progress in self._pull(one, has_qresync):
                    yield progress
        self._tally.conflicts = sum(1 for one in self._cache.pending() if one.conflict)
        yield self._tally

    # --- what was done while away -----------------------------------------------------------------------------
    async def _replay(self) -> None:
        opened: tuple[bytes, int] | None = None
        for one in self._cache.pending():
            if one.conflict:
                continue
            change = one.change
            if isinstance(change, Send):
                await self._send(one, change)
                continue
            try:
                if opened is None or opened[0] != change.mailbox:
                    opened = (change.mailbox, (await self._client.open(change.mailbox)).uidvalidity)
                await self._change(one, change, opened[1])
            except Refused as refusal:
                self._cache.conflict(one.id, refusal.text or "refused")
                opened = None

    async def _change(self, one: Pending, change: Flag | Move, uidvalidity: int) -> None:
        if uidvalidity != change.uidvalidity:
            self._cache.conflict(one.id, OTHER_MAILBOX)
            return
        there = await self._client.fetch(str(change.uid), "(UID FLAGS)", uid=True)
        if not any(items.get(b"UID") == b"%d" % change.uid for items in there):
            if isinstance(change, Move) and one.tried:  # it went before we were cut off
                self._settle(one)
            else:
                self._cache.conflict(one.id, GONE)
            return
        self._cache.trying(one.id)
        if isinstance(change, Move):
            await self._client.move([change.uid], change.target)
        else:
            for sign, flags in (("+", change.add), ("-", change.remove)):
                if flags:
                    await self._client.change_flags([change.uid], sign, flags)
        self._settle(one)

    async def _send(self, one: Pending, change: Send) -> None:
        """Nobody gets a message twice because a connection broke: what may have been sent is the person's to decide."""
        if one.tried:
            self._cache.conflict(one.id, PERHAPS_SENT)
            return
        self._cache.trying(one.id)
        try:
            reason = await self._post(change)
        except OSError:
            self._cache.untried(one.id)
            self._tally.waiting += 1
            return
        if reason:
            self._cache.conflict(one.id, reason)
        else:
            self._settle(one)

    def _settle(self, one: Pending) -> None:
        self._cache.settle(one.id)
        self._tally.done += 1

    # --- what happened there ----------------------------------------------------------------------------------
    async def _pull(self, one: Listed, has_qresync: bool) -> AsyncIterator[Progress]:
        known = next(box for box in self._cache.mailboxes() if box.name == one.name)
        since = (known.uidvalidity, known.modseq) if has_qresync and known.uidvalidity and known.modseq else None
        try:
            opened = await self._client.open(one.name, readonly=True, since=since)
        except Refused:
            return
        news = list(self._client.untagged)
        self._cache.begin(one.name, opened.uidvalidity)
        if since is not None and opened.uidvalidity == known.uidvalidity:
            missing = self._follow(one.name, news)
        else:
            missing = await self._compare(one.name, opened.exists)
        async for progress in self._fetch(one, missing):
            yield progress
        self._cache.complete(one.name, opened.modseq)

    def _follow(self, mailbox: bytes, news: Iterable[Response]) -> list[int]:
        """Apply VANISHED and FETCH (RFC 7162 §3.2.6); the UIDs that are new."""
        flags: dict[int, frozenset[str]] = {}
        for response in news:
            if response.name == b"VANISHED" and response.values and isinstance(gone := response.values[-1], bytes):
                self._tally.removed += self._cache.remove(mailbox, uid_ranges(gone))
            elif response.name == b"FETCH" and b"UID" in (items := fetch_items(response)):
                flags[number(items[b"UID"])] = _flags(items.get(b"FLAGS"))
        here = self._cache.uids(mailbox)
        self._tally.flags += self._cache.set_flags(mailbox, [pair for pair in flags.items() if pair[0] in here])
        return sorted(flags.keys() - here)

    async def _compare(self, mailbox: bytes, exists: int) -> list[int]:
        """Compare all UIDs and flags; the UIDs that are new."""
        listed = await self._client.flags(exists) if exists else {}
        there = {uid: _flags(flags) for uid, flags in listed.items()}
        here = self._cache.uids(mailbox)
        self._tally.removed += self._cache.remove(mailbox, [(uid, uid) for uid in here - there.keys()])
        self._tally.flags += self._cache.set_flags(mailbox, [(uid, there[uid]) for uid in here & there.keys()])
        return sorted(there.keys() - here)

    async def _fetch(self, one: Listed, missing: Sequence[int]) -> AsyncIterator[Progress]:
        done = 0
        async for batch in batches(self._client, missing, BATCH_MESSAGES, _kept):
            self._cache.add(one.name, batch)
            done += len(batch)
            yield Progress(done, len(missing), "messages", one.text)
        self._tally.fetched += done


def _text(one: Listed) -> str:
    return "INBOX" if one.text.upper() == "INBOX" else one.text


def _flags(value: Value) -> frozenset[str]:
    words = value if isinstance(value, list) else []
    names = (one.decode("ascii", "replace") for one in words if isinstance(one, bytes))
    return frozenset(name for name in names if name.lower() != "\\recent")


def _kept(items: Mapping[bytes, Value]) -> Kept | None:
    raw = items.get(b"BODY[]")
    if not isinstance(raw, bytes) or b"UID" not in items:
        return None
    return Kept(number(items[b"UID"]), _flags(items.get(b"FLAGS")), received_at(items) or 0.0, raw)
