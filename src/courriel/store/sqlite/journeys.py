"""Journeys on disk.  Fulfils ``ports/journeys.py: Journeys``.

Its own file, ``journeys.db``, written once a second in a thread and not synced: what happened to a message is worth
keeping, and not worth a millisecond of anybody's mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw
import msgspec

from courriel.base.clock import Clock
from courriel.base.log import Value, log
from courriel.ports.journeys import Step
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.unhurried import UnhurriedFile

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


_Step: TypeAlias = tuple[str, float, str, bytes, Value]
"""Message, time, event, fields, and the Message-ID if it is named."""


class SqliteJourneys:
    """See above.  ``note`` is for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Step] = []
        self._sweep_at = 0.0
        self._file = UnhurriedFile(path, _TABLES, "journeys", "steps", self._take, self._write)

    def note(self, msg: str, event: str, fields: Mapping[str, Value]) -> None:
        if len(self._waiting) >= WAITING:
            log.count("journeys.dropped")
            return
        self._waiting.append((msg, self._clock.now(), event, _pack(fields), fields.get(MESSAGE_ID)))
        self._file.noted()

    async def steps(self, msg: str) -> Sequence[Step]:
        await self._file.flush()
        rows = self._select("SELECT event, at, fields FROM step WHERE msg=? ORDER BY n", msg)
        return [Step(event, at, _unpack(fields)) for event, at, fields in rows]

    async def find(self, message_id: str) -> Sequence[str]:
        await self._file.flush()
        return [msg for (msg,) in self._select("SELECT msg FROM name WHERE message_id=? ORDER BY msg", message_id)]

    def close(self) -> None:
        """Write what is left and let go."""
        self._file.close()

    def _select(self, sql: str, wanted: str) -> list[Row]:
        return self._file.read(lambda db: db.execute(sql, (wanted,)).fetchall())

    def _take(self) -> list[_Step]:
        rows, self._waiting = self._waiting, []
        return rows

    def _write(self, db: apsw.Connection, rows: list[_Step]) -> None:
        db.executemany("INSERT INTO step (msg, at, event, fields) VALUES (?,?,?,?)", [row[:4] for row in rows])
        db.executemany("INSERT OR IGNORE INTO name VALUES (?,?)", [(str(row[4]), row[0]) for row in rows if row[4]])
        now = self._clock.now()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_S
            _sweep(db, now - KEPT_S)


def _sweep(db: apsw.Connection, before: float) -> None:
    """Forget what is older; ids begin with their time, so names go by the same border."""
    last = db.execute("SELECT max(msg) FROM step WHERE at<?", (before,)).fetchone()
    db.execute("DELETE FROM step WHERE at<?", (before,))
    if last is not None and last[0] is not None:
        db.execute("DELETE FROM name WHERE msg<=?", (last[0],))
