"""Compound files ([MS-CFB]): the names of what is inside, and the beginning of a stream.

What old office documents, .msg, encrypted new ones and vbaProject.bin are kept in. Read with bounds: chains of sectors
end after as many as the file has, so loops in hostile tables end too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["ENTRIES", "STREAM_OCTETS", "Compound", "Stream", "compound"]

ENTRIES: Final = 2_000
"""Directory entries that are looked at."""
STREAM_OCTETS: Final = 1 << 20
"""Octets read of one stream."""

_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER: Final = struct.Struct("<30xH12xII4xIIIII")
"""[MS-CFB] 2.2: sector shift; FAT sectors, first directory sector, mini stream cutoff, first and number of mini FAT
sectors, first and number of DIFAT sectors are what is used of it."""
_HEADER_FAT_SECTORS: Final = 109
_ENTRY: Final = struct.Struct("<64sHB49xIQ")
"""[MS-CFB] 2.6.1: name, its length, type; first sector, size."""
_LAST_SECTOR: Final = 0xFFFFFFFA
_STREAM, _ROOT = 2, 5


@dataclass(frozen=True, slots=True)
class Stream:
    """An entry of the directory.  ``name`` without its path; storages have no octets."""

    name: str
    is_stream: bool
    start: int
    octets: int


@dataclass(frozen=True, slots=True)
class Compound:
    """A compound file: its entries, in the directory's order, and the tables to read them by."""

    octets: bytes
    sector: int
    mini_cutoff: int
    fat: tuple[int, ...]
    mini_fat: tuple[int, ...]
    mini: bytes
    entries: tuple[Stream, ...]

    def names(self) -> frozenset[str]:
        """Names of all entries."""
        return frozenset(entry.name for entry in self.entries)

    def read(self, stream: Stream, limit: int = STREAM_OCTETS) -> bytes:
        """The beginning of a stream; what is damaged ends it."""
        size = min(stream.octets, limit)
        if stream.octets < self.mini_cutoff:
            pieces = (self.mini[at * 64 : at * 64 + 64] for at in _chain(self.mini_fat, stream.start, size // 64 + 1))
        else:
            pieces = (
                _sector(self.octets, self.sector, at) for at in _chain(self.fat, stream.start, size // self.sector + 1)
            )
        return b"".join(pieces)[:size]


def compound(octets: bytes) -> Compound | None:
    """The file taken apart, None when it is none or is damaged at its head."""
    if len(octets) < 512 or not octets.startswith(_MAGIC):
        return None
    shift, fat_count, directory, cutoff, mini_start, mini_count, more, _ = _HEADER.unpack_from(octets)
    if shift not in (9, 12):
        return None
    sector = 1 << shift
    fat = _fat(octets, sector, fat_count, more)
    entries, root = _entries(_joined(octets, sector, fat, directory, ENTRIES * _ENTRY.size))
    mini_fat = _numbers(_joined(octets, sector, fat, mini_start, min(mini_count * sector, STREAM_OCTETS)))
    mini = _joined(octets, sector, fat, root.start, min(root.octets, 4 * STREAM_OCTETS)) if root else b""
    return Compound(octets, sector, cutoff, fat, mini_fat, mini, entries)


def _fat(octets: bytes, sector: int, count: int, more: int) -> tuple[int, ...]:
    """The table of sectors, from the places named in the header and in further sectors.  [MS-CFB] 2.3, 2.5."""
    places = list(_numbers(octets[76 : 76 + 4 * _HEADER_FAT_SECTORS]))
    limit = min(count, len(octets) // sector + 1)
    while len(places) < limit and more < _LAST_SECTOR and (table := _numbers(_sector(octets, sector, more))):
        places += table[:-1]
        more = table[-1]
    return _numbers(b"".join(_sector(octets, sector, at) for at in places[:limit] if at < _LAST_SECTOR))


def _entries(directory: bytes) -> tuple[tuple[Stream, ...], Stream | None]:
    """The entries that are used, and the root among them, which leads to the mini stream."""
    found: list[Stream] = []
    root = None
    for at in range(0, len(directory) - _ENTRY.size + 1, _ENTRY.size):
        name, length, kind, start, size = _ENTRY.unpack_from(directory, at)
        if kind:
            entry = Stream(
                name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"), kind == _STREAM, start, size
            )
            found.append(entry)
            root = entry if kind == _ROOT and root is None else root
    return tuple(found), root


def _joined(octets: bytes, sector: int, fat: tuple[int, ...], start: int, limit: int) -> bytes:
    return b"".join(_sector(octets, sector, at) for at in _chain(fat, start, limit // sector + 1))[:limit]


def _chain(table: tuple[int, ...], at: int, most: int) -> Iterator[int]:
    """The sectors of a chain, at most so many, and no more than the table has."""
    for _ in range(min(most, len(table))):
        if at >= len(table):
            return
        yield at
        at = table[at]


def _sector(octets: bytes, sector: int, at: int) -> bytes:
    return octets[(at + 1) * sector : (at + 2) * sector]


def _numbers(octets: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(octets) // 4}I", octets[: len(octets) // 4 * 4])
