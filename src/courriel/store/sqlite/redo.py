"""Groups that are durable in the redo log while their transaction is still open.  ADR 8.

``Recorder`` notes what a group writes.  ``Unsettled`` is the open transaction: it takes group after group and is
committed (*settled*) now and then; the log then begins anew.  When a group must be undone everything open is rolled
back and the earlier groups are written again from memory, as ``replay`` does from the log after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from courriel.base.errors import Damaged, Unavailable
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.redolog import Change, RedoLog


class Recorder:
    """A connection that notes every writing statement of one group."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.changes: list[Change] = []
        self.late: list[Change] = []
        """What is to be written once the group is in the log."""
        self.rows = 0
        self.octets = 0
        """Of the group in the log; 0: it is not there."""

    def execute(self, sql: str, bindings: Row = ()) -> apsw.Cursor:
        if not sql.startswith("SELECT"):
            self._note(sql, [bindings])
        return self._connection.execute(sql, bindings)

    def executemany(self, sql: str, rows: Iterable[Row]) -> apsw.Cursor:
        kept = list(rows)
        if kept:
            self._note(sql, kept)
        return self._connection.executemany(sql, kept)

    def _note(self, sql: str, rows: Sequence[Row]) -> None:
        self.changes.append((sql, rows))
        self.rows += len(rows)

    def log(self, log: RedoLog) -> None:
        """Make the group durable, unless it changes nothing.  Raises OSError."""
        if changes := self.everything():
            self.octets = log.append(changes)

    def everything(self) -> list[Change]:
        return [*self.changes, *self.late]


def redo(connection: apsw.Connection, changes: Sequence[Change]) -> None:
    for sql, rows in changes:
        connection.executemany(sql, rows).fetchall()


class Unsettled:
    """See above.  ``octets``: of the groups, in the log."""

    def __init__(self, connection: apsw.Connection, log: RedoLog) -> None:
        self._connection = connection
        self._log = log
        self._groups: list[Sequence[Change]] = []
        self._torn = False
        """A failed commit or undo left the transaction without some of the groups; it must not be committed."""
        self.octets = 0

    def __bool__(self) -> bool:
        return bool(self._groups)

    def begin(self) -> None:
        """Have a transaction open that holds the groups.  Raises Unavailable."""
        self._check()
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def take(self, group: Recorder) -> None:
        """Keep a group that is in the log.  Raises apsw.Error."""
        self._groups.append(group.everything())
        self.octets += group.octets
        redo(self._connection, group.late)

    def settle(self) -> None:
        """Commit the groups, and what was written since.  Raises apsw.Error, Unavailable; ``undo`` then brings the
        groups back."""
        self._check()
        self._torn = True
        if self._groups:
            note_sequence(self._connection, self._log.sequence)
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._log.restart()
        self._torn = False
        self._groups.clear()
        self.octets = 0

    def undo(self) -> None:
        """Undo what is no group yet.  Raises apsw.Error."""
        self._torn = True
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._groups:
            self._connection.execute("BEGIN IMMEDIATE")
            for changes in self._groups:
                redo(self._connection, changes)
        self._torn = False

    def _check(self) -> None:
        if self._torn or (self._groups and not self._connection.in_transaction):
            raise Unavailable("a transaction was lost; the redo log brings it back at the next start")


def note_sequence(connection: apsw.Connection, sequence: int) -> None:
    """In a transaction: with it, the tables hold every group of the log up to this one."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('redo', ?)", (sequence,))


def replay(connection: apsw.Connection, log: RedoLog) -> None:
    """At opening: bring the tables up to the log in one transaction, which is durable on return.

    Raises Damaged when groups between the two are missing.
    """
    row = connection.execute("SELECT value FROM meta WHERE name='redo'").fetchone()
    log.sequence = int(row[0]) if row else 0
    records = [record for record in log.records() if record.sequence > log.sequence]
    if not records:
        return
    if records[0].sequence != log.sequence + 1:
        raise Damaged(f"the redo log begins at group {records[0].sequence}, the tables end at {log.sequence}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for record in records:
            redo(connection, record.changes)
        note_sequence(connection, records[-1].sequence)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    log.sequence = records[-1].sequence
