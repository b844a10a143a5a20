"""What is kept in one JSON file, replaced whole, and can be done without."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from courriel.base.log import Level, log

T = TypeVar("T")


class JsonFile(Generic[T]):
    """A mapping of type ``kind`` (``dict[str, …]``).

    A file that cannot be read counts as empty, and is told as event ``unread``.
    """

    def __init__(self, path: Path, kind: type[T], unread: str) -> None:
        self._path = path
        self._kind = kind
        self._unread = unread

    def load(self) -> T:
        """What was saved, or nothing."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return self._kind()
        except (OSError, msgspec.MsgspecError) as error:
            log.event(self._unread, Level.WARNING, error=str(error))
            return self._kind()

    def save(self, kept: T) -> None:
        """Raises OSError."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(kept))
        fresh.replace(self._path)
