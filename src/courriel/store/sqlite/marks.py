"""Counts of marked words on disk.  Fulfils ``ports/marks.py: AccountMarks``.

Its own file, ``marks.db``.  Totals are in memory too, so that accounts that never marked anything cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import apsw
from msgspec import json

from courriel.model.ids import AccountId
from courriel.ports.marks import Counted, Learnt, Mark
from courriel.store.sqlite.book import Book
from courriel.store.sqlite.glance import Glance

FEATURES: Final = 200_000
"""``marks.features``: different ones of an account, some 3 MB; beyond, all counts are halved and those of one go."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS count (acct INTEGER NOT NULL, feature INTEGER NOT NULL, junk INTEGER NOT NULL,
    good INTEGER NOT NULL, PRIMARY KEY (acct, feature)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marked (acct INTEGER NOT NULL, content INTEGER NOT NULL, junk INTEGER NOT NULL,
    PRIMARY KEY (acct, content)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learnt (acct INTEGER PRIMARY KEY, junk INTEGER NOT NULL, good INTEGER NOT NULL,
    last REAL NOT NULL);
CREATE TABLE IF NOT EXISTS upto (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL);
"""

_ADD: Final = """
INSERT INTO count VALUES (?1,?2,max(0,?3),max(0,?4))
    ON CONFLICT DO UPDATE SET junk = max(0, junk + ?3), good = max(0, good + ?4)
"""
_TOTAL: Final = """
INSERT INTO learnt VALUES (?1,max(0,?2),max(0,?3),?4)
    ON CONFLICT DO UPDATE SET junk = max(0, junk + ?2), good = max(0, good + ?3), last = max(last, ?4)
"""


class SqliteMarks:
    """See above."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable, Damaged."""
        self._book = Book(path, _TABLES)
        self._glance = Glance(path)
        self._learnt = _totals(self._book.db)

    def learnt(self, account: AccountId) -> Learnt:
        return self._learnt.get(account, Learnt())

    def counts(self, account: AccountId, features: Iterable[int]) -> Mapping[int, Counted]:
        sql = (
            "SELECT c.feature, c.junk, c.good FROM json_each(?) j CROSS JOIN count c ON c.acct=? AND c.feature=j.value"
        )
        wanted = json.encode(list(features)).decode()
        return {feature: Counted(junk, good) for feature, junk, good in self._glance.rows(sql, (wanted, account))}

    async def learn(self, marks: Sequence[Mark], upto: int) -> None:
        self._learnt = await self._book.do(lambda db: _learn(db, marks, upto))

    async def upto(self) -> int:
        row = await self._book.do(lambda db: db.execute("SELECT n FROM upto").fetchone())
        return int(str(row[0])) if row else 0

    async def forget(self, account: AccountId) -> None:
        def work(db: apsw.Connection) -> None:
            for table in ("count", "marked", "learnt"):
                db.execute(f"DELETE FROM {table} WHERE acct=?", (account,))

        await self._book.do(work)
        self._learnt.pop(account, None)

    def close(self) -> None:
        """Let go of the file."""
        self._glance.close()
        self._book.close()


def _totals(db: apsw.Connection) -> dict[AccountId, Learnt]:
    rows: list[Any] = db.execute("SELECT * FROM learnt").fetchall()
    return {AccountId(account): Learnt(junk, good, last) for account, junk, good, last in rows}


def _learn(db: apsw.Connection, marks: Sequence[Mark], upto: int) -> dict[AccountId, Learnt]:
    """The totals after it."""
    for mark in marks:
        key = (mark.account, mark.content)
        before = db.execute("SELECT junk FROM marked WHERE acct=? AND content=?", key).fetchone()
        if before is not None and bool(before[0]) is mark.is_junk:
            continue
        if before is not None:
            _change(db, mark, bool(before[0]), -1)
        _change(db, mark, mark.is_junk, 1)
        db.execute("INSERT OR REPLACE INTO marked VALUES (?,?,?)", (*key, mark.is_junk))
    for account in {mark.account for mark in marks}:
        _age(db, account)
    db.execute("INSERT OR REPLACE INTO upto VALUES (1,?)", (upto,))
    return _totals(db)


def _change(db: apsw.Connection, mark: Mark, is_junk: bool, by: int) -> None:
    junk, good = (by, 0) if is_junk else (0, by)
    db.executemany(_ADD, [(mark.account, feature, junk, good) for feature in mark.features])
    db.execute(_TOTAL, (mark.account, junk, good, mark.at))


def _age(db: apsw.Connection, account: AccountId) -> None:
    row = db.execute("SELECT count(*) FROM count WHERE acct=?", (account,)).fetchone()
    if row is None or int(str(row[0])) <= FEATURES:
        return
    db.execute("UPDATE count SET junk = junk / 2, good = good / 2 WHERE acct=?", (account,))
    db.execute("DELETE FROM count WHERE acct=? AND junk = 0 AND good = 0", (account,))
    db.execute("UPDATE learnt SET junk = junk / 2, good = good / 2 WHERE acct=?", (account,))
