"""Short questions to a file beside the mail, which wait for nobody who writes it: a connection of their own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import apsw

from courriel.store.sqlite.connection import Row, meaning


class Glance:
    """For any thread.  The file is there already, with a write-ahead log."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable, Damaged."""
        self._lock = threading.Lock()
        try:
            self._db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        except apsw.Error as error:
            raise meaning(error) from error

    def rows(self, sql: str, bindings: Row) -> list[Any]:
        """What was committed last.  Raises Unavailable, Damaged."""
        try:
            with self._lock:
                return self._db.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
