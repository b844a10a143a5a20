"""Counts of TLS sessions on disk.  Fulfils ``ports/tls_reports.py: TlsReports``.

Its own file, ``tls.db``, written once a second in a thread and not synced, as journeys are.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.base.utc import utc_day
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.ports.tls_reports import Tally
from courriel.store.sqlite.connection import meaning

FLUSH_S: Final = 1.0
"""``tls.flush``: a count is on disk after this."""

WAITING: Final = 50_000
"""``tls.waiting``: different counts kept in memory until they are written; beyond, new ones are dropped and counted."""

KEPT_S: Final = 60 * 86_400.0
"""``tls.kept``: how long a day can be asked for.  Reports are made the day after (RFC 8460 §4.1); people ask later."""

_Key: TypeAlias = tuple[str, TlsSession]

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS tally (day TEXT NOT NULL, domain TEXT NOT NULL, type TEXT NOT NULL, policy TEXT NOT NULL,
    result TEXT NOT NULL, mx TEXT NOT NULL, ip TEXT NOT NULL, sessions INTEGER NOT NULL,
    PRIMARY KEY (day, domain, type, policy, result, mx, ip)) WITHOUT ROWID;
"""

_ADD: Final = """
INSERT INTO tally VALUES (?,?,?,?,?,?,?,?)
    ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions
"""


class SqliteTlsReports:
    """See above.  ``note`` is for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._waiting: Counter[_Key] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()
        self._swept = ""
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
            self._connection.execute(_TABLE)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    def note(self, session: TlsSession) -> None:
        key = (utc_day(self._clock.now()), session)
        if len(self._waiting) >= WAITING and key not in self._waiting:
            log.count("tls_reports.dropped")
            return
        self._waiting[key] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._begin_flush)

    async def tallies(self, day: str) -> Sequence[Tally]:
        await self._flush()
        return await asyncio.to_thread(self._read, day)

    def _read(self, day: str) -> list[Tally]:
        try:
            with self._lock:
                rows = self._connection.execute("SELECT * FROM tally WHERE day=? ORDER BY 2,3,4,5,6,7", (day,))
                return [
                    Tally(TlsSession(TlsSubject(domain, PolicyType(type), _lines(policy)), result, mx, ip), sessions)
                    for _, domain, type, policy, result, mx, ip, sessions in rows
                ]
        except apsw.Error as error:
            raise meaning(error) from error

    def _begin_flush(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._flush())
        task.add_done_callback(_ended)

    async def _flush(self) -> None:
        counts, self._waiting = self._waiting, Counter()
        if counts:
            await asyncio.to_thread(self._write, counts)

    def _write(self, counts: Counter[_Key]) -> None:
        now = self._clock.now()
        try:
            with self._lock, self._connection:
                self._connection.executemany(_ADD, [_row(key, count) for key, count in counts.items()])
                if self._swept != utc_day(now):
                    self._swept = utc_day(now)
                    self._connection.execute("DELETE FROM tally WHERE day<?", (utc_day(max(0.0, now - KEPT_S)),))
        except apsw.Error as error:
            log.event("tls_reports.not_written", Level.WARNING, counts=len(counts), error=str(error))

    def close(self) -> None:
        """Write what is left and let go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        counts, self._waiting = self._waiting, Counter()
        if counts:
            self._write(counts)
        self._connection.close()


def _row(key: _Key, count: int) -> tuple[str, str, str, str, str, str, str, int]:
    day, session = key
    subject = session.subject
    policy = "\n".join(subject.policy)
    return day, subject.domain, subject.type.value, policy, session.result, session.mx, session.ip, count


def _lines(policy: str) -> tuple[str, ...]:
    return tuple(policy.split("\n")) if policy else ()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.event("tls_reports.not_written", Level.WARNING, error=f"{type(error).__name__}: {error}")
