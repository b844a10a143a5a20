"""Results that a client is kept informed of: ADDTO and REMOVEFROM.  RFC 5267 §4.3.

After every command, and in IDLE, only the messages that changed or came since the last time are judged again; what
the change does to the results is told with the news that caused it.  A message that is expunged leaves the results
before its EXPUNGE, while its number is valid; one that arrives joins them behind EXISTS (§4.3.3, §4.3.4).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from itertools import chain
from typing import Final

from courriel.imap.view import Numbers
from courriel.imap.wire import response, sets

Judge = Callable[[Sequence[int]], Awaitable[Sequence[int]]]
"""Those of some indexes (ascending) that match."""

Sorter = Callable[[Sequence[int]], Awaitable[Sequence[int]]]
"""Indexes (ascending) in the order of the results."""

Fetcher = Callable[[Sequence[int]], Awaitable[int]]
"""Writes what the client wants to have of messages, by index."""

_AT_ANY_PLACE: Final = 0
"""RFC 5267 §4.3.3: results in mailbox order need no positions."""


class Context:
    """One searching command whose results are kept up.  ``found``: indexes in the order of the results.

    ``modseq``: number of the mailbox before it was searched.
    """

    def __init__(
        self,
        tag: bytes,
        by_uid: bool,
        judge: Judge,
        sort: Sorter | None,
        known: Numbers,
        found: Sequence[int],
        modseq: int,
        fetch: Fetcher | None = None,
    ) -> None:
        self.tag = tag
        self.by_uid = by_uid
        self._judge = judge
        self._sort = sort
        self._fetch = fetch
        self._joined: Set[int] = frozenset()
        self._results = [known.uids[index] for index in found]
        self._members = set(self._results)
        self._modseq = modseq
        self._top = known.uids[known.count - 1] if known.count else 0

    def lose(self, known: Numbers, gone: Set[int]) -> bytes:
        """The response that takes these UIDs, which are still known, out of the results."""
        lost = gone & self._members
        return self._told(known, self._taken_out(lost), b"REMOVEFROM")

    async def renew(self, known: Numbers) -> bytes:
        """The responses for what changed since the last time."""
        top = self._top
        changed = self._changed(known)
        if not changed:
            return b""
        uids = known.uids
        matching = {uids[index] for index in await self._judge(changed)}
        lost = {uids[index] for index in changed} - matching
        told = self.lose(known, lost)
        new = matching - self._members
        self._joined = {uid for uid in new if uid > top}
        return told + self._told(known, await self._put_in(known, new), b"ADDTO")

    async def fetch_joined(self, known: Numbers) -> bytes:
        """Send what is wanted of new messages that joined the results (RFC 5465 §7); nothing is left to be written.

        They follow the ADDTO, as §5.2 has it for all FETCHs of new messages; §7 has it the other way round.
        """
        joined, self._joined = self._joined, frozenset()
        if joined and self._fetch is not None:
            await self._fetch([known.index(uid) for uid in sorted(joined)])
        return b""

    def _changed(self, known: Numbers) -> list[int]:
        """Indexes of messages that were changed, or that the client did not know, the last time."""
        view, since, count = known.view, self._modseq, known.count
        top, self._top = self._top, known.uids[count - 1] if count else 0
        self._modseq = int(view.modseq)
        if self._modseq == since and self._top == top:
            return []
        places = [place for place, modseq in enumerate(view.modseqs) if modseq > since or view.uids[place] > top]
        if known.behind:
            return [index for place in places if (index := known.index(view.uids[place])) >= 0]
        return [place for place in places if place < count]

    def _taken_out(self, lost: Set[int]) -> list[tuple[int, list[int]]]:
        """Take UIDs out; (position, UIDs) in the order in which the client has to do the same."""
        if not lost:
            return []
        places = [place for place, uid in enumerate(self._results) if uid in lost]
        taken = [self._results[place] for place in places]
        self._results = [uid for uid in self._results if uid not in lost]
        self._members -= lost
        return self._runs([place - before for before, place in enumerate(places)], taken, step=0)

    async def _put_in(self, known: Numbers, new: Set[int]) -> list[tuple[int, list[int]]]:
        """Put UIDs in, likewise."""
        if not new:
            return []
        self._members |= new
        present = sorted(self._members)
        if self._sort is not None:
            # What is gone for the store and not yet for the client has its place, too: facts are kept for it.
            indexes = [index for uid in present if (index := known.index(uid)) >= 0]
            present = [known.uids[index] for index in await self._sort(indexes)]
        self._results = present
        places = [place for place, uid in enumerate(present) if uid in new]
        return self._runs(places, [present[place] for place in places], step=1)

    def _runs(self, places: Sequence[int], uids: Sequence[int], step: int) -> list[tuple[int, list[int]]]:
        """UIDs side by side, together; of neighbours the places grow by ``step``."""
        if self._sort is None:
            return [(_AT_ANY_PLACE, list(uids))]
        runs: list[tuple[int, list[int]]] = []
        for place, uid in zip(places, uids, strict=True):
            if runs and runs[-1][0] - 1 + step * len(runs[-1][1]) == place:
                runs[-1][1].append(uid)
            else:
                runs.append((place + 1, [uid]))
        return runs

    def _told(self, known: Numbers, runs: Sequence[tuple[int, list[int]]], what: bytes) -> bytes:
        if not runs:
            return b""
        pairs = [
            (b"%d" % place, sets.render(uids if self.by_uid else [known.index(uid) + 1 for uid in uids]))
            for place, uids in runs
        ]
        uid = b" UID" if self.by_uid else b""
        text = b" ".join(chain.from_iterable(pairs))
        return b"* ESEARCH (TAG %b)%b %b (%b)\r\n" % (response.quoted(self.tag), uid, what, text)


def gone(known: Numbers) -> Set[int]:
    """UIDs that the client knows and the store no more."""
    if not known.behind:
        return frozenset()
    return set(known.uids[: known.count]).difference(known.view.uids)
