"""What a migration has brought over, message by message, in a file that only grows: one JSON line a message.

Before a batch is stored its mailbox's UIDNEXT is noted, after it each message with its digest.  A run that died in
between finds by content which messages of that batch had come to be stored; a line that was cut short is no line.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from courriel.base.errors import Damaged, Unavailable


class Brought(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """One message: where it was (``folder`` is the server's name for it, as text), and what it became here.

    ``flags`` are those of the old server as last seen, sorted.
    """

    folder: str
    uidvalidity: int
    uid: int
    message: int
    digest: bytes
    flags: tuple[str, ...]


class Begun(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """A batch for ``folder`` is about to be stored in a mailbox here whose next UID is ``uidnext``; 0: it is."""

    folder: str
    uidnext: int


_DECODE: Final = msgspec.json.Decoder(Brought | Begun).decode
_ENCODE: Final = msgspec.json.Encoder().encode


class Ledger:
    """The lines of one account's migration from one place; only one process has it open."""

    def __init__(self, file: Path) -> None:
        """Raises Unavailable when another has it open, Damaged."""
        self._known: dict[tuple[str, int], dict[int, Brought]] = {}
        self._begun: dict[str, int] = {}
        self.digests: set[bytes] = set()
        self.messages: set[int] = set()
        """All that were brought, by their numbers here."""
        self._file = file.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.truncate(self._read(file))
        except BlockingIOError:
            self._file.close()
            raise Unavailable("this migration is under way already") from None
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def at(cls, directory: Path, account: int, place: str) -> Ledger:
        """The ledger of bringing ``place`` into ``account``."""
        directory.mkdir(parents=True, exist_ok=True)
        return cls(directory / (hashlib.sha256(f"{account}\0{place}".encode()).hexdigest()[:32] + ".log"))

    def _read(self, file: Path) -> int:
        """How many octets are whole lines."""
        octets = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._take(_DECODE(line))
                except msgspec.MsgspecError:
                    raise Damaged(f"{file} at octet {octets}") from None
                octets += len(line)
        return octets

    def _take(self, entry: Brought | Begun) -> None:
        if isinstance(entry, Begun):
            self._begun[entry.folder] = entry.uidnext
        else:
            self._known.setdefault((entry.folder, entry.uidvalidity), {})[entry.uid] = entry
            self.digests.add(entry.digest)
            self.messages.add(entry.message)

    def known(self, folder: str, uidvalidity: int) -> dict[int, Brought]:
        """What was brought from there, by its UID there."""
        return self._known.setdefault((folder, uidvalidity), {})

    def before(self, folder: str, uidvalidity: int) -> dict[bytes, list[Brought]]:
        """What was brought from there when it had other UIDs, by digest."""
        found: dict[bytes, list[Brought]] = {}
        for (name, validity), entries in self._known.items():
            if name == folder and validity != uidvalidity:
                for entry in entries.values():
                    found.setdefault(entry.digest, []).append(entry)
        return found

    def begun(self, folder: str) -> int:
        """UIDNEXT here before a batch that may have been cut off; 0: none."""
        return self._begun.get(folder, 0)

    def write(self, entries: Iterable[Brought | Begun]) -> None:
        """Durable when it returns."""
        for entry in entries:
            self._file.write(_ENCODE(entry) + b"\n")
            self._take(entry)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
