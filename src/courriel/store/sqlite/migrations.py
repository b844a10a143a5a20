"""Bringing a shard file to the present schema: numbered steps, additive only.

Step ``n`` leads from ``PRAGMA user_version`` n to n + 1, in one transaction.  Before a file that holds data is
changed, ``snapshot.py`` keeps a copy of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import apsw

from courriel.base.errors import Damaged
from courriel.store.sqlite.schema import ANNOTATIONS, ORIGINS, RIGHTS, TABLES

Step = Callable[[apsw.Connection], None]


def _first_tables(connection: apsw.Connection) -> None:
    connection.execute(TABLES)


def _rights(connection: apsw.Connection) -> None:
    connection.execute(RIGHTS)


def _annotations(connection: apsw.Connection) -> None:
    connection.execute(ANNOTATIONS)


def _origins(connection: apsw.Connection) -> None:
    connection.execute(ORIGINS)


STEPS: Final[Sequence[Step]] = (_first_tables, _rights, _annotations, _origins)


def version(connection: apsw.Connection) -> int:
    return int(connection.pragma("user_version"))


def migrate(connection: apsw.Connection, before: Callable[[int], None], steps: Sequence[Step] = STEPS) -> None:
    """Run the missing steps.  ``before`` is called with the old version when there is data to lose.

    Raises Damaged for a file from a newer Courriel.
    """
    found = version(connection)
    if found > len(steps):
        raise Damaged(f"the store has schema {found}, this version knows up to {len(steps)}")
    if 0 < found < len(steps):
        before(found)
    for number in range(found, len(steps)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            steps[number](connection)
            connection.pragma("user_version", number + 1)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
