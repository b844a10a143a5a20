"""Entries of a ZIP file, to a bounded depth of one and a bounded size.  APPNOTE.TXT 4.3; AUTH attack rows 18, 19.

Only what office documents use: stored and deflated entries, no encryption, no ZIP64.  Sizes in the directory are not
believed: an entry is read until its bound.  Overlapping entries (a bomb without nesting) end at the bound of all.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["ENTRIES", "ENTRY_OCTETS", "RATIO", "TOTAL_OCTETS", "directory", "entries", "member"]

ENTRIES: Final = 4_096
"""Most entries of a file; the largest workbooks have some hundred."""
ENTRY_OCTETS: Final = 16 << 20
"""Octets read of one entry."""
TOTAL_OCTETS: Final = 32 << 20
"""Octets read of all entries."""
RATIO: Final = 100
"""An entry gives at most so many octets for one of its own (beside ``RATIO_FREE_OCTETS``); XML packs to a twentieth."""
RATIO_FREE_OCTETS: Final = 65_536

_END: Final = struct.Struct("<4s4H2LH")
_END_MAGIC: Final = b"PK\x05\x06"
_COMMENT_OCTETS: Final = 65_535
_ENCRYPTED: Final = 0x1
_DAMAGED: Final = (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, struct.error, OverflowError)
_READABLE: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def entries(octets: bytes, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the entries whose name is ``wanted``, as far as the bounds go.  Never raises."""
    if not 0 < _count(octets) <= ENTRIES:
        return
    left = TOTAL_OCTETS
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            for info in archive.infolist():
                if not wanted(info.filename) or info.compress_type not in _READABLE or info.flag_bits & _ENCRYPTED:
                    continue
                bound = min(ENTRY_OCTETS, left, RATIO * info.compress_size + RATIO_FREE_OCTETS)
                content = _read(archive, info, bound)
                left -= len(content)
                yield info.filename, content
                if left <= 0:
                    return
    except _DAMAGED:
        return


def directory(octets: bytes) -> list[zipfile.ZipInfo]:
    """What the directory says there is, locked entries included; empty for what is no archive.  Never raises."""
    if not 0 < _count(octets) <= ENTRIES:
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            return archive.infolist()
    except _DAMAGED:
        return []


def member(octets: bytes, info: zipfile.ZipInfo, limit: int) -> bytes:
    """The beginning of one entry of ``directory``; nothing of a locked or strangely packed one.  Never raises."""
    if info.compress_type not in _READABLE or info.flag_bits & _ENCRYPTED:
        return b""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            return _read(archive, info, min(limit, ENTRY_OCTETS))
    except _DAMAGED:
        return b""


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, bound: int) -> bytes:
    """The beginning of an entry; what is damaged ends it."""
    pieces: list[bytes] = []
    try:
        with archive.open(info) as file:
            while bound > 0 and (piece := file.read(min(bound, 1 << 20))):
                pieces.append(piece)
                bound -= len(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        pass
    return b"".join(pieces)


def _count(octets: bytes) -> int:
    """How many entries the directory says there are: asked before anybody reads the directory."""
    at = octets.rfind(_END_MAGIC, max(0, len(octets) - _END.size - _COMMENT_OCTETS))
    if at < 0 or at + _END.size > len(octets):
        return 0
    _, _, _, _, count, size, _, _ = _END.unpack_from(octets, at)
    return count if size <= len(octets) else 0
