"""Writes compound files as Outlook saves them, for tests.  [MS-CFB] 2, version 3: sectors of 512 octets.

Storages hold their children in one chain of right siblings: no balanced tree, which readers do not need.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

Tree: TypeAlias = "dict[str, bytes | Tree]"

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END = 0xFFFFFFFF, 0xFFFFFFFE


def compound(tree: Tree) -> bytes:
    """The file; names are storages where their value is a dict."""
    return _Writer().write(tree)


def properties(header: int, fixed: dict[int, tuple[int, int]]) -> bytes:
    """A __properties_version1.0 stream: id → (type, value)."""
    entries = [struct.pack("<HHIQ", kind, number, 6, value) for number, (kind, value) in fixed.items()]
    return b"\0" * header + b"".join(entries)


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini = b""
        self.mini_fat: list[int] = []
        self.entries: list[list[object]] = []

    def write(self, tree: Tree) -> bytes:
        self._entry("Root Entry", 5)
        self.entries[0][3] = self._children(tree)
        self.entries[0][4], self.entries[0][5] = self._chain(self.mini), len(self.mini)
        mini_fat = b"".join(struct.pack("<I", one) for one in self.mini_fat)
        mini_at = self._chain(mini_fat + b"\xff" * (-len(mini_fat) % SECTOR))
        directory = b"".join(self._packed(*entry) for entry in self.entries)
        directory_at = self._chain(directory + b"\0" * (-len(directory) % SECTOR))
        fat_sectors = 1
        while (len(self.fat) + fat_sectors) * 4 > fat_sectors * SECTOR:
            fat_sectors += 1
        fat_at = len(self.sectors)
        fat = [*self.fat, *[0xFFFFFFFD] * fat_sectors]
        packed = b"".join(struct.pack("<I", one) for one in fat)
        packed += b"\xff" * (fat_sectors * SECTOR - len(packed))
        difat = [*range(fat_at, fat_at + fat_sectors), *[FREE] * (109 - fat_sectors)]
        head = (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
        )
        head += struct.pack("<IIIII", 0, fat_sectors, directory_at, 0, CUTOFF)
        head += struct.pack("<IIII", mini_at, max(len(mini_fat) + SECTOR - 1, 0) // SECTOR, END, 0)
        return head + struct.pack("<109I", *difat) + b"".join(self.sectors) + packed

    def _entry(self, name: str, kind: int) -> int:
        self.entries.append([name, kind, FREE, FREE, 0, 0])
        return len(self.entries) - 1

    def _children(self, tree: Tree) -> int:
        first, before = FREE, None
        for name in sorted(tree, key=lambda one: (len(one), one.upper())):
            value = tree[name]
            number = self._entry(name, 1 if isinstance(value, dict) else 2)
            entry = self.entries[number]
            if isinstance(value, dict):
                entry[3] = self._children(value)
            else:
                entry[4], entry[5] = self._stream(value), len(value)
            if before is None:
                first = number
            else:
                self.entries[before][2] = number
            before = number
        return first

    def _stream(self, content: bytes) -> int:
        if len(content) >= CUTOFF:
            return self._chain(content)
        if not content:
            return END
        start, count = len(self.mini_fat), -(-len(content) // MINI)
        self.mini += content + b"\0" * (-len(content) % MINI)
        self.mini_fat += [*range(start + 1, start + count), END]
        return start

    def _chain(self, content: bytes) -> int:
        if not content:
            return END
        start, count = len(self.sectors), -(-len(content) // SECTOR)
        content += b"\0" * (-len(content) % SECTOR)
        self.sectors += [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]
        self.fat += [*range(start + 1, start + count), END]
        return start

    @staticmethod
    def _packed(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        raw = name.encode("utf-16-le")
        head = raw + b"\0" * (64 - len(raw)) + struct.pack("<HBB", len(raw) + 2, kind, 1)
        return head + struct.pack("<III", FREE, right, child) + b"\0" * 36 + struct.pack("<IQ", start, size)
