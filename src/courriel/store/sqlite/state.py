"""Accounts and their mailboxes in memory: what is committed, and nothing else.

The loop thread owns these values.  A running transaction works on copies (``transaction.py``) and hands them back
when they are durable, so a failed transaction leaves no trace here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import apsw

from courriel.model.changes import JournalEntry
from courriel.model.ids import AccountId, MailboxId, ModSeq, Uid
from courriel.model.mailbox import SEPARATOR, Mailbox, Role
from courriel.model.quota import Quota
from courriel.model.rights import NOBODY, Acl, Rights, parse

RECENT_JOURNAL: Final = 256
"""Journal entries of an account kept in memory; older ones are read from the table."""

NO_PARENT: Final = 0


class MailboxState:
    """One mailbox and its counters."""

    __slots__ = (
        "acl", "deleted", "gone_floor", "id", "modseq", "octets", "path", "recent", "role", "total", "uidnext",
        "uidvalidity", "unseen",
    )  # fmt: skip

    def __init__(self, id: MailboxId, path: str, role: Role | None, uidvalidity: int, modseq: int) -> None:
        self.id = id
        self.path = path
        self.role = role
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = modseq
        self.total = 0
        self.unseen = 0
        self.deleted = 0
        self.octets = 0
        self.recent = 1
        self.gone_floor = 0
        self.acl: Acl = NOBODY

    def copy(self) -> MailboxState:
        other = MailboxState(self.id, self.path, self.role, self.uidvalidity, self.modseq)
        other.adopt(self)
        other.recent = self.recent
        return other

    def adopt(self, other: MailboxState) -> None:
        """Take over all that a transaction can change; ``recent`` is the views'."""
        self.path = other.path
        self.uidnext = other.uidnext
        self.modseq = other.modseq
        self.total = other.total
        self.unseen = other.unseen
        self.deleted = other.deleted
        self.octets = other.octets
        self.gone_floor = other.gone_floor
        self.acl = other.acl

    def public(self, subscribed: bool) -> Mailbox:
        return Mailbox(
            self.id, self.path, self.role, self.uidvalidity, Uid(self.uidnext), ModSeq(self.modseq), self.total,
            self.unseen, self.deleted, self.octets, subscribed, self.acl,
        )  # fmt: skip


class AccountState:
    """One account: its counter, its use of space, its mailboxes, subscriptions and keywords."""

    __slots__ = (
        "__weakref__", "copied", "counter", "id", "journal", "keywords", "limit_messages", "limit_octets", "log_floor",
        "mailboxes", "messages", "names", "octets", "paths", "recalled_from", "subscriptions", "uidv_next", "watchers",
    )  # fmt: skip

    def __init__(self, id: AccountId) -> None:
        self.id = id
        self.counter = 0
        self.uidv_next = 1
        self.octets = 0
        self.messages = 0
        self.limit_octets = 0
        self.limit_messages = 0
        self.log_floor = 0
        self.copied = False
        """Whether some message of it may be a copy of another (table ``origin``)."""
        self.mailboxes: dict[MailboxId, MailboxState] = {}
        self.paths: dict[str, MailboxId] = {}
        self.subscriptions: set[str] = set()
        self.keywords: dict[str, int] = {}
        """Lower-case name → bit."""
        self.names: dict[int, str] = {}
        """Bit → name."""
        self.journal: deque[JournalEntry] = deque()
        self.recalled_from = 0
        """``journal`` holds every entry with a higher number than this."""
        self.watchers: list[Callable[[], None]] = []

    def quota(self) -> Quota:
        return Quota(self.octets, self.messages, self.limit_octets, self.limit_messages)

    def renew(self, fresh: AccountState) -> None:
        """Take over everything but those who watch."""
        for name in self.__slots__:
            if name not in ("__weakref__", "watchers"):
                setattr(self, name, getattr(fresh, name))

    def trim_journal(self) -> None:
        """Let go of old entries; only when all of them are in the table."""
        while len(self.journal) > RECENT_JOURNAL:
            self.recalled_from = self.journal.popleft().modseq


def load_account(connection: apsw.Connection, account: AccountId) -> AccountState | None:
    """Read one account; None when there is none.  Some 100 µs for ten mailboxes."""
    row = connection.execute(
        "SELECT counter, uidv_next, octets, messages, limit_octets, limit_messages, log_floor FROM account"
        " WHERE acct=?",
        (account,),
    ).fetchone()
    if row is None:
        return None
    state = AccountState(account)
    (
        state.counter, state.uidv_next, state.octets, state.messages, state.limit_octets, state.limit_messages,
        state.log_floor,
    ) = row  # fmt: skip
    state.recalled_from = state.counter
    state.copied = connection.execute("SELECT 1 FROM origin WHERE acct=? LIMIT 1", (account,)).fetchone() is not None
    _load_mailboxes(connection, state)
    for (path,) in connection.execute("SELECT path FROM sub WHERE acct=?", (account,)):
        state.subscriptions.add(path)
    for bit, name in connection.execute("SELECT bit, name FROM kw WHERE acct=? ORDER BY bit", (account,)):
        state.keywords[name.lower()] = bit
        state.names[bit] = name
    return state


def _load_mailboxes(connection: apsw.Connection, state: AccountState) -> None:
    places: dict[int, tuple[int, str]] = {}
    boxes: list[MailboxState] = []
    for row in connection.execute(
        "SELECT coll, parent, name, role, uidvalidity, uidnext, modseq, total, unseen, deleted, octets, recent,"
        " gone_floor FROM coll WHERE acct=?",
        (state.id,),
    ):
        coll, parent, name, role, uidvalidity, uidnext, modseq = row[:7]
        box = MailboxState(MailboxId(coll), name, Role(role) if role else None, uidvalidity, modseq)
        box.uidnext = uidnext
        box.total, box.unseen, box.deleted, box.octets, box.recent, box.gone_floor = row[7:]
        places[coll] = (parent, name)
        boxes.append(box)
    for box in boxes:
        box.path = _path(places, box.id)
        state.mailboxes[box.id] = box
        state.paths[box.path] = box.id
    _load_rights(connection, state)


def _load_rights(connection: apsw.Connection, state: AccountState) -> None:
    lists: dict[MailboxId, dict[str, Rights]] = {}
    for coll, who, rights in connection.execute("SELECT coll, who, rights FROM acl WHERE acct=?", (state.id,)):
        lists.setdefault(MailboxId(coll), {})[who] = parse(rights)
    for mailbox, acl in lists.items():
        if mailbox in state.mailboxes:
            state.mailboxes[mailbox].acl = acl


def _path(places: dict[int, tuple[int, str]], coll: int) -> str:
    """The full path of a mailbox, however its parents were damaged: a loop or a hole ends it."""
    levels: list[str] = []
    seen: set[int] = set()
    while coll in places and coll not in seen:
        seen.add(coll)
        coll, name = places[coll]
        levels.append(name)
    return SEPARATOR.join(reversed(levels))
