"""Journeys on disk.  Fulfils ``ports/journeys.py: Journeys``.

Its own file, ``journeys.db``, written once a second in a thread and not synced: what happened to a message is worth
keeping, and not worth a millisecond of anybody's mail.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from courriel.base.clock import Clock
from courriel.base.log import Level, Value, log
from courriel.ports.journeys import Step
from courriel.store.sqlite.connection import Row, meaning

FLUSH_S: Final = 1.0
"""``journeys.flush``: a step is on disk after this."""

WAITING: Final = 50_000
"""``journeys.waiting``: steps kept in memory; beyond, the newest are dropped and counted."""

KEPT_S: Final = 30 * 86_400.0
"""``journeys.kept``: how long a journey can be asked for."""

SWEEP_S: Final = 3_600.0

MESSAGE_ID: Final = "message_id"
"""The field that a journey can be found by."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS step (n INTEGER PRIMARY KEY, msg TEXT NOT NULL, at REAL NOT NULL, event TEXT NOT NULL,
    fields BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS step_msg ON step (msg);
CREATE TABLE IF NOT EXISTS name (message_id TEXT NOT NULL, msg TEXT NOT NULL, PRIMARY KEY (message_id, msg))
    WITHOUT ROWID;
"""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, Value]).decode


class SqliteJourneys:
    """See above.  ``note`` is for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[str, float, str, bytes, Value]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()
        self._sweep_at = 0.0
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
            self._connection.execute(_TABLES)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    def note(self, msg: str, event: str, fields: Mapping[str, Value]) -> None:
        if len(self._waiting) >= WAITING:
            log.count("journeys.dropped")
            return
        self._waiting.append((msg, self._clock.now(), event, _pack(fields), fields.get(MESSAGE_ID)))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._begin_flush)

    async def steps(self, msg: str) -> Sequence[Step]:
        await self._flush()
        rows = self._select("SELECT event, at, fields FROM step WHERE msg=? ORDER BY n", msg)
        return [Step(event, at, _unpack(fields)) for event, at, fields in rows]

    async def find(self, message_id: str) -> Sequence[str]:
        await self._flush()
        return [msg for (msg,) in self._select("SELECT msg FROM name WHERE message_id=? ORDER BY msg", message_id)]

    def _select(self, sql: str, wanted: str) -> list[Row]:
        try:
            with self._lock:
                return self._connection.execute(sql, (wanted,)).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error

    def _begin_flush(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._flush())
        task.add_done_callback(_ended)

    async def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            await asyncio.to_thread(self._write, rows)

    def _write(self, rows: list[tuple[str, float, str, bytes, Value]]) -> None:
        now = self._clock.now()
        try:
            with self._lock, self._connection:
                self._connection.executemany(
                    "INSERT INTO step (msg, at, event, fields) VALUES (?,?,?,?)", [row[:4] for row in rows]
                )
                self._connection.executemany(
                    "INSERT OR IGNORE INTO name VALUES (?,?)", [(str(row[4]), row[0]) for row in rows if row[4]]
                )
                if now >= self._sweep_at:
                    self._sweep_at = now + SWEEP_S
                    self._sweep(now - KEPT_S)
        except apsw.Error as error:
            log.event("journeys.not_written", Level.WARNING, steps=len(rows), error=str(error))

    def _sweep(self, before: float) -> None:
        """Forget what is older; ids begin with their time, so names go by the same border."""
        last = self._connection.execute("SELECT max(msg) FROM step WHERE at<?", (before,)).fetchone()
        self._connection.execute("DELETE FROM step WHERE at<?", (before,))
        if last is not None and last[0] is not None:
            self._connection.execute("DELETE FROM name WHERE msg<=?", (last[0],))

    def close(self) -> None:
        """Write what is left and let go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._waiting = self._waiting, []
        if rows:
            self._write(rows)
        self._connection.close()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.event("journeys.not_written", Level.WARNING, error=f"{type(error).__name__}: {error}")
