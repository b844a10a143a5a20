"""What POP3 remembers, in ``maildrops.db``.  Fulfils ``ports/maildrops.py: MaildropBook``.

Which accounts carry unique-ids is known in memory: most carry none, and then a login asks nothing of the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import apsw

from courriel.model.ids import AccountId
from courriel.store.sqlite.book import Book
from courriel.store.sqlite.connection import fetch_all

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS first_login(acct INTEGER PRIMARY KEY, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS carried(
    acct INTEGER NOT NULL, id INTEGER NOT NULL, uidl BLOB NOT NULL, PRIMARY KEY(acct, id)) WITHOUT ROWID, STRICT;
"""


class SqliteMaildrops:
    """See above."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.  Raises Unavailable, Damaged."""
        self._book = Book(path, _TABLES)
        rows = fetch_all(self._book.db, "SELECT DISTINCT acct FROM carried", ())
        self._carriers = {AccountId(row[0]) for row in rows}

    async def first_login(self, account: AccountId, now: float) -> float:
        sql = "INSERT INTO first_login VALUES(?,?) ON CONFLICT DO UPDATE SET at=at RETURNING at"
        return await self._book.do(lambda db: float(db.execute(sql, (account, now)).get))

    async def begin_anew(self, account: AccountId) -> None:
        await self._book.do(lambda db: db.execute("DELETE FROM first_login WHERE acct=?", (account,)))

    async def carried(self, account: AccountId) -> Mapping[int, bytes]:
        if account not in self._carriers:
            return {}
        return await self._book.do(lambda db: dict(db.execute("SELECT id, uidl FROM carried WHERE acct=?", (account,))))

    async def carry(self, account: AccountId, unique_ids: Mapping[int, bytes]) -> None:
        if not unique_ids:
            return
        rows = [(account, message, unique) for message, unique in unique_ids.items()]
        await self._book.do(lambda db: db.executemany("INSERT OR IGNORE INTO carried VALUES(?,?,?)", rows))
        self._carriers.add(account)

    async def forget(self, account: AccountId) -> None:
        def work(db: apsw.Connection) -> None:
            db.execute("DELETE FROM first_login WHERE acct=?", (account,))
            db.execute("DELETE FROM carried WHERE acct=?", (account,))

        await self._book.do(work)
        self._carriers.discard(account)

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()
