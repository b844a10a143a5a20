"""A segment: the words of some thousand bodies, in one file that never changes.

    file    = "CFS1" length(4) crc32(4) head, tables            head: msgpack, ``Head``; all at multiples of 8
    words   = LF word LF word … LF                              UTF-8, those that stand in most bodies first
    starts  = 4 octets a word: where it begins in ``words``     little endian, as all numbers here
    posts   = 4 octets a word, and one more: where its bodies begin in ``bodies``
    bodies  = 2 octets each: index into ``numbers``

A string is looked for by scanning ``words`` (2 GB/s): any substring is found, and no word has to be asked about twice.
Common words first: a short string that is everywhere is soon known to be.  By bodies, 2 octets for each word of each
message; measured in bench/micro_search.py.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import zlib
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import zstandard

from courriel.base.errors import Damaged
from courriel.formats.folding import Lookup

MAGIC: Final = b"CFS1"
_START: Final = struct.Struct("<4sII")
BODIES: Final = 65_536
"""Most bodies of a segment: their indexes have 16 bits."""
FIELDS: Final = 2
HEADER: Final = 0
BODY: Final = 1


class Words(msgspec.Struct, frozen=True, array_like=True):
    """Where the tables of one field lie: offset and octets of each."""

    words: tuple[int, int]
    starts: tuple[int, int]
    posts: tuple[int, int]
    bodies: tuple[int, int]


class Head(msgspec.Struct, frozen=True, array_like=True):
    """``first`` … ``last``: numbers of bodies this speaks for.  ``hash``: of body ``last`` where it was seen.

    ``unread``: indexes of bodies that could not be read whole.  ``texts``: index → place of an attachment's text.
    """

    first: int
    last: int
    hash: bytes
    numbers: tuple[int, int]
    fields: tuple[Words, ...]
    unread: tuple[int, ...]
    texts: dict[int, tuple[int, int]]
    crc: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Head).decode


_Table: TypeAlias = "defaultdict[str, list[int] | array[int]]"
"""word → indexes of its bodies, ascending: lists while bodies come (a third of the time), arrays where segments do."""


class Draft:
    """A segment being made."""

    def __init__(self) -> None:
        self.numbers: array[int] = array("Q")
        self.fields: tuple[_Table, ...] = tuple(defaultdict(list) for _ in range(FIELDS))
        self.unread: list[int] = []
        self.texts: dict[int, bytes] = {}

    def add(self, number: int, header: Iterable[str], body: Iterable[str], attached: str = "") -> None:
        """Words of one body; numbers ascend."""
        index = len(self.numbers)
        self.numbers.append(number)
        for table, words in zip(self.fields, (header, body), strict=True):
            for word in words:
                table[word].append(index)
        if attached:
            self.texts[index] = zstandard.compress(attached.encode("utf-8", "surrogatepass"), 3)

    def add_unread(self, number: int) -> None:
        """A body nothing is known of."""
        self.unread.append(len(self.numbers))
        self.numbers.append(number)

    def take(self, segment: Segment, alive: set[int] | None) -> None:
        """Everything of ``segment``, or of its bodies in ``alive``; its numbers are higher than all here."""
        base = len(self.numbers)
        kept = [alive is None or number in alive for number in segment.numbers]
        self.numbers.extend([number for number, keep in zip(segment.numbers, kept, strict=True) if keep])
        table = [at - 1 if keep else -1 for at, keep in zip(accumulate(kept, initial=base + 1), kept, strict=False)]
        for field, ours in enumerate(self.fields):
            for word, bodies in segment.postings(field, base if alive is None else 0):
                moved = bodies if alive is None else array("H", [new for old in bodies if (new := table[old]) >= 0])
                if word in ours:
                    ours[word].extend(moved)
                elif moved:
                    ours[word] = moved
        self.unread.extend(new for old in segment.head.unread if (new := table[old]) >= 0)
        for old, (offset, length) in segment.head.texts.items():
            if table[old] >= 0:
                self.texts[table[old]] = segment.octets(offset, length)

    def write(self, path: Path, first: int, last: int, hash: bytes) -> None:
        """Make the file, durable under its name or not there at all."""
        sections: list[bytes] = []
        end = 0

        def put(data: bytes) -> tuple[int, int]:
            nonlocal end
            place = (end, len(data))
            padding = -len(data) % 8
            sections.append(data + b"\0" * padding)
            end += len(data) + padding
            return place

        numbers = put(self.numbers.tobytes())
        fields = tuple([_tables(table, put) for table in self.fields])
        texts = {index: put(text) for index, text in self.texts.items()}
        crc = 0
        for section in sections:
            crc = zlib.crc32(section, crc)
        head = _encode(Head(first, last, hash, numbers, fields, tuple(self.unread), texts, crc))
        padding = b"\0" * (-(len(head) + _START.size) % 8)
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(_START.pack(MAGIC, len(head), zlib.crc32(head)) + head + padding)
            file.writelines(sections)
            file.flush()
            os.fdatasync(file.fileno())
        temporary.rename(path)


def _tables(table: _Table, put: Callable[[bytes], tuple[int, int]]) -> Words:
    words, indexes = list(table), list(table.values())
    counts = list(map(len, indexes))
    order = sorted(range(len(words)), key=counts.__getitem__, reverse=True)
    text = "\n".join([words[at] for at in order]).encode("utf-8", "surrogatepass")
    starts = array("I", accumulate((len(word) + 1 for word in text.split(b"\n")) if words else (), initial=1))
    starts.pop()
    posts = array("I", accumulate([counts[at] for at in order], initial=0))
    bodies = array("H", chain.from_iterable([indexes[at] for at in order]))
    vocabulary = b"\n%b\n" % text if words else b""
    return Words(put(vocabulary), put(starts.tobytes()), put(posts.tobytes()), put(bodies.tobytes()))


class Segment:
    """A segment's file, mapped."""

    def __init__(self, path: Path) -> None:
        """Raises Damaged, FileNotFoundError."""
        self.path = path
        with path.open("rb") as file:
            self._file_octets = os.fstat(file.fileno()).st_size
            if self._file_octets < _START.size:
                raise Damaged(f"{path.name} is cut short")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, length, crc = _START.unpack_from(self._map)
        head = self._map[_START.size : _START.size + length]
        if magic != MAGIC or zlib.crc32(head) != crc:
            raise Damaged(f"{path.name} is no index segment")
        try:
            self.head: Final = _decode(head)
        except msgspec.MsgspecError as error:
            raise Damaged(f"{path.name}: {error}") from error
        self._base = _START.size + length
        self._base += -self._base % 8
        self._view = memoryview(self._map)
        places = [self.head.numbers, *(place for words in self.head.fields for place in msgspec.structs.astuple(words))]
        if any(self._base + offset + octets > self._file_octets for offset, octets in places):
            raise Damaged(f"{path.name} is cut short")
        self.numbers: Final = self._view_of(self.head.numbers).cast("Q")

    @property
    def file_octets(self) -> int:
        return self._file_octets

    def is_intact(self) -> bool:
        """Whether every octet is what was written."""
        return zlib.crc32(self._view[self._base :]) == self.head.crc

    def octets(self, offset: int, length: int) -> bytes:
        return bytes(self._view[self._base + offset : self._base + offset + length])

    def text(self, index: int) -> str:
        """Folded text of the attachments of a body; empty where it has none."""
        place = self.head.texts.get(index)
        if place is None:
            return ""
        return zstandard.decompress(self.octets(*place)).decode("utf-8", "surrogatepass")

    def find(self, field: int, lookup: Lookup) -> set[int]:
        """Indexes of the bodies that have every part of ``lookup`` in a word of ``field``."""
        found: set[int] | None = None
        for part in lookup.parts:
            one = self._holding(field, part)
            found = one if found is None else found & one
            if not found:
                break
        return found or set()

    def find_loosely(self, fields: Iterable[int], patterns: Iterable[re.Pattern[bytes]]) -> set[int]:
        """Indexes of the bodies that have, for each pattern, a word of one of ``fields`` in which it is found."""
        found: set[int] | None = None
        for one in patterns:
            bodies = set[int]().union(*(self._holding(field, one) for field in fields))
            found = bodies if found is None else found & bodies
        return found or set()

    def _holding(self, field: int, part: bytes | re.Pattern[bytes]) -> set[int]:
        tables = self.head.fields[field]
        offset, octets = tables.words
        low, high = self._base + offset, self._base + offset + octets
        starts = self._view_of(tables.starts).cast("I")
        posts = self._view_of(tables.posts).cast("I")
        bodies = self._view_of(tables.bodies).cast("H")
        found: set[int] = set()
        total = len(self.numbers)
        skip = not isinstance(part, bytes) or part.startswith(b"\n")
        at = self._next(part, low, high)
        while at >= 0:
            word = bisect_right(starts, at - low + skip) - 1
            found.update(bodies[posts[word] : posts[word + 1]])
            if len(found) == total or word + 1 == len(starts):
                break
            at = self._next(part, low + starts[word + 1] - 1, high)
        return found

    def _next(self, part: bytes | re.Pattern[bytes], low: int, high: int) -> int:
        if isinstance(part, bytes):
            return self._map.find(part, low, high)
        match = part.search(self._map, low, high)
        return -1 if match is None else match.start()

    def postings(self, field: int, base: int) -> Iterator[tuple[str, array[int]]]:
        """Each word with the indexes of its bodies, ``base`` added."""
        tables = self.head.fields[field]
        words = self.octets(*tables.words).decode("utf-8", "surrogatepass").split("\n")[1:-1]
        bodies = array("H", self.octets(*tables.bodies))
        if base:
            bodies = array("H", map(base.__add__, bodies))
        first = 0
        for word, end in zip(words, self._view_of(tables.posts).cast("I")[1:], strict=True):
            yield word, bodies[first:end]
            first = end

    def _view_of(self, place: tuple[int, int]) -> memoryview:
        return self._view[self._base + place[0] : self._base + place[0] + place[1]]
