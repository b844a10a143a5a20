"""Mail in files as folders of messages: an mbox file, a Maildir, or a Maildir++ tree.

Reading only.  Messages come in a fixed order, so that an import can be taken up again by counting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.mailbox import maildir, mbox, uidlist
from courriel.formats.message.canonical import to_crlf

PIECE_OCTETS: Final = 1 << 20
"""How much of an mbox is read at a time."""


class SourceMessage(msgspec.Struct, frozen=True):
    """One message as found.  ``received_at`` POSIX seconds, None when the source does not say.

    ``unique_id`` is what POP3 clients know it by, b"" when the source does not say.
    """

    raw: bytes
    flags: frozenset[str]
    received_at: float | None
    unique_id: bytes = b""


class Folder(msgspec.Struct, frozen=True):
    """One folder of a source: ``path`` below the import's mailbox ("" for the top) and a guess of its size.

    ``measure`` is what ``messages`` will bring, in messages for a Maildir; 0 when only reading tells.
    """

    path: str
    place: Path
    is_mbox: bool
    measure: int


def folders(source: Path) -> list[Folder]:
    """The folders of ``source``, in order.  Raises FormatError when it is neither an mbox nor a Maildir."""
    if source.is_file():
        return [Folder("", source, True, 0)]
    if not (source / "cur").is_dir():
        raise FormatError("mail source", -1, f"{source} is neither an mbox file nor a Maildir (it has no “cur”)")
    found = [Folder("", source, False, len(_files(source)))]
    for below in sorted(source.iterdir()):
        if below.name.startswith(".") and (below / "cur").is_dir():
            path = "/".join(maildir.parse_folder(below.name))
            found.append(Folder(path, below, False, len(_files(below))))
    return found


def messages(folder: Folder) -> Iterator[SourceMessage | None]:
    """The messages of a folder; None stands for one that cannot be read (too large, a file that vanished)."""
    return _from_mbox(folder.place) if folder.is_mbox else _from_maildir(folder.place)


def _from_mbox(place: Path) -> Iterator[SourceMessage | None]:
    with place.open("rb") as file:
        for found in mbox.read(iter(lambda: file.read(PIECE_OCTETS), b"")):
            if isinstance(found, mbox.Oversized):
                yield None
            else:
                at = found.received_at
                yield SourceMessage(found.raw, found.flags, at.timestamp() if at is not None else None)


def _files(place: Path) -> list[Path]:
    """Message files of ``cur`` and ``new``, by name: delivery order, since unique names begin with the time."""
    return sorted((file for part in ("cur", "new") for file in _listing(place / part)), key=lambda file: file.name)


def _listing(directory: Path) -> list[Path]:
    return [file for file in directory.iterdir() if not file.name.startswith(".")] if directory.is_dir() else []


def _unique_ids(place: Path) -> dict[str, bytes]:
    """What ``dovecot-uidlist`` says, where there is one that can be read."""
    try:
        return uidlist.parse((place / uidlist.FILE_NAME).read_bytes()).unique_ids()
    except (OSError, FormatError):
        return {}


def _from_maildir(place: Path) -> Iterator[SourceMessage | None]:
    known = _unique_ids(place)
    for file in _files(place):
        try:
            name = maildir.parse_name(file.name)
            unique_id = known.get(name.unique, b"")
            yield SourceMessage(to_crlf(file.read_bytes()), name.flags, file.stat().st_mtime, unique_id)
        except (OSError, FormatError):
            yield None
