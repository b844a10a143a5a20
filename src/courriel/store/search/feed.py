"""The process that reads new bodies and writes segments.

    python -m courriel.store.search.feed STORE_DIRECTORY

On its own: it may be killed at any moment, takes processor time that nobody else wants (``nice``), and hostile mail
can at worst end it, within the limits below.  It reads the database and the packs that the server writes, and writes
nothing but segments.  It goes when its standard input ends (the server is gone), or when there was nothing to do.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw

from courriel.base.errors import Damaged
from courriel.formats.message.attachments import may_have_text
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.files import SystemFiles
from courriel.store.blobs.pack import PackReader, Place, unpack
from courriel.store.search.bounds import bound_memory
from courriel.store.search.reading import Reading, read
from courriel.store.search.segment import Draft, Segment
from courriel.store.search.shelf import Shelf, shelf_directory
from courriel.store.sqlite.connection import Row, open_reader

BATCH_BODIES: Final = 1_000
BATCH_OCTETS: Final = 16 << 20
"""A segment is written after so many bodies, or octets of them."""
GATHER_S: Final = 1.0
"""New mail is left to gather for so long: one file for all of it.  Until then searches read it."""
IDLE_S: Final = 60.0
"""Without work the process ends after this."""
SWEEP_S: Final = 3_600.0
"""How often it looks for bodies that are gone."""
GONE_PERCENT: Final = 10
"""A segment is written anew when more of its bodies are gone, or a day after it was last written."""
DAY_S: Final = 86_400.0
NICE: Final = 5

_BODIES: Final = "SELECT id, hash, size, pack, off, clen, codec, data, parts FROM blob WHERE id>? ORDER BY id LIMIT ?"


class ShardFeed:
    """One shard: where its bodies are, and its shelf."""

    def __init__(self, store: Path, number: int) -> None:
        self._connection = open_reader(str(store / f"shard-{number}.db"), None)
        self._packs = PackReader(SystemFiles(), str(store / "packs" / str(number)))
        self._codec = Codec()
        self.shelf = Shelf(shelf_directory(store, number))
        self.shelf.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep_at = 0.0
        self._trying = store / "search" / f"trying-{number}"
        self._feared = set(self._trying.read_text().split()) if self._trying.exists() else set[str]()

    def step(self) -> bool:
        """Write one segment of what is new, or merge what can be; whether there was anything to do."""
        self.shelf.refresh()
        self._throw_away()
        if group := self.shelf.to_merge():
            self._replace(group, None)
            return True
        rows = self._connection.execute(_BODIES, (self.shelf.cursor, BATCH_BODIES)).fetchall()
        if rows:
            self._write_new(rows)
        return bool(rows)

    def is_behind(self) -> bool:
        """Whether a whole batch waits."""
        waiting = self._connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM blob WHERE id>? LIMIT ?)", (self.shelf.cursor, BATCH_BODIES)
        ).fetchone()
        return waiting is not None and waiting[0] == BATCH_BODIES

    def sweep(self, now: float) -> None:
        """Forget the words of bodies that are gone."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_S
        self.shelf.refresh()
        for segment in list(self.shelf.segments):
            ids = self._connection.execute(
                "SELECT id FROM blob WHERE id BETWEEN ? AND ?", (segment.head.first, segment.head.last)
            )
            alive = {id for (id,) in ids}
            gone = len(segment.numbers) - sum(number in alive for number in segment.numbers)
            is_old = segment.path.stat().st_mtime < time.time() - DAY_S
            if gone * 100 > len(segment.numbers) * GONE_PERCENT or (gone and is_old):
                self._replace([segment], alive)

    def _write_new(self, rows: list[Row]) -> None:
        draft, octets = Draft(), 0
        last, hash = 0, b""
        for id, hash_, size, pack, offset, length, codec, data, parts in rows:
            last, hash = id, hash_
            octets += size
            try:
                place = None if pack is None else Place(pack, offset, length, codec)
                body = data if place is None else unpack(self._packs.record(place), self._codec, hash_)
                found = self._read(id, body, parts)
            except (Damaged, OSError, MemoryError):
                draft.add_unread(id)
            else:
                draft.add(id, found.header, found.body, found.attached)
            if octets > BATCH_OCTETS:
                break
        first = self.shelf.cursor + 1
        draft.write(self.shelf.directory / f"{first:012d}-{last:012d}.0.seg", first, last, hash)
        self.shelf.refresh()
        self._trying.unlink(missing_ok=True)
        self._feared.clear()

    def _read(self, id: int, body: bytes, parts: bytes) -> Reading:
        """Attachments of a message that ended this process before, in this batch, are not looked into again."""
        attachments = may_have_text(parts) and str(id) not in self._feared
        if attachments:
            self._trying.write_text(" ".join([*self._feared, str(id)]))
        return read(body, parts, attachments)

    def _replace(self, group: list[Segment], alive: set[int] | None) -> None:
        """Write one segment in the place of ``group``, with the bodies in ``alive`` (all)."""
        draft = Draft()
        for segment in group:
            draft.take(segment, alive)
        first, last = group[0].head.first, group[-1].head.last
        version = int(group[0].path.name.split(".")[1]) + 1 if len(group) == 1 else 0
        draft.write(self.shelf.directory / f"{first:012d}-{last:012d}.{version}.seg", first, last, group[-1].head.hash)
        self.shelf.refresh()
        self._throw_away()

    def _throw_away(self) -> None:
        for path in self.shelf.leftovers():
            path.unlink(missing_ok=True)


def shards(store: Path) -> Iterator[int]:
    for path in sorted(store.glob("shard-*.db")):
        yield int(path.stem.removeprefix("shard-"))


def run(store: Path, server: int) -> None:
    """Until ``server`` (a descriptor) ends, or nothing is left to do."""
    feeds = [ShardFeed(store, number) for number in shards(store)]
    idle_since = time.monotonic()
    while True:
        busy = [feed.step() for feed in feeds]
        now = time.monotonic()
        if any(busy):
            idle_since = now
        else:
            for feed in feeds:
                feed.sweep(now)
            if now - idle_since > IDLE_S:
                return
        behind = any(busy) and any(feed.is_behind() for feed in feeds)
        if select.select([server], [], [], 0.0 if behind else GATHER_S)[0]:
            return


def main() -> None:
    store = Path(sys.argv[1])
    os.nice(NICE)
    bound_memory()
    (store / "search").mkdir(mode=0o700, exist_ok=True)
    with (store / "search" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # that of a server before us has not noticed yet
        try:
            run(store, sys.stdin.fileno())
        except apsw.BusyError:
            sys.exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    main()
