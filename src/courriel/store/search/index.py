"""The word index of the embedded store.  Fulfils ``ports/index.py: TextIndex``.

For the loop's thread.  A question is answered segment by segment (1–3 ms each at most, letting others have their
turn in between), then from bodies to the messages of the mailbox, then for what the segments do not hold.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from courriel.formats.folding import Lookup, lookup
from courriel.formats.loose import pattern, stems
from courriel.ports.index import IndexState, Matches, Place
from courriel.ports.store import View
from courriel.store.search.located import Located
from courriel.store.search.segment import BODY, HEADER, Segment
from courriel.store.search.shelf import Shelf, names, shelf_directory
from courriel.store.sqlite.check import Finding
from courriel.store.sqlite.connection import fetch_one
from courriel.store.sqlite.shard import Shard
from courriel.store.sqlite.store import SqliteStore
from courriel.store.sqlite.view import SqliteView

TURN_CHARACTERS: Final = 1_000_000
"""Text of attachments looked through before others get their turn; 2 ms."""

_FIELDS: Final = {Place.HEADER: (HEADER,), Place.BODY: (BODY,), Place.MESSAGE: (HEADER, BODY)}


class SqliteIndex:
    """Over the segments of each shard of ``store``, which lives below ``directory``."""

    def __init__(self, store: SqliteStore, directory: Path) -> None:
        self._store = store
        self._directory = directory / "store"
        self._shelves: dict[int, Shelf] = {}
        for shard in store.shards:
            self._shelves[shard.number] = Shelf(shelf_directory(self._directory, shard.number))
            self._check_fits(shard)
        self._located: WeakKeyDictionary[SqliteView, Located] = WeakKeyDictionary()

    @property
    def store_directory(self) -> Path:
        return self._directory

    def is_behind(self) -> bool:
        """Whether there are bodies that are not indexed."""
        for shard in self._store.shards:
            shelf = self._shelves[shard.number]
            shelf.refresh()
            if shard.last_blob > shelf.cursor:
                return True
        return False

    # --- questions --------------------------------------------------------------------------------------------
    async def find(self, view: View, place: Place, text: str, loose: bool = False) -> Matches:
        assert isinstance(view, SqliteView)
        shard = self._store.shard_of(view.account)
        shelf = self._shelves[shard.number]
        located = self._located.get(view)
        if located is None:
            located = self._located[view] = Located(shard.source, view)
        shelf.refresh()
        wanted = lookup(text)
        patterns = [pattern(stem) for stem in stems(text)] if loose else []
        bodies: set[int] = set()
        others: set[int] = set()
        known = shelf.cursor
        for segment in list(shelf.segments):
            if loose:
                sure, unsure = _judge_loosely(segment, place, patterns)
            else:
                sure, unsure = await _judge(segment, place, wanted, text)
            bodies |= sure
            others |= unsure
            await asyncio.sleep(0)
        hits, doubts = await located.messages(view, bodies, others, known)
        if place is not Place.BODY and not loose:
            hits |= await located.with_trace(view, text)
        return Matches(hits, doubts - hits)

    # --- care -------------------------------------------------------------------------------------------------
    async def state(self) -> Sequence[IndexState]:
        states = []
        for shard in self._store.shards:
            shelf = self._shelves[shard.number]
            shelf.refresh()
            await shard.source.readable()
            row = fetch_one(shard.source(), "SELECT count(*), coalesce(sum(id<=?), 0) FROM blob", (shelf.cursor,))
            bodies, indexed = row or (0, 0)
            states.append(IndexState(shard.number, bodies, indexed, shelf.octets))
        return states

    async def rebuild(self) -> None:
        for shelf in self._shelves.values():
            _empty(shelf)

    def check(self, repair: bool) -> list[Finding]:
        """Segments that are not what was written; ``repair`` throws the shard's away, to be made anew."""
        findings = []
        for number, shelf in self._shelves.items():
            shelf.refresh()
            damaged = [*shelf.damaged, *(one.path.name for one in shelf.segments if not one.is_intact())]
            findings += [Finding("search index", f"shard {number}: {detail}", repair) for detail in damaged]
            if damaged and repair:
                _empty(shelf)
        return findings

    def _check_fits(self, shard: Shard) -> None:
        """Throw away what was made of another database: one that was brought back from a copy, say."""
        shelf = self._shelves[shard.number]
        shelf.refresh()
        if not shelf.segments:
            return
        head = shelf.segments[-1].head
        row = shard.reader.execute("SELECT hash FROM blob WHERE id=?", (head.last,)).fetchone()
        if head.last > shard.last_blob or (row is not None and row[0] != head.hash):
            _empty(shelf)


async def _judge(segment: Segment, place: Place, wanted: Lookup, text: str) -> tuple[set[int], set[int]]:
    """Bodies of a segment that surely hold ``text``, and those that may."""
    numbers = segment.numbers
    found = _candidates(segment, place, wanted) if wanted.parts else set(range(len(numbers)))
    unread = {numbers[index] for index in segment.head.unread}
    if wanted.exact:
        return {numbers[index] for index in found}, unread
    sure = set() if place is Place.HEADER else await _with_attachment(segment, found, text)
    return {numbers[index] for index in sure}, unread | {numbers[index] for index in found - sure}


async def _with_attachment(segment: Segment, candidates: set[int], text: str) -> set[int]:
    """Those whose attachments hold ``text``: nobody but the index knows what is in them."""
    found, read = set(), 0
    for index in segment.head.texts.keys() & candidates:
        attached = segment.text(index)
        if text in attached:
            found.add(index)
        read += len(attached)
        if read > TURN_CHARACTERS:
            read = 0
            await asyncio.sleep(0)
    return found


def _judge_loosely(segment: Segment, place: Place, patterns: Sequence[re.Pattern[bytes]]) -> tuple[set[int], set[int]]:
    """Bodies that have the words, all of them where none are asked for, and those nothing is known of."""
    numbers = segment.numbers
    found = segment.find_loosely(_FIELDS[place], patterns) if patterns else set(range(len(numbers)))
    return {numbers[index] for index in found}, {numbers[index] for index in segment.head.unread}


def _candidates(segment: Segment, place: Place, wanted: Lookup) -> set[int]:
    found: set[int] = set()
    for field in _FIELDS[place]:
        found |= segment.find(field, wanted)
    return found


def _empty(shelf: Shelf) -> None:
    for name in names(shelf.directory):
        (shelf.directory / name.file).unlink(missing_ok=True)
    shelf.refresh()
