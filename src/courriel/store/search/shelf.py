"""The segments of one shard: a directory of files whose names say which bodies they speak for.

    000000000001-000000001000.0.seg      first body, last body, how often it was written anew

Together they are a chain from body 1 on.  A segment is written beside the ones it replaces and then renamed, so a
process that is killed leaves the chain as it was, or the new one and some leftovers.  There is no other state: where
reading goes on is the end of the chain.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from courriel.base.errors import Damaged
from courriel.store.search.segment import BODIES, Segment

_NAME: Final = re.compile(r"(\d{12})-(\d{12})\.(\d+)\.seg")
FAN: Final = 8
"""Segments of one size that become one."""
SMALLEST: Final = 512
"""Bodies up to which all segments count as of one size."""
FULL_OCTETS: Final = 96 << 20
"""Nothing larger is made: merging takes some three times as much memory."""


class Name(msgspec.Struct, frozen=True, order=True):
    """What a file name says."""

    first: int
    last: int
    version: int

    @property
    def file(self) -> str:
        return f"{self.first:012d}-{self.last:012d}.{self.version}.seg"


def shelf_directory(store: Path, number: int) -> Path:
    """Where the segments of a shard are."""
    return store / "search" / str(number)


def names(directory: Path) -> list[Name]:
    """All segments that lie there, leftovers included."""
    try:
        found = [_NAME.fullmatch(path.name) for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(Name(*map(int, match.groups())) for match in found if match)


def chain(found: list[Name]) -> list[Name]:
    """The longest segments, one after the other, from body 1 on."""
    chosen: list[Name] = []
    following = 1
    while True:
        fitting = [name for name in found if name.first == following]
        if not fitting:
            return chosen
        chosen.append(max(fitting, key=lambda name: (name.last, name.version)))
        following = chosen[-1].last + 1


class Shelf:
    """The chain, opened; for one thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.segments: list[Segment] = []
        self.damaged: list[str] = []
        """Files that cannot be used; the chain ends before them."""
        self._open: dict[Name, Segment] = {}
        self._seen = -1

    @property
    def cursor(self) -> int:
        """Last body the chain speaks for."""
        return self.segments[-1].head.last if self.segments else 0

    @property
    def octets(self) -> int:
        return sum(segment.file_octets for segment in self.segments)

    def refresh(self) -> bool:
        """Look at the directory again if it changed; whether it did.  One stat() if not."""
        try:
            changed = self.directory.stat().st_mtime_ns
        except FileNotFoundError:
            changed = -1
        if changed == self._seen:
            return False
        while not self._load():
            pass
        self._seen = changed
        return True

    def _load(self) -> bool:
        """False when a file went away meanwhile: it was merged."""
        wanted = chain(names(self.directory))
        kept: dict[Name, Segment] = {}
        self.damaged = []
        for name in wanted:
            try:
                kept[name] = self._open.get(name) or Segment(self.directory / name.file)
            except FileNotFoundError:
                return False
            except (Damaged, OSError, ValueError) as error:
                self.damaged.append(f"{name.file}: {error}")
                break
        self._open = kept
        self.segments = list(kept.values())
        return True

    def leftovers(self) -> list[Path]:
        """Files that are not part of the chain."""
        used = {segment.path.name for segment in self.segments}
        try:
            return [path for path in self.directory.iterdir() if path.name not in used]
        except FileNotFoundError:
            return []

    def to_merge(self) -> list[Segment]:
        """Neighbours that had better be one: ``FAN`` of about one size."""
        for first in range(len(self.segments) - FAN + 1):
            run = self.segments[first : first + FAN]
            is_small = sum(len(one.numbers) for one in run) <= BODIES
            if is_small and len(set(map(_tier, run))) == 1 and sum(one.file_octets for one in run) <= FULL_OCTETS:
                return run
        return []


def _tier(segment: Segment) -> int:
    """0 for the smallest, one more for each eightfold."""
    return max(0, (max(len(segment.numbers), 1) - 1) // SMALLEST).bit_length() // 3
