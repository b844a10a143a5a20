"""Counts of TLS sessions on disk.  Fulfils ``ports/tls_reports.py: TlsReports``.

Its own file, ``tls.db``, written once a second in a thread and not synced, as journeys are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from courriel.base.clock import Clock
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.ports.tls_reports import Tally
from courriel.store.sqlite.day_counts import DayCounts
from courriel.store.sqlite.unhurried import UnhurriedFile

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
        self._counts: DayCounts[TlsSession] = DayCounts(clock, WAITING, "tls_reports")
        self._file = UnhurriedFile(path, _TABLE, "tls_reports", "counts", self._counts.take, self._write)

    def note(self, session: TlsSession) -> None:
        if self._counts.add(session):
            self._file.noted()

    async def tallies(self, day: str) -> Sequence[Tally]:
        await self._file.flush()
        return await asyncio.to_thread(self._file.read, lambda db: _tallies(db, day))

    def close(self) -> None:
        """Write what is left and let go."""
        self._file.close()

    def _write(self, db: apsw.Connection, counts: Counter[_Key]) -> None:
        db.executemany(_ADD, [_row(key, count) for key, count in counts.items()])
        if self._counts.is_new_day():
            db.execute("DELETE FROM tally WHERE day<?", (self._counts.day_before(KEPT_S),))


def _tallies(db: apsw.Connection, day: str) -> list[Tally]:
    return [
        Tally(TlsSession(TlsSubject(domain, PolicyType(type), _lines(policy)), result, mx, ip), sessions)
        for _, domain, type, policy, result, mx, ip, sessions in db.execute(
            "SELECT * FROM tally WHERE day=? ORDER BY 2,3,4,5,6,7", (day,)
        )
    ]


def _row(key: _Key, count: int) -> tuple[str, str, str, str, str, str, str, int]:
    day, session = key
    subject = session.subject
    policy = "\n".join(subject.policy)
    return day, subject.domain, subject.type.value, policy, session.result, session.mx, session.ip, count


def _lines(policy: str) -> tuple[str, ...]:
    return tuple(policy.split("\n")) if policy else ()
