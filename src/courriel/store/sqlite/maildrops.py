"""What POP3 remembers, in ``maildrops.db``.  Fulfils ``ports/maildrops.py: MaildropBook``.

Each call is one transaction in a thread.  Which accounts carry unique-ids is known in memory: most carry none, and
then a login asks nothing of the disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import apsw

from courriel.model.ids import AccountId
from courriel.store.sqlite.connection import meaning

BUSY_TIMEOUT_MS: Final = 10_000
"""As in ``directory.py``: the command line may hold the file for a moment."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS first_login(acct INTEGER PRIMARY KEY, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS carried(
    acct INTEGER NOT NULL, id INTEGER NOT NULL, uidl BLOB NOT NULL, PRIMARY KEY(acct, id)) WITHOUT ROWID, STRICT;
"""

T = TypeVar("T")


class SqliteMaildrops:
    """See above."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.  Raises Unavailable, Damaged."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            self._db.execute(_TABLES)
            path.chmod(0o600)
            self._carriers = {AccountId(row[0]) for row in self._db.execute("SELECT DISTINCT acct FROM carried")}
        except (apsw.Error, OSError) as error:
            raise meaning(error) from error

    async def first_login(self, account: AccountId, now: float) -> float:
        sql = "INSERT INTO first_login VALUES(?,?) ON CONFLICT DO UPDATE SET at=at RETURNING at"
        return await self._do(lambda db: float(db.execute(sql, (account, now)).get))

    async def begin_anew(self, account: AccountId) -> None:
        await self._do(lambda db: db.execute("DELETE FROM first_login WHERE acct=?", (account,)))

    async def carried(self, account: AccountId) -> Mapping[int, bytes]:
        if account not in self._carriers:
            return {}
        return await self._do(lambda db: dict(db.execute("SELECT id, uidl FROM carried WHERE acct=?", (account,))))

    async def carry(self, account: AccountId, unique_ids: Mapping[int, bytes]) -> None:
        if not unique_ids:
            return
        rows = [(account, message, unique) for message, unique in unique_ids.items()]
        await self._do(lambda db: db.executemany("INSERT OR IGNORE INTO carried VALUES(?,?,?)", rows))
        self._carriers.add(account)

    async def forget(self, account: AccountId) -> None:
        def work(db: apsw.Connection) -> None:
            db.execute("DELETE FROM first_login WHERE acct=?", (account,))
            db.execute("DELETE FROM carried WHERE acct=?", (account,))

        await self._do(work)
        self._carriers.discard(account)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    async def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, self._transact, work)

    def _transact(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            with self._lock:
                with self._db:
                    result = work(self._db)
                return result
        except apsw.Error as error:
            raise meaning(error) from error
