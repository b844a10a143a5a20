"""The tables of ``queue.db``.  STORAGE §3, "queue".

``recipient`` has what a claim looks for in columns and the rest (tries, last attempt) packed.  States are numbers
(``STATES``); ``recipient_due`` and ``recipient_turn`` have waiting ones only, so they stay as small as the work that
is left.  ``sharer`` is a digest of ``Queued.sharer``: two that collide share a share.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import apsw
import msgspec

from courriel.model.queued import Progress, Queued, State, domain_of, first_progress
from courriel.store.sqlite.connection import Row

VERSION: Final = 3

STATES: Final = (State.WAITING, State.HELD, State.DELIVERED, State.FAILED, State.EXPIRED)
CODE: Final = {state: code for code, state in enumerate(STATES)}
FIRST_FINAL: Final = CODE[State.DELIVERED]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS queue (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, message BLOB NOT NULL,
    hash BLOB NOT NULL, size INTEGER NOT NULL, codec INTEGER NOT NULL, data BLOB NOT NULL);
ALTER TABLE queue ADD COLUMN look_at REAL;
CREATE INDEX queue_look ON queue (look_at) WHERE look_at IS NOT NULL;
CREATE TABLE recipient (
    n INTEGER NOT NULL, place INTEGER NOT NULL, domain TEXT NOT NULL, state INTEGER NOT NULL,
    next_at REAL NOT NULL, owes INTEGER NOT NULL, progress BLOB NOT NULL, PRIMARY KEY (n, place)) WITHOUT ROWID;
CREATE INDEX recipient_owes ON recipient (n) WHERE owes=1;
"""

_SHARES: Final = """
ALTER TABLE recipient ADD COLUMN sharer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS recipient_due;
CREATE INDEX recipient_due ON recipient (domain, priority, next_at) WHERE state=0;
CREATE INDEX recipient_turn ON recipient (domain, sharer, priority, next_at) WHERE state=0;
"""
"""From version 3: what is due is looked for in each priority there is, and by who sends it."""


def prepare(connection: apsw.Connection) -> None:
    """Make the tables, or bring those of version 1 (messages only) and 2 (no sharers) up to date; one transaction."""
    version = connection.pragma("user_version")
    if version == VERSION:
        return
    with connection:
        if version < 2:
            connection.execute(_TABLES)
        connection.execute(_SHARES)
        old: list[Row] = connection.execute("SELECT n, message FROM queue").fetchall()
        for n, packed in old:
            message = unpack_message(packed)
            if version < 2:
                add_recipients(connection, n, message)
            else:
                connection.execute("UPDATE recipient SET sharer=? WHERE n=?", (_digest(message), n))
        connection.pragma("user_version", VERSION)


def add_recipients(connection: apsw.Connection, n: int, message: Queued) -> None:
    """The rows of a new message."""
    progress = first_progress(message)
    state, packed, sharer = CODE[progress.state], pack(progress), _digest(message)
    connection.executemany(
        "INSERT INTO recipient VALUES (?,?,?,?,?,0,?,?,?)",
        [
            (n, place, domain_of(recipient), state, progress.next_at, packed, sharer, message.priority)
            for place, recipient in enumerate(message.recipients)
        ],
    )


def _digest(message: Queued) -> int:
    return crc32(message.sharer.lower().encode())


pack = msgspec.msgpack.Encoder().encode
unpack_message = msgspec.msgpack.Decoder(Queued).decode
unpack_progress = msgspec.msgpack.Decoder(Progress).decode
