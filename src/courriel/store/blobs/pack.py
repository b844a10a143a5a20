"""Packs: append-only files of message bodies.  STORAGE §3, "Blobs".

    record = magic(4) length(4) size(4) codec(1) sha256(32) octets(length)        little endian

``length`` counts the octets as stored, ``size`` those of the body, ``sha256`` is the body's.  A record describes
itself, so the database's locators can be rebuilt from the packs alone.  A torn tail is harmless: locators are
written only after the pack is synced, and ``scan`` finds the next record by its magic.

One writer per directory; readers from any thread.  Files are never changed, only appended to and unlinked.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from courriel.base.errors import Damaged
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.files import Files

MAGIC: Final = b"CPK1"
HEADER: Final = struct.Struct("<4sIIB32s")
SUFFIX: Final = ".pack"


class Place(msgspec.Struct, frozen=True):
    """Where a body lies: pack number, offset of its record, octets as stored, codec."""

    pack: int
    offset: int
    length: int
    codec: int


class PackRecord(msgspec.Struct, frozen=True):
    """One record found by ``scan``; ``intact`` says whether its checksum holds."""

    place: Place
    size: int
    hash: bytes
    intact: bool


def pack_path(directory: str, pack: int) -> str:
    return f"{directory}/{pack:07d}{SUFFIX}"


def pack_numbers(files: Files, directory: str) -> list[int]:
    """Numbers of the packs in ``directory``, ascending."""
    return [int(name[: -len(SUFFIX)]) for name in files.names(directory) if name.endswith(SUFFIX)]


def unpack(record: bytes, codec: Codec, hash: bytes) -> bytes:
    """The body in a whole record.  Raises Damaged unless it is the one whose checksum is ``hash``."""
    if len(record) < HEADER.size:
        raise Damaged("pack record is cut short")
    magic, length, size, how, stored_hash = HEADER.unpack_from(record)
    if magic != MAGIC or stored_hash != hash or len(record) != HEADER.size + length:
        raise Damaged("pack record does not match its locator")
    body = codec.decode(how, record[HEADER.size :], size)
    if sha256(body).digest() != hash:
        raise Damaged("pack record fails its checksum")
    return body


class PackWriter:
    """Appends to the newest pack.  Nothing is durable before ``sync``."""

    def __init__(self, files: Files, directory: str, pack_octets: int) -> None:
        self._files = files
        self._directory = directory
        self._pack_octets = pack_octets
        self._codec = Codec()
        self._pack = 0
        self._fd = -1
        self._size = 0
        files.make_directory(directory)
        if numbers := pack_numbers(files, directory):
            self._open(numbers[-1])

    @property
    def current(self) -> int:
        """Number of the pack that grows, 0 when there is none yet."""
        return self._pack

    def _open(self, pack: int) -> None:
        self._fd = self._files.open_append(pack_path(self._directory, pack))
        self._pack = pack
        self._size = self._files.size(self._fd)

    def _roll(self) -> None:
        if self._fd >= 0:
            self._files.fdatasync(self._fd)
            self._files.close(self._fd)
            self._fd = -1
        self._open(self._pack + 1)
        self._files.fsync_directory(self._directory)

    def seal(self) -> None:
        """Begin a new pack with the next record."""
        if self._fd >= 0:
            self._roll()

    def write(self, bodies: Sequence[tuple[bytes, bytes]]) -> list[Place]:
        """Append (sha256, body) pairs in one write."""
        if self._fd < 0 or self._size >= self._pack_octets:
            self._roll()
        places = []
        pieces = []
        offset = self._size
        for (hash, body), (codec, data) in zip(bodies, self._codec.encode([body for _, body in bodies]), strict=True):
            pieces.append(HEADER.pack(MAGIC, len(data), len(body), codec, hash))
            pieces.append(data)
            places.append(Place(self._pack, offset, len(data), codec))
            offset += HEADER.size + len(data)
        self._files.write(self._fd, b"".join(pieces))
        self._size = offset
        return places

    def sync(self) -> None:
        self._files.fdatasync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            self._files.close(self._fd)
            self._fd = -1


class PackReader:
    """Reads bodies by place.  A shard stays under some hundred packs, so descriptors stay open."""

    def __init__(self, files: Files, directory: str) -> None:
        self._files = files
        self._directory = directory
        self._lock = threading.Lock()
        self._fds: dict[int, int] = {}

    def _fd(self, pack: int) -> int:
        fd = self._fds.get(pack)
        if fd is None:
            with self._lock:
                fd = self._fds.get(pack)
                if fd is None:
                    fd = self._fds[pack] = self._files.open_read(pack_path(self._directory, pack))
        return fd

    def record(self, place: Place) -> bytes:
        """The octets of a record, header included.  Raises Damaged when the pack is gone or cut."""
        try:
            fd = self._fd(place.pack)
        except FileNotFoundError:
            raise Damaged(f"pack {place.pack} is missing") from None
        wanted = HEADER.size + place.length
        record = self._files.read(fd, wanted, place.offset)
        if len(record) != wanted:
            raise Damaged(f"pack {place.pack} is cut short")
        return record

    def forget(self, pack: int) -> None:
        """Let go of a pack that was unlinked."""
        with self._lock:
            fd = self._fds.pop(pack, None)
        if fd is not None:
            self._files.close(fd)

    def close(self) -> None:
        for pack in list(self._fds):
            self.forget(pack)


SCAN_OCTETS: Final = 1 << 20
"""Octets read at a time while looking for the next record."""


def scan(files: Files, directory: str, pack: int) -> Iterator[PackRecord]:
    """All records of a pack in order; damaged stretches are passed over, damaged records named."""
    codec = Codec()
    fd = files.open_read(pack_path(directory, pack))
    try:
        end = files.size(fd)
        offset = 0
        while offset + HEADER.size <= end:
            magic, length, size, how, hash = HEADER.unpack(files.read(fd, HEADER.size, offset))
            if magic != MAGIC or offset + HEADER.size + length > end:
                offset = _next_magic(files, fd, offset + 1, end)
                continue
            place = Place(pack, offset, length, how)
            record = files.read(fd, HEADER.size + length, offset)
            intact = _is_intact(record, codec, hash)
            yield PackRecord(place, size, hash, intact)
            offset = offset + HEADER.size + length if intact else _next_magic(files, fd, offset + 1, end)
    finally:
        files.close(fd)


def _is_intact(record: bytes, codec: Codec, hash: bytes) -> bool:
    try:
        unpack(record, codec, hash)
    except Damaged:
        return False
    return True


def _next_magic(files: Files, fd: int, offset: int, end: int) -> int:
    while offset < end:
        chunk = files.read(fd, SCAN_OCTETS, offset)
        found = chunk.find(MAGIC)
        if found >= 0:
            return offset + found
        if len(chunk) < SCAN_OCTETS:
            break
        offset += SCAN_OCTETS - len(MAGIC) + 1
    return end
