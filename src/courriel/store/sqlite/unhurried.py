"""A file beside the mail: written once a second in a thread, and mostly not synced.

For what is worth keeping and not worth a millisecond of anybody's mail.  Its owner gathers what is to be written; this
decides when.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Final, Generic, TypeVar

import apsw

from courriel.base.log import Level, log
from courriel.store.sqlite.connection import meaning

FLUSH_S: Final = 1.0
"""``unhurried.flush``: what was noted is on disk after this."""

Batch = TypeVar("Batch", bound=Sized)
T = TypeVar("T")


class UnhurriedFile(Generic[Batch]):
    """``take`` gives what has gathered, and leaves nothing; ``write`` puts that into the file, in a transaction.

    ``name`` and ``noun`` are for the log: ``{name}.not_written`` with so many ``{noun}``.  ``synced``: what
    was written outlives a loss of power.  For the loop's thread; ``write`` and what ``read`` is given run in any.
    """

    def __init__(
        self,
        path: Path,
        tables: str,
        name: str,
        noun: str,
        take: Callable[[], Batch],
        write: Callable[[apsw.Connection, Batch], None],
        synced: bool = False,
    ) -> None:
        self._name, self._noun = name, noun
        self._take, self._write = take, write
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.execute(f"PRAGMA journal_mode=WAL; PRAGMA synchronous={'FULL' if synced else 'OFF'}")
            self._connection.execute(tables)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    def noted(self) -> None:
        """Something has gathered: write it in a moment."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._begin_flush)

    async def flush(self) -> None:
        """Write what has gathered now."""
        batch = self._take()
        if batch:
            await asyncio.to_thread(self._store, batch)

    def read(self, ask: Callable[[apsw.Connection], T]) -> T:
        """The answer of the file.  Raises Unavailable, Damaged."""
        try:
            with self._lock:
                return ask(self._connection)
        except apsw.Error as error:
            raise meaning(error) from error

    def close(self) -> None:
        """Write what is left and let go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch = self._take()
        if batch:
            self._store(batch)
        self._connection.close()

    def _begin_flush(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self.flush())
        task.add_done_callback(self._ended)

    def _store(self, batch: Batch) -> None:
        try:
            with self._lock, self._connection:
                self._write(self._connection, batch)
        except apsw.Error as error:
            event = f"{self._name}.not_written"
            log.event(event, Level.WARNING, **{self._noun: len(batch)}, error=str(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.event(f"{self._name}.not_written", Level.WARNING, error=f"{type(error).__name__}: {error}")
