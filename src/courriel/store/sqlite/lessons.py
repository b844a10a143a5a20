"""Lessons on disk.  Fulfils ``ports/lessons.py: Lessons``.

Its own file, ``lessons.db``, written and synced once a second in a thread, and only when somebody taught something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from courriel.base.clock import Clock
from courriel.base.log import log
from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act, Lesson
from courriel.store.sqlite.unhurried import UnhurriedFile

WAITING: Final = 50_000
"""``lessons.waiting``: lessons kept in memory until they are written; beyond, new ones are dropped and counted."""

KEPT: Final = 10_000
"""``lessons.kept``: lessons of one account, the newest.  What is junk changes; 10,000 are years of one person's."""

_Row: TypeAlias = tuple[int, int, int, bool, str, float]
"""Account, content, message, whether it is junk, act, time."""

# AUTOINCREMENT: a number is never given twice, whatever was forgotten.
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS lesson (n INTEGER PRIMARY KEY AUTOINCREMENT, acct INTEGER NOT NULL,
    content INTEGER NOT NULL, message INTEGER NOT NULL, junk INTEGER NOT NULL, act TEXT NOT NULL, at REAL NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS lesson_content ON lesson (acct, content);
CREATE INDEX IF NOT EXISTS lesson_order ON lesson (acct, n);
"""


class SqliteLessons:
    """See above.  ``note`` is for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Row] = []
        self._file = UnhurriedFile(path, _TABLE, "lessons", "lessons", self._take, _write, synced=True)

    def note(self, account: AccountId, taught: Sequence[tuple[MessageId, MessageId]], is_junk: bool, act: Act) -> None:
        now = self._clock.now()
        room = WAITING - len(self._waiting)
        self._waiting.extend((account, *pair, is_junk, act.value, now) for pair in taught[:room])
        if len(taught) > room:
            log.count("lessons.dropped")
        self._file.noted()

    async def after(self, number: int, limit: int) -> Sequence[tuple[int, Lesson]]:
        await self._file.flush()
        return await asyncio.to_thread(self._file.read, lambda db: _after(db, number, limit))

    async def forget(self, account: AccountId) -> None:
        await self._file.flush()
        await asyncio.to_thread(self._file.read, lambda db: db.execute("DELETE FROM lesson WHERE acct=?", (account,)))

    def close(self) -> None:
        """Write what is left and let go."""
        self._file.close()

    def _take(self) -> list[_Row]:
        rows, self._waiting = self._waiting, []
        return rows


def _write(db: apsw.Connection, rows: list[_Row]) -> None:
    db.executemany("INSERT OR REPLACE INTO lesson (acct, content, message, junk, act, at) VALUES (?,?,?,?,?,?)", rows)
    for account in {row[0] for row in rows}:
        db.execute(
            "DELETE FROM lesson WHERE acct=? AND n <="
            " (SELECT n FROM lesson WHERE acct=? ORDER BY n DESC LIMIT 1 OFFSET ?)",
            (account, account, KEPT),
        )


def _after(db: apsw.Connection, number: int, limit: int) -> list[tuple[int, Lesson]]:
    return [
        (n, Lesson(AccountId(account), MessageId(content), MessageId(message), bool(junk), Act(act), at))
        for n, account, content, message, junk, act, at in db.execute(
            "SELECT n, acct, content, message, junk, act, at FROM lesson WHERE n>? ORDER BY n LIMIT ?", (number, limit)
        )
    ]
