"""Reports of other servers on disk.  Fulfils ``ports/mail_reports.py: MailReports``.

Its own file, ``reports.db``.  The mail that brought a report stays in its mailbox, so the file is not synced.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import apsw
import msgspec

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.base.utc import utc_day
from courriel.model.mail_report import MailReport, Seen, TlsSeen
from courriel.store.sqlite.connection import meaning

T = TypeVar("T")

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS report (reporter TEXT NOT NULL, id TEXT NOT NULL, day TEXT NOT NULL,
    PRIMARY KEY (reporter, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dmarc (day TEXT NOT NULL, domain TEXT NOT NULL, ip TEXT NOT NULL, reporter TEXT NOT NULL,
    disposition TEXT NOT NULL, dkim INTEGER NOT NULL, spf INTEGER NOT NULL, other TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (day, domain, ip, reporter, disposition, dkim, spf, other)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tls (day TEXT NOT NULL, domain TEXT NOT NULL, reporter TEXT NOT NULL, policy TEXT NOT NULL,
    result TEXT NOT NULL, sessions INTEGER NOT NULL,
    PRIMARY KEY (day, domain, reporter, policy, result)) WITHOUT ROWID;
"""

_SEEN: Final = "INSERT INTO dmarc VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
_TLS: Final = "INSERT INTO tls VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions"
_COUNT: Final = "SELECT (SELECT count(*) FROM dmarc) + (SELECT count(*) FROM tls)"


class SqliteMailReports:
    """``keep_s`` is how long days are kept, ``rows`` how many different ones."""

    def __init__(self, path: Path, clock: Clock, keep_s: float, rows: int) -> None:
        """Raises Unavailable, Damaged."""
        self._clock, self._keep_s, self._rows = clock, keep_s, rows
        self._lock = threading.Lock()
        self._swept = ""
        self._kept = 0
        """Rows at the last sweep and all that came since: never too few."""
        try:
            self._db = apsw.Connection(str(path))
            self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
            self._db.execute(_TABLES)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    async def add(self, report: MailReport) -> bool:
        return await asyncio.to_thread(self._locked, lambda: self._add(report))

    async def seen(self, domain: str, since: str) -> Sequence[Seen]:
        return await asyncio.to_thread(self._locked, lambda: self._seen(domain, since))

    async def tls(self, domain: str, since: str) -> Sequence[TlsSeen]:
        return await asyncio.to_thread(self._locked, lambda: self._tls(domain, since))

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._db.close()

    def _locked(self, act: Callable[[], T]) -> T:
        try:
            with self._lock, self._db:
                answer = act()
            return answer
        except apsw.Error as error:
            raise meaning(error) from error

    def _add(self, report: MailReport) -> bool:
        oldest = utc_day(max(0.0, self._clock.now() - self._keep_s))
        self._sweep(oldest)
        if report.day < oldest:
            return False
        more = len(report.seen) + len(report.tls)
        if self._kept + more > self._rows:
            log.event("reports.full", Level.WARNING, reporter=report.reporter, rows=more)
            return False
        self._db.execute("INSERT OR IGNORE INTO report VALUES (?,?,?)", (report.reporter, report.id, report.day))
        if not self._db.changes():
            return False
        self._db.executemany(_SEEN, [msgspec.structs.astuple(row) for row in report.seen])
        self._db.executemany(_TLS, [msgspec.structs.astuple(row) for row in report.tls])
        self._kept += more
        return True

    def _sweep(self, oldest: str) -> None:
        """Once a day."""
        if self._swept == oldest:
            return
        for table in ("report", "dmarc", "tls"):
            self._db.execute(f"DELETE FROM {table} WHERE day<?", (oldest,))
        self._swept = oldest
        self._kept = int(str(self._db.execute(_COUNT).get))

    def _seen(self, domain: str, since: str) -> list[Seen]:
        found = self._db.execute("SELECT * FROM dmarc WHERE day>=? AND ?2 IN ('', domain) ORDER BY 1,2,3,4,5,6,7,8",
                                 (since, domain))  # fmt: skip
        return [
            Seen(day, of, ip, reporter, disposition, bool(dkim), bool(spf), other, count)
            for day, of, ip, reporter, disposition, dkim, spf, other, count in found
        ]

    def _tls(self, domain: str, since: str) -> list[TlsSeen]:
        found = self._db.execute("SELECT * FROM tls WHERE day>=? AND ?2 IN ('', domain) ORDER BY 1,2,3,4,5",
                                 (since, domain))  # fmt: skip
        return [TlsSeen(*row) for row in found]
