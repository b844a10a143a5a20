"""What a mail program keeps of an account: mailboxes, messages, and what was done while away.  One SQLite file.

What the server said is the truth and can be fetched again; what was done while away cannot, so it stays until the
server has taken it, or says no: then it stays as a conflict, with the reason, until the person decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from courriel.base.errors import Unavailable

BUSY_TIMEOUT_MS: Final = 10_000
"""Two commands at once wait for each other that long."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS mailbox(
    name BLOB PRIMARY KEY NOT NULL, text TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL DEFAULT 0, modseq INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS message(
    mailbox BLOB NOT NULL, uid INTEGER NOT NULL, flags TEXT NOT NULL, received REAL NOT NULL, raw BLOB NOT NULL,
    PRIMARY KEY(mailbox, uid)) STRICT;
CREATE TABLE IF NOT EXISTS pending(
    id INTEGER PRIMARY KEY AUTOINCREMENT, change BLOB NOT NULL,
    tried INTEGER NOT NULL DEFAULT 0, conflict TEXT NOT NULL DEFAULT '') STRICT;
"""


class Flag(msgspec.Struct, frozen=True, tag="flag"):
    """Flags to set and to take away."""

    mailbox: bytes
    uidvalidity: int
    uid: int
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Move(msgspec.Struct, frozen=True, tag="move"):
    mailbox: bytes
    uidvalidity: int
    uid: int
    target: bytes


class Send(msgspec.Struct, frozen=True, tag="send"):
    """A message for the outbox."""

    sender: str
    receivers: tuple[str, ...]
    message: bytes


Change = Flag | Move | Send


class Pending(msgspec.Struct, frozen=True):
    """One change that waits.  ``tried``: it was begun, and how that ended is not known; ``conflict``: why it cannot be
    done."""

    id: int
    change: Change
    tried: bool
    conflict: str


class KnownMailbox(msgspec.Struct, frozen=True):
    """A mailbox as of the last look; UIDVALIDITY 0: never looked into."""

    name: bytes
    text: str
    uidvalidity: int
    modseq: int


class Kept(msgspec.Struct, frozen=True):
    """One message."""

    uid: int
    flags: frozenset[str]
    received_at: float
    raw: bytes


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Change).decode


class Cache:
    """The file of one account."""

    def __init__(self, path: Path) -> None:
        """Open or make it.  Raises Unavailable."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            self._db.execute(_TABLES)
            path.chmod(0o600)
        except (apsw.Error, OSError) as error:
            raise Unavailable(f"{path}: {error}") from error

    @classmethod
    def of(cls, directory: Path, account: str) -> Cache:
        """The cache of the account of this name ("alice @ mail.example.org:993")."""
        return cls(directory / (hashlib.sha256(account.encode()).hexdigest()[:32] + ".db"))

    def close(self) -> None:
        self._db.close()

    # --- mailboxes --------------------------------------------------------------------------------------------
    def mailboxes(self) -> list[KnownMailbox]:
        """By name."""
        rows = self._db.execute("SELECT name, text, uidvalidity, modseq FROM mailbox ORDER BY text")
        return [KnownMailbox(*row) for row in rows]

    def mailbox(self, text: str) -> KnownMailbox | None:
        """By its name as a person reads it; INBOX in any case."""
        wanted = "INBOX" if text.upper() == "INBOX" else text
        return next((one for one in self.mailboxes() if one.text == wanted), None)

    def keep_mailboxes(self, names: Sequence[tuple[bytes, str]]) -> None:
        """The mailboxes there are; all others are forgotten with their messages."""
        with self._db:
            for one in self.mailboxes():
                if (one.name, one.text) not in names:
                    self._db.execute("DELETE FROM message WHERE mailbox=?", (one.name,))
                    self._db.execute("DELETE FROM mailbox WHERE name=?", (one.name,))
            self._db.executemany("INSERT OR IGNORE INTO mailbox(name, text) VALUES(?,?)", names)

    def begin(self, name: bytes, uidvalidity: int) -> None:
        """The mailbox has this UIDVALIDITY: what was known under another is forgotten."""
        with self._db:
            sql = "UPDATE mailbox SET uidvalidity=?2, modseq=0 WHERE name=?1 AND uidvalidity<>?2"
            self._db.execute(sql, (name, uidvalidity))
            if self._db.changes():
                self._db.execute("DELETE FROM message WHERE mailbox=?", (name,))

    def complete(self, name: bytes, modseq: int) -> None:
        """Everything up to this change is known."""
        self._db.execute("UPDATE mailbox SET modseq=? WHERE name=?", (modseq, name))

    # --- messages ---------------------------------------------------------------------------------------------
    def uids(self, mailbox: bytes) -> set[int]:
        return {uid for (uid,) in self._db.execute("SELECT uid FROM message WHERE mailbox=?", (mailbox,))}

    def add(self, mailbox: bytes, messages: Iterable[Kept]) -> None:
        rows = [(mailbox, one.uid, _joined(one.flags), one.received_at, one.raw) for one in messages]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO message VALUES(?,?,?,?,?)", rows)

    def set_flags(self, mailbox: bytes, flags: Iterable[tuple[int, frozenset[str]]]) -> int:
        """How many had other flags."""
        changed = 0
        with self._db:
            for uid, names in flags:
                sql = "UPDATE message SET flags=?1 WHERE mailbox=?2 AND uid=?3 AND flags<>?1"
                self._db.execute(sql, (_joined(names), mailbox, uid))
                changed += self._db.changes()
        return changed

    def remove(self, mailbox: bytes, ranges: Iterable[tuple[int, int]]) -> int:
        """Forget messages by ranges of UIDs; how many there were."""
        removed = 0
        with self._db:
            for low, high in ranges:
                sql = "DELETE FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?"
                self._db.execute(sql, (mailbox, low, high))
                removed += self._db.changes()
        return removed

    def newest(self, mailbox: bytes, count: int) -> list[Kept]:
        """The newest messages, oldest of them first."""
        sql = "SELECT uid, flags, received, raw FROM message WHERE mailbox=? ORDER BY uid DESC LIMIT ?"
        return [_kept(row) for row in self._db.execute(sql, (mailbox, count))][::-1]

    def message(self, mailbox: bytes, uid: int) -> Kept | None:
        sql = "SELECT uid, flags, received, raw FROM message WHERE mailbox=? AND uid=?"
        row = self._db.execute(sql, (mailbox, uid)).fetchone()
        return None if row is None else _kept(row)

    # --- what was done while away -----------------------------------------------------------------------------
    def put(self, change: Change) -> int:
        """Queue a change, and show it at once; its number."""
        with self._db:
            self._db.execute("INSERT INTO pending(change) VALUES(?)", (_pack(change),))
            number = self._db.last_insert_rowid()
            if isinstance(change, Flag):
                known = self.message(change.mailbox, change.uid)
                if known is not None:
                    flags = (known.flags | set(change.add)) - set(change.remove)
                    sql = "UPDATE message SET flags=? WHERE mailbox=? AND uid=?"
                    self._db.execute(sql, (_joined(flags), change.mailbox, change.uid))
            elif isinstance(change, Move):
                sql = "DELETE FROM message WHERE mailbox=? AND uid=?"
                self._db.execute(sql, (change.mailbox, change.uid))
        return number

    def pending(self) -> list[Pending]:
        """In the order in which it was done, conflicts among them."""
        rows = self._db.execute("SELECT id, change, tried, conflict FROM pending ORDER BY id")
        return [Pending(id, _unpack(change), bool(tried), conflict) for id, change, tried, conflict in rows]

    def trying(self, id: int) -> None:
        """From now on nobody knows how far it came."""
        self._db.execute("UPDATE pending SET tried=1 WHERE id=?", (id,))

    def untried(self, id: int) -> None:
        """It did not reach the server."""
        self._db.execute("UPDATE pending SET tried=0 WHERE id=?", (id,))

    def settle(self, id: int) -> None:
        """The server has it, or the person has let go of it."""
        self._db.execute("DELETE FROM pending WHERE id=?", (id,))

    def conflict(self, id: int, reason: str) -> None:
        """It cannot be done, for this reason.  What it showed at once is compared with the server at the next look."""
        with self._db:
            sql = "UPDATE pending SET conflict=? WHERE id=? RETURNING change"
            change = _unpack(self._db.execute(sql, (reason, id)).get)
            if not isinstance(change, Send):
                self._db.execute("UPDATE mailbox SET modseq=0 WHERE name=?", (change.mailbox,))

    def again(self, id: int) -> None:
        """Try a conflict once more."""
        self._db.execute("UPDATE pending SET conflict='', tried=0 WHERE id=?", (id,))


def _joined(flags: Iterable[str]) -> str:
    return " ".join(sorted(flags))


def _kept(row: tuple[int, str, float, bytes]) -> Kept:
    uid, flags, received, raw = row
    return Kept(uid, frozenset(flags.split()), received, raw)
