"""Lists' books in ``lists.db``.  Fulfils ``ports/lists.py: ListBook``.

Apart from ``directory.db``, which is kept in memory and read anew after each change: there may be a hundred thousand
members, and bounces come all day.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from courriel.model.mailing_list import Asked, Member, NoSuchMember, Question, bounce_key
from courriel.store.sqlite.book import Book
from courriel.store.sqlite.connection import Row

BOUNCES_DAYS: Final = 400
"""Bounces older than any limit of days are forgotten."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS member(
    id INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, address TEXT NOT NULL, joined_at REAL NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0, UNIQUE(list, address)) STRICT;
CREATE TABLE IF NOT EXISTS asked(
    id INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, question TEXT NOT NULL, address TEXT NOT NULL,
    at REAL NOT NULL, content BLOB NOT NULL, reverse_path TEXT NOT NULL, body TEXT NOT NULL,
    smtputf8 INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS asked_list ON asked(list, question, address);
CREATE TABLE IF NOT EXISTS bounce(
    key TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY(key, day)) WITHOUT ROWID, STRICT;
"""

_MEMBER: Final = "SELECT id, list, address, joined_at, suspended FROM member"
_ASKED: Final = "SELECT id, list, question, address, at, {content}, reverse_path, body, smtputf8 FROM asked"


class SqliteLists:
    """See above."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.  Raises Unavailable, Damaged."""
        self._book = Book(path, _TABLES)

    async def members(self, list: str) -> Sequence[Member]:
        return await self._book.do(
            lambda db: [_member(row) for row in db.execute(f"{_MEMBER} WHERE list=? ORDER BY id", (list,))]
        )

    async def member(self, list: str, id: int) -> Member | None:
        return await self._one_member("list=? AND id=?", (list, id))

    async def find_member(self, list: str, address: str) -> Member | None:
        return await self._one_member("list=? AND address=?", (list, address))

    async def _one_member(self, where: str, bindings: Row) -> Member | None:
        row = await self._book.do(lambda db: db.execute(f"{_MEMBER} WHERE {where}", bindings).fetchone())
        return _member(row) if row is not None else None

    async def add_members(self, list: str, addresses: Sequence[str], at: float) -> int:
        sql = "INSERT INTO member(list, address, joined_at) VALUES(?,?,?) ON CONFLICT(list, address)"
        sql += " DO UPDATE SET suspended=0 WHERE suspended=1 RETURNING id"

        def write(db: apsw.Connection) -> int:
            rows: Sequence[Row] = [(list, address, at) for address in dict.fromkeys(addresses)]
            ids: Sequence[Row] = db.executemany(sql, rows).fetchall()
            db.executemany("DELETE FROM bounce WHERE key=?", [(bounce_key(row[0]),) for row in ids])
            return len(ids)

        return await self._book.do(write)

    async def remove_member(self, list: str, address: str) -> None:
        def write(db: apsw.Connection) -> None:
            sql = "DELETE FROM member WHERE list=? AND address=? RETURNING id"
            gone: Sequence[Row] = db.execute(sql, (list, address)).fetchall()
            if not gone:
                raise NoSuchMember(address)
            db.execute("DELETE FROM bounce WHERE key=?", (bounce_key(gone[0][0]),))

        await self._book.do(write)

    async def suspend(self, list: str, id: int) -> None:
        await self._book.do(
            lambda db: db.execute("UPDATE member SET suspended=1 WHERE list=? AND id=?", (list, id)).fetchall()
        )

    async def ask(self, asked: Asked) -> Asked:
        row: Row = (
            *(asked.list, asked.question.value, asked.address, asked.at),
            *(asked.content, asked.reverse_path, asked.body, int(asked.smtputf8)),
        )
        sql = "INSERT INTO asked(list, question, address, at, content, reverse_path, body, smtputf8)"
        sql += " VALUES(?,?,?,?,?,?,?,?)"

        def write(db: apsw.Connection) -> Row:
            db.execute(sql, row)
            return db.execute(f"{_ASKED.format(content='content')} WHERE id=?", (db.last_insert_rowid(),)).fetchall()[0]

        return _asked(await self._book.do(write))

    async def asked(self, list: str) -> Sequence[Asked]:
        return await self._questions("list=? ORDER BY id", (list,))

    async def asked_about(self, list: str, question: Question, address: str) -> Asked | None:
        where = "list=? AND question=? AND address=? ORDER BY id DESC LIMIT 1"
        found = await self._questions(where, (list, question.value, address))
        return found[0] if found else None

    async def question(self, list: str, id: int) -> Asked | None:
        found = await self._questions("list=? AND id=?", (list, id), "content")
        return found[0] if found else None

    async def _questions(self, where: str, bindings: Row, content: str = "x''") -> Sequence[Asked]:
        sql = f"{_ASKED.format(content=content)} WHERE {where}"
        return await self._book.do(lambda db: [_asked(row) for row in db.execute(sql, bindings)])

    async def settle(self, list: str, id: int) -> None:
        await self._book.do(lambda db: db.execute("DELETE FROM asked WHERE list=? AND id=?", (list, id)).fetchall())

    async def note_bounce(self, key: str, day: int, days: int) -> int:
        def write(db: apsw.Connection) -> int:
            db.execute("DELETE FROM bounce WHERE day<?", (day - BOUNCES_DAYS,))
            db.execute("INSERT OR IGNORE INTO bounce VALUES(?,?)", (key, day))
            if not db.changes():
                return 0
            sql = "SELECT count(*) FROM bounce WHERE key=? AND day>? AND day<=?"
            [(count,)] = db.execute(sql, (key, day - days, day))
            return msgspec.convert(count, int)

        return await self._book.do(write)

    async def forget_bounces(self, key: str) -> None:
        await self._book.do(lambda db: db.execute("DELETE FROM bounce WHERE key=?", (key,)).fetchall())

    async def forget_questions(self, before: float) -> int:
        return len(
            await self._book.do(
                lambda db: db.execute("DELETE FROM asked WHERE at<? RETURNING id", (before,)).fetchall()
            )
        )

    async def forget_list(self, list: str) -> None:
        def write(db: apsw.Connection) -> None:
            db.execute("DELETE FROM member WHERE list=?", (list,))
            db.execute("DELETE FROM asked WHERE list=?", (list,))

        await self._book.do(write)

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()


def _member(row: Row) -> Member:
    id, list, address, joined_at, suspended = row
    return Member(id, list, address, joined_at, bool(suspended))


def _asked(row: Row) -> Asked:
    id, list, question, address, at, content, reverse_path, body, smtputf8 = row
    return Asked(id, list, Question(question), address, at, content, reverse_path, body, bool(smtputf8))
