"""Whom accounts know, on disk.  Fulfils ``ports/correspondents.py: Correspondents``.

Its own file, ``correspondents.db``, written once a second in a thread and not synced, as journeys are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import apsw
from msgspec import json
from msgspec.structs import astuple

from courriel.base.clock import Clock
from courriel.base.log import log
from courriel.model.ids import AccountId
from courriel.ports.correspondents import ENOUGH, Known
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.glance import Glance
from courriel.store.sqlite.unhurried import UnhurriedFile

WAITING: Final = 20_000
"""``correspondents.waiting``: changes kept in memory until they are written; beyond, they are dropped and counted."""

NAMES: Final = 20_000
"""``correspondents.names``: addresses and domains of one account; those not seen for longest go."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS known (acct INTEGER NOT NULL, name TEXT NOT NULL, received INTEGER NOT NULL,
    answered INTEGER NOT NULL, good INTEGER NOT NULL, junk INTEGER NOT NULL, last REAL NOT NULL,
    PRIMARY KEY (acct, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_last ON known (acct, last);
"""
_ADD: Final = """
INSERT INTO known VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET received = received + excluded.received,
    answered = answered + excluded.answered, good = max(0, good + excluded.good),
    junk = max(0, junk + excluded.junk), last = excluded.last
"""
_FIND: Final = """
SELECT k.name, k.received, k.answered, k.good, k.junk FROM json_each(?) j CROSS JOIN known k
    ON k.acct=? AND k.name=j.value
"""


class SqliteCorrespondents:
    """See above.  ``note`` and ``known`` are for the loop's thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises Unavailable, Damaged."""
        self._clock = clock
        self._waiting: list[Row] = []
        self._file = UnhurriedFile(path, _TABLES, "correspondents", "changes", self._take, self._write)
        self._glance = Glance(path)
        counted = self._glance.rows("SELECT acct, count(*) FROM known GROUP BY acct", ())
        self._counts = {AccountId(account): int(count) for account, count in counted}

    def note(self, account: AccountId, address: str, seen: Known) -> None:
        if len(self._waiting) + 2 > WAITING:
            log.count("correspondents.dropped")
            return
        now = self._clock.now()
        for name in (address, address.rpartition("@")[2]):
            self._waiting.append((account, name, *astuple(seen), now))
        self._file.noted()

    def known(self, account: AccountId, names: Iterable[str]) -> Mapping[str, Known]:
        wanted = json.encode(list(names)).decode()
        return {name: Known(*counts) for name, *counts in self._glance.rows(_FIND, (wanted, account))}

    def remembers(self, account: AccountId) -> bool:
        return self._counts.get(account, 0) >= ENOUGH

    async def forget(self, account: AccountId) -> None:
        await self._file.flush()
        await asyncio.to_thread(self._file.read, lambda db: db.execute("DELETE FROM known WHERE acct=?", (account,)))
        self._counts.pop(account, None)

    def close(self) -> None:
        """Write what is left and let go."""
        self._glance.close()
        self._file.close()

    def _take(self) -> list[Row]:
        rows, self._waiting = self._waiting, []
        return rows

    def _write(self, db: apsw.Connection, rows: list[Row]) -> None:
        db.executemany(_ADD, rows)
        for account in {AccountId(int(str(row[0]))) for row in rows}:
            self._counts[account] = _bounded(db, account)


def _bounded(db: apsw.Connection, account: AccountId) -> int:
    """How many are left."""
    count = int(str(db.execute("SELECT count(*) FROM known WHERE acct=?", (account,)).get))
    if count > NAMES:
        db.execute(
            "DELETE FROM known WHERE acct=? AND last <="
            " (SELECT last FROM known WHERE acct=? ORDER BY last DESC LIMIT 1 OFFSET ?)",
            (account, account, NAMES * 9 // 10),
        )
        count = int(str(db.execute("SELECT count(*) FROM known WHERE acct=?", (account,)).get))
    return count
