"""The shared view of one mailbox, for the memory store.  ``ports/store.py: View``.

Here the arrays *are* the mailbox's index, not a copy of it.  The store changes them through ``arrive``,
``reflag``, ``remove`` and ``drop``; each records one ViewChange and wakes whoever watches.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from courriel.model.changes import Arrived, Dropped, Flagged, Gone, ViewChange
from courriel.model.flags import Flags
from courriel.model.ids import AccountId, MailboxId, ModSeq, Uid
from courriel.model.mailbox import Role
from courriel.model.rights import NOBODY, Acl

KEPT_CHANGES: Final = 1024
"""ViewChanges kept for sessions that are behind; a session further back compares arrays instead."""


class MemoryView:
    """One mailbox's numbers; see the port for what readers may rely on."""

    def __init__(
        self, account: AccountId, mailbox: MailboxId, role: Role | None, uidvalidity: int, modseq: ModSeq
    ) -> None:
        self.account = account
        self.mailbox = mailbox
        self.role = role
        self.uidvalidity = uidvalidity
        self.uids: array[int] = array("I")
        self.flags: array[int] = array("Q")
        self.modseqs: array[int] = array("Q")
        self.ids: array[int] = array("Q")
        self._uidnext = Uid(1)
        self._modseq = modseq
        self._first_recent = 1
        self.acl: Acl = NOBODY
        self._changes: deque[ViewChange] = deque(maxlen=KEPT_CHANGES)
        self._position = 0
        self._watchers: list[Callable[[], None]] = []

    @property
    def uidnext(self) -> Uid:
        return self._uidnext

    @property
    def modseq(self) -> ModSeq:
        return self._modseq

    @property
    def position(self) -> int:
        return self._position

    def changes(self, since: int) -> Sequence[ViewChange] | None:
        behind = self._position - since
        if not 0 <= behind <= len(self._changes):
            return None
        return list(islice(self._changes, len(self._changes) - behind, None))

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        return add_watcher(self._watchers, wake)

    def index(self, uid: int) -> int:
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else -1

    def claim_recent(self) -> int:
        first, self._first_recent = self._first_recent, self._uidnext
        return first

    def first_recent(self) -> int:
        return self._first_recent

    # --- for the store ----------------------------------------------------------------------------------------
    def arrive(self, ids: Sequence[int], flags: Sequence[Flags], modseqs: Sequence[ModSeq]) -> list[Uid]:
        """Give the next UIDs to new messages, in order.  At least one."""
        uids = [Uid(self._uidnext + n) for n in range(len(ids))]
        self.uids.extend(uids)
        self.flags.extend(flags)
        self.modseqs.extend(modseqs)
        self.ids.extend(ids)
        self._uidnext = Uid(self._uidnext + len(uids))
        last = modseqs[-1]
        self._record(Arrived(last, uids[0], len(uids)), last)
        return uids

    def reflag(self, changed: Sequence[tuple[int, Flags, ModSeq]]) -> None:
        """Set flags and numbers by index, ascending.  At least one."""
        for index, flags, modseq in changed:
            self.flags[index] = flags
            self.modseqs[index] = modseq
        last = changed[-1][2]
        places = [index for index, _, _ in changed]
        self._record(Flagged(last, [self.uids[index] for index in places], places), last)

    def remove(self, uids: Sequence[int], modseq: ModSeq) -> None:
        """Take out messages that exist, ascending.  The old arrays stay as they are, for those who hold them."""
        gone = set(uids)
        kept = [index for index, uid in enumerate(self.uids) if uid not in gone]
        old_uids, old_flags, old_modseqs, old_ids = self.uids, self.flags, self.modseqs, self.ids
        self.uids = array("I", [old_uids[index] for index in kept])
        self.flags = array("Q", [old_flags[index] for index in kept])
        self.modseqs = array("Q", [old_modseqs[index] for index in kept])
        self.ids = array("Q", [old_ids[index] for index in kept])
        self._record(Gone(modseq, list(uids)), modseq)

    def drop(self, modseq: ModSeq) -> None:
        """The mailbox is no more."""
        self.uids, self.flags, self.modseqs, self.ids = array("I"), array("Q"), array("Q"), array("Q")
        self._record(Dropped(modseq), modseq)

    def _record(self, change: ViewChange, modseq: ModSeq) -> None:
        self._changes.append(change)
        self._position += 1
        self._modseq = modseq
        wake_all(self._watchers)

    def regrant(self, acl: Acl) -> None:
        """Another access list."""
        self.acl = acl
        wake_all(self._watchers)


def add_watcher(watchers: list[Callable[[], None]], wake: Callable[[], None]) -> Callable[[], None]:
    """Add ``wake``; the result takes this one registration out again, and may be called twice."""
    entry = [wake]

    def call() -> None:
        if entry:  # stopped between the change and the loop's next turn: not called any more
            entry[0]()

    def stop() -> None:
        if entry:
            entry.clear()
            watchers.remove(call)

    watchers.append(call)
    return stop


def wake_all(watchers: Sequence[Callable[[], None]]) -> None:
    """Call each on the loop, soon."""
    if watchers:
        loop = asyncio.get_running_loop()
        for wake in watchers:
            loop.call_soon(wake)
