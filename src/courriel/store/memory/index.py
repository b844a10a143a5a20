"""The word index of a store in memory: it reads every message at each question, and so is never in doubt.

The oracle that other indexes are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

from courriel.formats.folding import fold
from courriel.formats.loose import holds_loosely, stems
from courriel.formats.message.text import decoded_header, decoded_text
from courriel.model.ids import MessageId
from courriel.ports.index import IndexState, Matches, Place
from courriel.ports.store import MailStore, View


class MemoryIndex:
    """See above."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def find(self, view: View, place: Place, text: str, loose: bool = False) -> Matches:
        hits, wanted = set(), stems(text)
        for record in await self._store.records(view.account, view.mailbox, list(view.uids)):
            raw = await self._store.read(view.account, MessageId(record.id))
            texts = []
            if place is not Place.BODY:
                prefix_octets = 0 if loose else record.prefix_octets
                texts.append(decoded_header(raw[record.prefix_octets - prefix_octets :], record.parts, prefix_octets))
            if place is not Place.HEADER:
                texts += decoded_text(raw, record.parts, record.prefix_octets)
            folded = [fold(one) for one in texts]
            if holds_loosely("\n".join(folded), wanted) if loose else any(text in one for one in folded):
                hits.add(int(record.uid))
        return Matches(hits, set())

    async def state(self) -> Sequence[IndexState]:
        return ()

    async def rebuild(self) -> None:
        """There is nothing to forget."""
