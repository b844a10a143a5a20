"""Scripts and what their runs remember, in a file of their own: ``sieve.db``.  Fulfils ``ports/sieve.py: SieveStore``.

Which script is whose at work is kept in memory, too: each delivery asks.  Keys are looked up by a connection of their
own, so that nobody waits for a commit.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import apsw

from courriel.model.ids import AccountId
from courriel.model.script import Kept, NoSuchScript, ScriptActive, ScriptExists, TooManyScripts
from courriel.store.sqlite.book import Book
from courriel.store.sqlite.connection import BUSY_MS, Row, fetch_all, meaning

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS script(
    account INTEGER NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, digest BLOB NOT NULL,
    active INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(account, name)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS remembered(
    account INTEGER NOT NULL, key TEXT NOT NULL, until REAL NOT NULL,
    PRIMARY KEY(account, key)) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS remembered_until ON remembered(until);
"""

_KEPT: Final = "SELECT name, length(content), digest, active FROM script"


class SqliteSieve:
    """See above."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.  Raises Unavailable, Damaged."""
        self._book = Book(path, _TABLES, BUSY_MS)
        self._reading = threading.Lock()
        try:
            self._reader = apsw.Connection(str(path))
        except apsw.Error as error:
            raise meaning(error) from error
        rows = fetch_all(self._book.db, _KEPT.replace("SELECT", "SELECT account,") + " WHERE active=1", ())
        self._active = {AccountId(account): _kept(tuple(row)) for account, *row in rows}

    def active(self, account: AccountId) -> Kept | None:
        return self._active.get(account)

    async def scripts(self, account: AccountId) -> Sequence[Kept]:
        sql = f"{_KEPT} WHERE account=? ORDER BY name"
        return await self._book.do(lambda db: [_kept(row) for row in db.execute(sql, (account,))])

    async def read(self, account: AccountId, name: str) -> bytes:
        sql = "SELECT content FROM script WHERE account=? AND name=?"
        row = await self._book.do(lambda db: db.execute(sql, (account, name)).fetchone())
        if row is None:
            raise NoSuchScript(name)
        content: bytes = row[0]
        return content

    async def put(self, account: AccountId, name: str, content: bytes, most: int) -> None:
        sql = "INSERT INTO script(account, name, content, digest) VALUES(?,?,?,?) ON CONFLICT(account, name)"
        sql += " DO UPDATE SET content=excluded.content, digest=excluded.digest"

        def write(db: apsw.Connection) -> None:
            [(others,)] = db.execute("SELECT count(*) FROM script WHERE account=? AND name<>?", (account, name))
            if others >= most:
                raise TooManyScripts(name)
            db.execute(sql, (account, name, content, hashlib.sha256(content).digest()))

        await self._change(account, write)

    async def activate(self, account: AccountId, name: str) -> None:
        def write(db: apsw.Connection) -> None:
            if name:
                _must_be(db, account, name)
            db.execute("UPDATE script SET active=(name=?) WHERE account=?", (name, account))

        await self._change(account, write)

    async def rename(self, account: AccountId, name: str, new_name: str) -> None:
        def write(db: apsw.Connection) -> None:
            _must_be(db, account, name)
            if db.execute("SELECT 1 FROM script WHERE account=? AND name=?", (account, new_name)).fetchone():
                raise ScriptExists(new_name)
            db.execute("UPDATE script SET name=? WHERE account=? AND name=?", (new_name, account, name))

        await self._change(account, write)

    async def remove(self, account: AccountId, name: str) -> None:
        def write(db: apsw.Connection) -> None:
            if _must_be(db, account, name).is_active:
                raise ScriptActive(name)
            db.execute("DELETE FROM script WHERE account=? AND name=?", (account, name))

        await self._change(account, write)

    async def forget_account(self, account: AccountId) -> None:
        def write(db: apsw.Connection) -> None:
            db.execute("DELETE FROM script WHERE account=?", (account,))
            db.execute("DELETE FROM remembered WHERE account=?", (account,))

        await self._change(account, write)

    # --- memory -------------------------------------------------------------------------------------------------
    def known(self, account: AccountId, key: str, now: float) -> bool:
        sql = "SELECT 1 FROM remembered WHERE account=? AND key=? AND until>?"
        try:
            with self._reading:
                return self._reader.execute(sql, (account, key, now)).fetchone() is not None
        except apsw.Error as error:
            raise meaning(error) from error

    async def remember(self, account: AccountId, keys: Mapping[str, float], now: float, most: int) -> frozenset[str]:
        put = "INSERT INTO remembered VALUES(?,?,?) ON CONFLICT(account, key) DO UPDATE SET until=excluded.until"
        trim = "DELETE FROM remembered WHERE account=? AND key IN (SELECT key FROM remembered WHERE account=?"
        trim += " ORDER BY until DESC, key LIMIT -1 OFFSET ?)"

        def write(db: apsw.Connection) -> frozenset[str]:
            ask = "SELECT 1 FROM remembered WHERE account=? AND key=? AND until>?"
            fresh = frozenset(key for key in keys if db.execute(ask, (account, key, now)).fetchone() is None)
            db.executemany(put, [(account, key, until) for key, until in keys.items()])
            db.execute(trim, (account, account, most))
            return fresh

        return await self._book.do(write)

    async def forget(self, now: float) -> int:
        sql = "DELETE FROM remembered WHERE until<=? RETURNING key"
        return len(await self._book.do(lambda db: db.execute(sql, (now,)).fetchall()))

    def close(self) -> None:
        """Let go of the file."""
        with self._reading:
            self._reader.close()
        self._book.close()

    async def _change(self, account: AccountId, write: Callable[[apsw.Connection], None]) -> None:
        """Change scripts; what is at work is known once it is durable."""

        def work(db: apsw.Connection) -> Row | None:
            write(db)
            row: Row | None = db.execute(f"{_KEPT} WHERE account=? AND active=1", (account,)).fetchone()
            return row

        row = await self._book.do(work)
        if row is None:
            self._active.pop(account, None)
        else:
            self._active[account] = _kept(row)


def _must_be(db: apsw.Connection, account: AccountId, name: str) -> Kept:
    row: Row | None = db.execute(f"{_KEPT} WHERE account=? AND name=?", (account, name)).fetchone()
    if row is None:
        raise NoSuchScript(name)
    return _kept(row)


def _kept(row: Row) -> Kept:
    name, size_octets, digest, active = row
    return Kept(name, size_octets, digest, bool(active))
