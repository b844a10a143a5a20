"""A disk that remembers: every write and every sync, so that a power cut can be tried after each of them.

``Recorder`` keeps the events of a run.  Two layers feed it: ``RecordingFiles`` (packs, flag log) and a SQLite VFS
(``RecordingVFS``).  The bytes really go to a directory in memory; syncs go nowhere, they are only remembered.

``Replay`` walks through the events and can lay out what would be on the disk after any of them:
everything synced is there; of what was not synced, nothing (``Torn.NOTHING``), all (``Torn.ALL``: what a crash of the
process alone leaves) or a random choice of sectors and a random beginning of each directory's changes
(``Torn.RANDOM``).  Names are durable once their *directory* was synced, as POSIX has it.

Sectors of 512 octets are written whole or not at all; SQLite assumes the same (SQLITE_IOCAP_POWERSAFE_OVERWRITE).
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import apsw

from courriel.store.blobs.files import SystemFiles

SECTOR_OCTETS = 512


class Op(Enum):
    MAKE_DIRECTORY = "mkdir"
    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    SYNC_DIRECTORY = "sync directory"
    RENAME = "rename"
    UNLINK = "unlink"


WRITES = frozenset({Op.CREATE, Op.WRITE, Op.TRUNCATE, Op.RENAME, Op.MAKE_DIRECTORY})
SYNCS = frozenset({Op.SYNC, Op.SYNC_DIRECTORY})


@dataclass(frozen=True, slots=True)
class Event:
    """One operation.  ``path`` is relative to the root of the recorded directory."""

    op: Op
    path: str
    offset: int = 0
    data: bytes = b""
    to: str = ""


Fault = Callable[[Event], OSError | None]
"""Asked before each operation: the error it is to fail with."""


class Recorder:
    """The events of one run under ``root``, in one order over all threads."""

    def __init__(
        self, root: Path, fault: Fault | None = None, *, ignored: Callable[[Event], bool] = lambda _: False
    ) -> None:
        self.root = str(root)
        self.events: list[Event] = []
        self.fault = fault
        self._ignored = ignored
        self._lock = threading.RLock()

    def relative(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def note(self, event: Event, act: Callable[[], object] | None = None) -> None:
        """Do it and remember it.  Raises what ``fault`` says instead."""
        with self._lock:
            error = self.fault(event) if self.fault else None
            if error is not None:
                raise error
            if act is not None:
                act()
            if not (event.op in SYNCS and self._ignored(event)):
                self.events.append(event)


class RecordingFiles(SystemFiles):
    """The store's file layer over a recorder.  Fulfils ``store/blobs/files.py: Files``."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._paths: dict[int, str] = {}

    def make_directory(self, path: str) -> None:
        target = Path(path)
        missing = [place for place in (target, *target.parents) if not place.exists()]
        for place in reversed(missing):
            event = Event(Op.MAKE_DIRECTORY, self._recorder.relative(str(place)))
            self._recorder.note(event, lambda place=place: place.mkdir(exist_ok=True))
            self.fsync_directory(str(place.parent))

    def open_append(self, path: str) -> int:
        return self._opened(path, super().open_append)

    def open_update(self, path: str) -> int:
        return self._opened(path, super().open_update)

    def _opened(self, path: str, open_it: Callable[[str], int]) -> int:
        if not Path(path).exists():
            self._recorder.note(Event(Op.CREATE, self._recorder.relative(path)), lambda: Path(path).touch())
        fd = open_it(path)
        self._paths[fd] = self._recorder.relative(path)
        return fd

    def close(self, fd: int) -> None:
        self._paths.pop(fd, None)
        super().close(fd)

    def write(self, fd: int, data: bytes) -> None:
        def act() -> None:
            SystemFiles.write(self, fd, data)

        self._recorder.note(Event(Op.WRITE, self._paths[fd], self.size(fd), bytes(data)), act)

    def write_at(self, fd: int, data: bytes, offset: int) -> None:
        def act() -> None:
            SystemFiles.write_at(self, fd, data, offset)

        self._recorder.note(Event(Op.WRITE, self._paths[fd], offset, bytes(data)), act)

    def truncate(self, fd: int, length: int) -> None:
        event = Event(Op.TRUNCATE, self._paths[fd], length)
        self._recorder.note(event, lambda: SystemFiles.truncate(self, fd, length))

    def fdatasync(self, fd: int) -> None:
        self._recorder.note(Event(Op.SYNC, self._paths[fd]))

    def fsync_directory(self, path: str) -> None:
        self._recorder.note(Event(Op.SYNC_DIRECTORY, self._recorder.relative(path)))

    def rename(self, old: str, new: str) -> None:
        event = Event(Op.RENAME, self._recorder.relative(old), to=self._recorder.relative(new))
        self._recorder.note(event, lambda: SystemFiles.rename(self, old, new))

    def unlink(self, path: str) -> None:
        self._recorder.note(Event(Op.UNLINK, self._recorder.relative(path)), lambda: SystemFiles.unlink(self, path))


class RecordingVFS(apsw.VFS):
    """SQLite's own file system, with a recorder between."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return RecordingFile(self.recorder, name, path, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        def act() -> None:
            apsw.VFS.xDelete(self, name, False)

        if Path(name).exists():
            with raised_as_sqlite(apsw.IOError):
                self.recorder.note(Event(Op.UNLINK, self.recorder.relative(name)), act)
                if syncdir:
                    parent = self.recorder.relative(str(Path(name).parent))
                    self.recorder.note(Event(Op.SYNC_DIRECTORY, parent))
        else:
            apsw.VFS.xDelete(self, name, syncdir)


class RecordingFile(apsw.VFSFile):
    """One file SQLite has open."""

    def __init__(self, recorder: Recorder, name: Any, path: str | None, flags: list[int]) -> None:
        self._recorder = recorder
        is_new = path is not None and not Path(path).exists()
        self._path = recorder.relative(path) if path is not None else None
        if is_new and flags[0] & apsw.SQLITE_OPEN_CREATE:
            with raised_as_sqlite(apsw.CantOpenError):
                recorder.note(Event(Op.CREATE, self._path or ""))
        logs = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
        # os_unix.c: the directory is synced with the first sync of a new journal or log.
        self._directory_is_due = bool(is_new and flags[0] & logs)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        def act() -> None:
            apsw.VFSFile.xWrite(self, data, offset)

        if self._path is None:
            act()
            return
        with raised_as_sqlite(apsw.IOError):
            self._recorder.note(Event(Op.WRITE, self._path, offset, bytes(data)), act)

    def xTruncate(self, size: int) -> None:
        def act() -> None:
            apsw.VFSFile.xTruncate(self, size)

        if self._path is None:
            act()
            return
        with raised_as_sqlite(apsw.IOError):
            self._recorder.note(Event(Op.TRUNCATE, self._path, size), act)

    def xSync(self, flags: int) -> None:
        if self._path is None:
            return
        with raised_as_sqlite(apsw.IOError):
            self._recorder.note(Event(Op.SYNC, self._path))
            if self._directory_is_due:
                self._directory_is_due = False
                self._recorder.note(Event(Op.SYNC_DIRECTORY, os.path.dirname(self._path) or "."))  # noqa: PTH120


class raised_as_sqlite:
    """Turns an OSError into the error SQLite would get from its own file system."""

    def __init__(self, kind: type[apsw.Error]) -> None:
        self._kind = kind

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise (apsw.FullError if error.errno == errno.ENOSPC else self._kind)(str(error)) from error


class Torn(Enum):
    """What becomes of writes that were not synced."""

    NOTHING = "nothing"
    ALL = "all"
    RANDOM = "random"


@dataclass(slots=True)
class Inode:
    """One file: what is safe, and what was written since."""

    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        for event in self.waiting:
            apply(self.safe, event)
        self.waiting.clear()

    def left_by_a_crash(self, torn: Torn, chance: random.Random) -> bytes:
        left = bytearray(self.safe)
        if torn is Torn.ALL:
            for event in self.waiting:
                apply(left, event)
        elif torn is Torn.RANDOM:
            for event in self.waiting:
                for piece in sectors(event):
                    if chance.random() < 0.5:
                        apply(left, piece)
        return bytes(left)


def apply(content: bytearray, event: Event) -> None:
    if event.op is Op.TRUNCATE:
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
        return
    if len(content) < event.offset:
        content.extend(bytes(event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data


def sectors(event: Event) -> list[Event]:
    """A write cut at sector borders."""
    if event.op is not Op.WRITE:
        return [event]
    pieces, offset, end = [], event.offset, event.offset + len(event.data)
    while offset < end:
        upto = min(end, (offset // SECTOR_OCTETS + 1) * SECTOR_OCTETS)
        pieces.append(Event(Op.WRITE, event.path, offset, event.data[offset - event.offset : upto - event.offset]))
        offset = upto
    return pieces


class Replay:
    """The disk after each event; ``step`` goes on by one, ``lay_out`` makes a directory as a power cut leaves it."""

    def __init__(self, events: list[Event], base: Path | None = None) -> None:
        """``base``: what was on the disk, safe, before the first event."""
        self._events = events
        self.position = 0
        self._names: dict[str, Inode | None] = on_disk(base) if base is not None else {}
        """As the running system sees them; None for a directory."""
        self._safe_names: dict[str, Inode | None] = dict(self._names)
        self._waiting_names: dict[str, list[tuple[str, Inode | str | None]]] = {}

    def step_to(self, position: int) -> None:
        while self.position < position:
            self._step(self._events[self.position])
            self.position += 1

    def _step(self, event: Event) -> None:
        parent = parent_of(event.path)
        match event.op:
            case Op.MAKE_DIRECTORY:
                self._rename_in(parent, event.path, None)
            case Op.CREATE:
                self._rename_in(parent, event.path, Inode())
            case Op.WRITE | Op.TRUNCATE:
                self._file(event.path).waiting.append(event)
            case Op.SYNC:
                self._file(event.path).sync()
            case Op.UNLINK:
                self._rename_in(parent, event.path, "gone")
            case Op.RENAME:
                inode = self._names[event.path]
                self._rename_in(parent_of(event.to), event.to, inode)
                self._rename_in(parent, event.path, "gone")
            case Op.SYNC_DIRECTORY:
                for name, inode in self._waiting_names.pop(event.path, []):
                    self._set(self._safe_names, name, inode)

    def _file(self, path: str) -> Inode:
        inode = self._names.get(path)
        assert isinstance(inode, Inode), path
        return inode

    def _rename_in(self, parent: str, name: str, inode: Inode | str | None) -> None:
        self._set(self._names, name, inode)
        self._waiting_names.setdefault(parent, []).append((name, inode))

    @staticmethod
    def _set(names: dict[str, Inode | None], name: str, inode: Inode | str | None) -> None:
        if isinstance(inode, str):
            names.pop(name, None)
        else:
            names[name] = inode

    def lay_out(self, directory: Path, torn: Torn, chance: random.Random) -> None:
        """Make ``directory`` what the disk would hold."""
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        names = dict(self._safe_names)
        for waiting in self._waiting_names.values():
            kept = {Torn.NOTHING: 0, Torn.ALL: len(waiting), Torn.RANDOM: chance.randint(0, len(waiting))}[torn]
            for name, inode in waiting[:kept]:
                self._set(names, name, inode)
        for name in sorted(names):  # parents before what is in them
            inode, path = names[name], directory / name
            if not path.parent.is_dir():
                continue  # its directory did not survive
            if inode is None:
                path.mkdir(exist_ok=True)
            elif not name.endswith("-shm"):  # shared memory is not on the disk
                path.write_bytes(inode.left_by_a_crash(torn, chance))


def on_disk(base: Path) -> dict[str, Inode | None]:
    """Everything below ``base``."""
    return {
        str(path.relative_to(base)): Inode(bytearray(path.read_bytes())) if path.is_file() else None
        for path in base.rglob("*")
        if path.is_file() or path.is_dir()
    }


def parent_of(path: str) -> str:
    return os.path.dirname(path) or "."  # noqa: PTH120
