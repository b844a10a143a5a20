"""A small file beside the shards, seldom written: each piece of work is one transaction in a thread, and then durable.

For what is in no shard (it is no account's, or is asked for while shards are busy) and must not be lost; what may be
written late goes to ``unhurried.py``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import apsw

from courriel.store.sqlite.connection import meaning

BUSY_TIMEOUT_MS: Final = 10_000
"""As in ``directory.py``: the command line may hold the file for a moment."""

T = TypeVar("T")


class Book:
    """One file, for its owner's eyes only.  ``db`` is for reading while it is opened; later go through ``do``."""

    def __init__(self, path: Path, tables: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        """Open or make the file.  Raises Unavailable, Damaged."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.db = apsw.Connection(str(path))
            self.db.set_busy_timeout(busy_timeout_ms)
            self.db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            self.db.execute(tables)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    async def do(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run ``work`` alone, all of it or nothing.  Raises what it raises, Unavailable, Damaged."""
        return await asyncio.get_running_loop().run_in_executor(None, self._transact, work)

    def _transact(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            with self._lock:
                self.db.execute("BEGIN IMMEDIATE")
                try:
                    result = work(self.db)
                    self.db.execute("COMMIT")
                except BaseException:
                    if self.db.in_transaction:
                        self.db.execute("ROLLBACK")
                    raise
                return result
        except apsw.Error as error:
            raise meaning(error) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self.db.close()
