"""The file system, as packs and logs use it: a seam where tests put power loss and full disks.

Only what their writers need.  Paths are strings; descriptors are the system's.  Nothing here catches
an OSError: whoever writes decides what a failure means (STORAGE §5: the shard stops, fsync is never retried).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """File operations of the store.  Every method may raise OSError."""

    def make_directory(self, path: str) -> None:
        """Make ``path`` and its missing parents; each new entry is durable on return."""
        ...

    def open_append(self, path: str) -> int:
        """Open for writing at the end and reading, making the file if need be (its entry is not yet durable)."""
        ...

    def open_update(self, path: str) -> int:
        """Open for writing anywhere and reading, making the file if need be (its entry is not yet durable)."""
        ...

    def open_read(self, path: str) -> int: ...

    def close(self, fd: int) -> None: ...

    def size(self, fd: int) -> int: ...

    def write(self, fd: int, data: bytes) -> None:
        """Append all of ``data``."""
        ...

    def write_at(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of ``data`` at ``offset``, in a file from ``open_update``."""
        ...

    def read(self, fd: int, length: int, offset: int) -> bytes:
        """Up to ``length`` octets at ``offset``; fewer only at the end of the file."""
        ...

    def truncate(self, fd: int, length: int) -> None: ...

    def fdatasync(self, fd: int) -> None: ...

    def fsync_directory(self, path: str) -> None:
        """Make new, renamed and removed entries of a directory durable."""
        ...

    def rename(self, old: str, new: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted; none when it does not exist."""
        ...


class SystemFiles:
    """The real thing."""

    def make_directory(self, path: str) -> None:
        target = Path(path)
        missing = [place for place in (target, *target.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            self.fsync_directory(str(place.parent))

    def open_append(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def open_update(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def open_read(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def write(self, fd: int, data: bytes) -> None:
        written = os.write(fd, data)
        while written < len(data):
            written += os.write(fd, memoryview(data)[written:])

    def write_at(self, fd: int, data: bytes, offset: int) -> None:
        written = os.pwrite(fd, data, offset)
        while written < len(data):
            written += os.pwrite(fd, memoryview(data)[written:], offset + written)

    def read(self, fd: int, length: int, offset: int) -> bytes:
        data = os.pread(fd, length, offset)
        if len(data) in (0, length):
            return data
        pieces = [data]
        got = len(data)
        while got < length and (piece := os.pread(fd, length - got, offset + got)):
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def fsync_directory(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)  # noqa: PTH104 - paths are strings on this seam

    def unlink(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108

    def names(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(path))  # noqa: PTH208
        except FileNotFoundError:
            return []
