"""One mailbox in memory, shared by all its sessions.  ``ports/store.py: View``; PERFORMANCE §4 rule 4.

A view lives on the loop thread and changes only when a change is committed (flags: logged).  It keeps, beside the
port's three arrays, message ids and sizes, and whatever columns were asked for.  Columns are lists with the same
indexes as the arrays.
"""

from __future__ import annotations

from array import array
from asyncio import AbstractEventLoop
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

from courriel.model.changes import Arrived, Dropped, Flagged, Gone, ViewChange
from courriel.model.ids import AccountId, MailboxId, ModSeq, Uid
from courriel.model.mailbox import Role
from courriel.model.rights import Acl
from courriel.ports.store import Column
from courriel.store.sqlite.state import AccountState, MailboxState


class SqliteView:
    """See the port for what readers may rely on."""

    __slots__ = (
        "__weakref__", "_changes", "_claimed", "_loop", "_watchers", "account", "columns", "copied_modseq", "flags",
        "gone", "ids", "mailbox", "modseqs", "owner", "position", "sizes", "state", "uids", "uidvalidity",
    )  # fmt: skip

    def __init__(
        self,
        loop: AbstractEventLoop,
        owner: AccountState,
        state: MailboxState,
        kept_changes: int,
        claimed: dict[tuple[AccountId, MailboxId], AccountState],
    ) -> None:
        self._loop = loop
        self._claimed = claimed
        self.owner = owner
        self.state = state
        self.account: AccountId = owner.id
        self.mailbox: MailboxId = state.id
        self.uidvalidity = state.uidvalidity
        self.uids: array[int] = array("I")
        self.flags: array[int] = array("Q")
        self.modseqs: array[int] = array("Q")
        self.ids: array[int] = array("Q")
        self.sizes: array[int] = array("I")
        self.columns: dict[Column, list[Any]] = {}
        self.copied_modseq = 0
        """Number of the mailbox when its arrays were last copied into the database (``viewload.py``)."""
        self.gone = False
        self._changes: deque[ViewChange] = deque(maxlen=kept_changes)
        self.position = 0
        self._watchers: dict[object, Callable[[], None]] = {}

    @property
    def role(self) -> Role | None:
        return self.state.role

    @property
    def uidnext(self) -> Uid:
        return Uid(self.state.uidnext)

    @property
    def modseq(self) -> ModSeq:
        return ModSeq(self.state.modseq)

    @property
    def acl(self) -> Acl:
        return self.state.acl

    def changes(self, since: int) -> Sequence[ViewChange] | None:
        behind = self.position - since
        if behind == 0:
            return ()
        if not 0 < behind <= len(self._changes):
            return None
        ring = self._changes
        return [ring[place] for place in range(-behind, 0)]

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        key = object()

        def call() -> None:
            if key in self._watchers:  # stopped between the change and the loop's next turn
                wake()

        self._watchers[key] = call

        def stop() -> None:
            self._watchers.pop(key, None)

        return stop

    def index(self, uid: int) -> int:
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else -1

    def claim_recent(self) -> int:
        first, self.state.recent = self.state.recent, self.state.uidnext
        if first != self.state.recent:
            self._claimed[self.account, self.mailbox] = self.owner
        return first

    def first_recent(self) -> int:
        return self.state.recent

    # --- for the store --------------------------------------------------------------------------------------
    def run(self, uids: Sequence[int]) -> range | None:
        """Indexes of ``uids`` when they are exactly some neighbours, in order: one comparison in C; else None."""
        mine = self.uids
        if not uids or not mine:
            return None
        first = bisect_left(mine, uids[0])
        last = first + len(uids)
        if last > len(mine) or mine[first] != uids[0] or mine[last - 1] != uids[-1]:
            return None
        asked = uids if isinstance(uids, array) and uids.typecode == "I" else array("I", uids)
        return range(first, last) if mine[first:last] == asked else None

    def indexes(self, uids: Sequence[int]) -> Sequence[int]:
        """Indexes of those of ``uids`` (ascending, each once) that exist."""
        run = self.run(uids)
        if run is not None or not uids:
            return run or ()
        mine, first = self.uids, 0
        found = []
        end = len(mine)
        for uid in uids:
            first = bisect_left(mine, uid, first)
            if first == end:
                break
            if mine[first] == uid:
                found.append(first)
        return found

    def arrive(
        self, uids: Sequence[int], flags: Sequence[int], modseqs: Sequence[int], ids: Sequence[int],
        sizes: Sequence[int],
    ) -> None:  # fmt: skip
        self.uids.extend(uids)
        self.flags.extend(flags)
        self.modseqs.extend(modseqs)
        self.ids.extend(ids)
        self.sizes.extend(sizes)
        self.record(Arrived(ModSeq(modseqs[-1]), Uid(uids[0]), len(uids)))

    def remove(self, uids: Sequence[int], modseq: int) -> None:
        """Take messages out; old arrays stay as they are, for those who hold them."""
        indexes = self.indexes(uids)
        if len(indexes) == 1:
            (place,) = indexes
            self._cut(place, place + 1)
        elif isinstance(indexes, range):
            self._cut(indexes.start, indexes.stop)
        else:
            keep = bytearray(b"\x01") * len(self.uids)
            for place in indexes:
                keep[place] = 0
            self._keep(keep)
        self.record(Gone(ModSeq(modseq), list(uids)))

    def _cut(self, first: int, last: int) -> None:
        self.uids = self.uids[:first] + self.uids[last:]
        self.flags = self.flags[:first] + self.flags[last:]
        self.modseqs = self.modseqs[:first] + self.modseqs[last:]
        self.ids = self.ids[:first] + self.ids[last:]
        self.sizes = self.sizes[:first] + self.sizes[last:]
        for values in self.columns.values():
            del values[first:last]

    def _keep(self, keep: bytearray) -> None:
        self.uids = array("I", compress(self.uids, keep))
        self.flags = array("Q", compress(self.flags, keep))
        self.modseqs = array("Q", compress(self.modseqs, keep))
        self.ids = array("Q", compress(self.ids, keep))
        self.sizes = array("I", compress(self.sizes, keep))
        for values in self.columns.values():
            values[:] = list(compress(values, keep))

    def flagged(self, uids: Sequence[int], places: Sequence[int], modseq: int) -> None:
        self.record(Flagged(ModSeq(modseq), uids, places))

    def drop(self, modseq: int) -> None:
        """The mailbox is no more."""
        self.gone = True
        self.columns.clear()
        self.uids, self.flags, self.modseqs = array("I"), array("Q"), array("Q")
        self.ids, self.sizes = array("Q"), array("I")
        self.record(Dropped(ModSeq(modseq)))

    def record(self, change: ViewChange) -> None:
        self._changes.append(change)
        self.position += 1
        self.wake()

    def wake(self) -> None:
        if self._watchers:
            call_soon = self._loop.call_soon
            for wake in self._watchers.values():
                call_soon(wake)
