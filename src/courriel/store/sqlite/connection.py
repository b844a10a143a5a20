"""Connections to SQLite, and what its errors mean.  Pragmas: STORAGE §5.

The system's SQLite has a WAL bug (ARCHITECTURE §4), so apsw's own is required, and checked.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import apsw

from courriel.base.errors import CourrielError, Damaged, Unavailable

OLDEST_SQLITE: Final = (3, 51, 3)
PAGE_OCTETS: Final = 4096
WRITER_CACHE_KIB: Final = 65_536
READER_CACHE_KIB: Final = 16_384
BUSY_MS: Final = 5_000
"""How long a connection waits for a lock; only a second connection of our own can hold one."""
STATEMENTS: Final = 200
"""Prepared statements kept by a connection; more than there are in this package."""

Row: TypeAlias = tuple[Any, ...]


def check_version() -> None:
    """Raises Unavailable when apsw was built with too old an SQLite."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise Unavailable(f"SQLite {apsw.sqlite_lib_version()} is too old: {wanted} or newer is needed (apsw package)")


def open_writer(path: str, vfs: str | None) -> apsw.Connection:
    """Open or make a database file for writing: WAL, every commit synced, no automatic checkpoint."""
    check_version()
    connection = apsw.Connection(path, vfs=vfs, statementcachesize=STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("page_size", PAGE_OCTETS)
    if connection.pragma("journal_mode", "wal") != "wal":
        connection.close()
        raise Unavailable(f"{path}: SQLite cannot use a write-ahead log here (network file system?)")
    connection.pragma("synchronous", "FULL")
    connection.pragma("cache_size", -WRITER_CACHE_KIB)
    connection.pragma("cell_size_check", True)
    connection.pragma("foreign_keys", False)
    connection.pragma("temp_store", "MEMORY")
    connection.wal_autocheckpoint(0)
    return connection


def open_reader(path: str, vfs: str | None) -> apsw.Connection:
    """Open an existing database file for reading only."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)
    connection.pragma("cache_size", -READER_CACHE_KIB)
    connection.pragma("cell_size_check", True)
    return connection


def meaning(error: apsw.Error | OSError) -> CourrielError:
    """What an error of SQLite or of the file system means for the callers of a store."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Damaged(f"database is damaged: {error}")
    return Unavailable(f"storage failed: {error}")


def stops_writing(error: BaseException) -> bool:
    """Whether a shard can no longer be trusted to write after this error (disk full, I/O error, damage)."""
    kinds = (
        OSError,
        apsw.FullError,
        apsw.IOError,
        apsw.CantOpenError,
        apsw.CorruptError,
        apsw.NotADBError,
        apsw.ReadOnlyError,
        apsw.NoMemError,
        MemoryError,
    )
    return isinstance(error, kinds)


def fetch_one(connection: apsw.Connection, sql: str, bindings: Row) -> Row | None:
    """The first row found.  Raises Damaged, Unavailable."""
    try:
        return connection.execute(sql, bindings).fetchone()
    except apsw.Error as error:
        raise meaning(error) from error


def fetch_all(connection: apsw.Connection, sql: str, bindings: Row) -> list[Row]:
    """All rows found.  Raises Damaged, Unavailable."""
    try:
        return connection.execute(sql, bindings).fetchall()
    except apsw.Error as error:
        raise meaning(error) from error
