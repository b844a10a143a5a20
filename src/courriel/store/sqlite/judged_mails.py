"""Counts of judged mail, and reports that went out, on disk.  Fulfils ``ports/judged_mails.py: JudgedMails``.

Its own file, ``judged.db``.  Counts are written once a second in a thread, as those of TLS sessions are.  Rows are
packed: a report wants all of a day, and nobody asks for anything else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw
import msgspec

from courriel.base.clock import Clock
from courriel.base.log import log
from courriel.model.judged_mail import JudgedMail
from courriel.model.sent_report import SentReport
from courriel.ports.judged_mails import JudgedCount
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.day_counts import DayCounts
from courriel.store.sqlite.unhurried import UnhurriedFile

WAITING: Final = 20_000
"""``judged.waiting``: different rows kept in memory until they are written; new ones beyond are dropped and counted."""

DOMAINS: Final = 20_000
"""``judged.domains``: reported on for one day; forged names without end would be more."""

ROWS: Final = 200_000
"""``judged.rows``: different ones of one day, some 200 octets each."""

DOMAIN_ROWS: Final = 10_000
"""``judged.domain_rows``: of one domain and day, as many as a report has (``reports.sent_rows``): whoever makes up
names for one domain without end takes the room of no other."""

KEPT_S: Final = 7 * 86_400.0
"""``judged.kept``: a day is reported within the next, and tried again where something was down."""

SENT_KEPT_S: Final = 400 * 86_400.0
"""``judged.sent_kept``: how long it can be told which reports went out."""

_Key: TypeAlias = tuple[str, JudgedMail]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS judged (day TEXT NOT NULL, domain TEXT NOT NULL, row BLOB NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (day, domain, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (day TEXT NOT NULL, kind TEXT NOT NULL, domain TEXT NOT NULL, uri TEXT NOT NULL,
    at REAL NOT NULL, rows INTEGER NOT NULL, octets INTEGER NOT NULL, problem TEXT NOT NULL,
    PRIMARY KEY (day, kind, domain, uri)) WITHOUT ROWID;
"""

_ADD: Final = "INSERT INTO judged VALUES (?,?,?,?)"
_MORE: Final = "UPDATE judged SET count = count + ?4 WHERE day=?1 AND domain=?2 AND row=?3"
_ROOM: Final = "SELECT domain, count(*) FROM judged WHERE day=? GROUP BY domain"

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(JudgedMail).decode


class SqliteJudgedMails:
    """See above.  ``note`` is for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises Unavailable, Damaged."""
        self._counts: DayCounts[JudgedMail] = DayCounts(clock, WAITING, "judged")
        self._file = UnhurriedFile(path, _TABLES, "judged", "rows", self._counts.take, self._write)

    def note(self, mail: JudgedMail) -> None:
        if self._counts.add(mail):
            self._file.noted()

    async def counts(self, day: str) -> Sequence[JudgedCount]:
        await self._file.flush()
        return await asyncio.to_thread(self._file.read, lambda db: _counts(db, day))

    async def note_sent(self, reports: Sequence[SentReport]) -> None:
        rows = [msgspec.structs.astuple(one) for one in reports]
        await asyncio.to_thread(self._file.read, lambda db: _note_sent(db, rows))

    async def sent(self, since: str) -> Sequence[SentReport]:
        return await asyncio.to_thread(self._file.read, lambda db: _sent(db, since))

    def close(self) -> None:
        """Write what is left and let go."""
        self._file.close()

    def _write(self, db: apsw.Connection, counts: Counter[_Key]) -> None:
        if self._counts.is_new_day():
            db.execute("DELETE FROM judged WHERE day<?", (self._counts.day_before(KEPT_S),))
            db.execute("DELETE FROM sent WHERE day<?", (self._counts.day_before(SENT_KEPT_S),))
        rows: dict[str, Counter[str]] = {}
        for (day, mail), count in counts.items():
            row = (day, mail.domain, _pack(mail), count)
            db.execute(_MORE, row)  # what is there already needs no room
            if db.changes():
                continue
            if day not in rows:
                rows[day] = Counter(dict(db.execute(_ROOM, (day,))))
            if _has_room(rows[day], mail.domain):
                db.execute(_ADD, row)
                rows[day][mail.domain] += 1
            else:
                log.count("judged.dropped", count)


def _has_room(rows: Counter[str], domain: str) -> bool:
    """For one row more of a domain on a day that has ``rows`` of each."""
    if domain not in rows:
        return len(rows) < DOMAINS and rows.total() < ROWS
    return rows[domain] < DOMAIN_ROWS and rows.total() < ROWS


def _counts(db: apsw.Connection, day: str) -> list[JudgedCount]:
    found = db.execute("SELECT row, count FROM judged WHERE day=? ORDER BY domain, row", (day,))
    return [JudgedCount(_unpack(row), count) for row, count in found]


def _note_sent(db: apsw.Connection, rows: Sequence[Row]) -> None:
    """The one thing here that is synced."""
    db.execute("PRAGMA synchronous=FULL")
    try:
        with db:
            db.executemany("INSERT OR REPLACE INTO sent VALUES (?,?,?,?,?,?,?,?)", rows)
    finally:
        db.execute("PRAGMA synchronous=OFF")


def _sent(db: apsw.Connection, since: str) -> list[SentReport]:
    return [SentReport(*row) for row in db.execute("SELECT * FROM sent WHERE day>=? ORDER BY 1,2,3,4", (since,))]
