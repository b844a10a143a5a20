"""Where messages to analyse come from: a file, an mbox, a Maildir, a folder of files, standard input.

What a file is, its first octets say.  Every size is bounded: of a message only the beginning is kept past the limit,
and all of it is hashed.  What cannot be read is an item with a problem, and the others go on.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.mailbox import mbox
from courriel.formats.message.outlook import MAGIC as OUTLOOK
from courriel.formats.message.outlook import message_of

MESSAGE_OCTETS: Final = 32 << 20
"""``analyze.message_octets``: of one message that are looked at; above what most servers take."""
FILES: Final = 1_000_000
"""``analyze.files``: of a folder."""
PIECE: Final = 1 << 20
SUFFIXES: Final = frozenset({".eml", ".msg", ".mbox", ".mbx", ".mime", ".txt"})
"""Files of a folder that is no Maildir."""


class Item(msgspec.Struct, frozen=True):
    """One message.  ``raw`` is None where it could not be read, and ``problem`` says why (English, from the reader).
    ``octets`` and ``sha256`` are of the whole file, whatever of it is in ``raw``; "" where it has no file of its own
    and is too large."""

    name: str
    raw: bytes | None
    octets: int
    sha256: str
    cut: bool = False
    problem: str = ""


def is_many(paths: Iterable[Path], *, mail: bool = True) -> bool:
    """Whether a summary is wanted rather than one report: several paths, a folder, an mbox."""
    paths = list(paths)
    return len(paths) != 1 or paths[0].is_dir() or (mail and _is_file(paths[0]) and _begins(paths[0], b"From "))


def count(paths: Iterable[Path]) -> int:
    """Messages, where that is known beforehand; else 0."""
    total = 0
    for path in paths:
        if path.is_dir():
            total += len(_files(path))
        elif _is_file(path) and not _begins(path, b"From "):
            total += 1
        else:
            return 0
    return total


def items(paths: Iterable[Path], *, mail: bool = True) -> Iterator[Item]:
    """Every message, in order.  ``Path("-")`` is standard input.  Without ``mail`` a file is one text, however it
    begins."""
    read = _of_mail if mail else _of_text
    for path in paths:
        if str(path) == "-":
            yield from read("-", sys.stdin.buffer)
            continue
        for file in _files(path) if path.is_dir() else [path]:
            try:
                with file.open("rb") as stream:
                    yield from read(str(file), stream)
            except OSError as error:
                yield Item(str(file), None, 0, "", problem=error.strerror or str(error))


def _files(folder: Path) -> list[Path]:
    """Of a Maildir those of its ``cur`` and ``new``, also of the mailboxes below it; else by SUFFIXES."""
    found = [file for file in sorted(folder.rglob("*"))[:FILES] if file.is_file()]
    if (folder / "cur").is_dir() or (folder / "new").is_dir():
        return [file for file in found if file.parent.name in ("cur", "new") and not file.name.startswith(".")]
    return [file for file in found if file.suffix.lower() in SUFFIXES]


def _is_file(path: Path) -> bool:
    return str(path) != "-" and path.is_file()


def _begins(path: Path, words: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(words)) == words


def _of_mail(name: str, stream: BinaryIO) -> Iterator[Item]:
    first = stream.read(PIECE)
    if first.startswith(b"From "):
        yield from _of_mbox(name, _pieces(first, stream))
        return
    item = _of_file(name, _pieces(first, stream))
    yield _of_outlook(item, item.raw) if item.raw is not None and item.raw.startswith(OUTLOOK) else item


def _of_text(name: str, stream: BinaryIO) -> Iterator[Item]:
    yield _of_file(name, _pieces(stream.read(PIECE), stream))


def _of_outlook(item: Item, raw: bytes) -> Item:
    try:
        return msgspec.structs.replace(item, raw=message_of(raw))
    except FormatError as error:
        return msgspec.structs.replace(item, raw=None, problem=str(error))


def _pieces(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    while first:
        yield first
        first = stream.read(PIECE)


def _of_mbox(name: str, pieces: Iterator[bytes]) -> Iterator[Item]:
    for number, found in enumerate(mbox.read(pieces, limit=MESSAGE_OCTETS), 1):
        called = f"{name}#{number}"
        if isinstance(found, mbox.Oversized):
            yield Item(called, None, found.size_octets, "", problem="analyze.message_octets")
        else:
            yield Item(called, found.raw, len(found.raw), hashlib.sha256(found.raw).hexdigest())


def _of_file(name: str, pieces: Iterator[bytes]) -> Item:
    kept = io.BytesIO()
    octets = 0
    digest = hashlib.sha256()
    for piece in pieces:
        octets += len(piece)
        digest.update(piece)
        kept.write(piece[: max(MESSAGE_OCTETS - kept.tell(), 0)])
    raw = kept.getvalue()
    item = Item(name, raw, octets, digest.hexdigest(), cut=octets > len(raw))
    return item if raw else msgspec.structs.replace(item, raw=None, problem="empty")
