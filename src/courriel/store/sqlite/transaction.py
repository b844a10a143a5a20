"""One group of changes on its way into a shard.  STORAGE §3, "Delivery transaction".

Plans (``append.py``, ``removal.py``, ``placement.py``) judge and change drafts here: copies of what is committed.
Rows collect in lists and go to SQLite together; counters of accounts and mailboxes are written once a group.
``effects`` is what the views must hear once the group is durable.  Nothing outside changes before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import apsw
import msgspec

from courriel.base.errors import Unavailable
from courriel.model.changes import JournalEntry
from courriel.model.flags import FIRST_KEYWORD_BIT, KEYWORDS_PER_ACCOUNT
from courriel.model.ids import COUNTER_MAX, AccountId, MailboxId, ModSeq
from courriel.model.mailbox import SEPARATOR, Role, parent_path
from courriel.model.message import NewMessage
from courriel.model.refusals import NoSuchMailbox, OverQuota, TooManyKeywords
from courriel.model.rights import NOBODY, Acl, letters
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.state import NO_PARENT, AccountState, MailboxState
from courriel.store.sqlite.view import SqliteView

KIND_MAIL: Final = 1
KIND_MAILBOX: Final = 2
KIND_METADATA: Final = 4
KINDS: Final[dict[int, tuple[str, ...]]] = {
    KIND_MAIL: ("mail",),
    KIND_MAILBOX: ("mailbox",),
    KIND_MAIL | KIND_MAILBOX: ("mailbox", "mail"),
    KIND_METADATA: ("metadata",),
}


class Appeared(msgspec.Struct, frozen=True):
    """Messages at the end of a mailbox.  ``news``: their values, where this group knows them."""

    account: AccountId
    mailbox: MailboxId
    uids: Sequence[int]
    flags: Sequence[int]
    modseqs: Sequence[int]
    ids: Sequence[int]
    sizes: Sequence[int]
    threads: Sequence[int] = ()
    news: Sequence[NewMessage] = ()


class Removed(msgspec.Struct, frozen=True):
    """Messages taken out of a mailbox."""

    account: AccountId
    mailbox: MailboxId
    uids: Sequence[int]
    modseq: int


class MailboxDropped(msgspec.Struct, frozen=True):
    """A mailbox that is no more."""

    account: AccountId
    mailbox: MailboxId
    modseq: int


Effect: TypeAlias = Appeared | Removed | MailboxDropped


class AccountDraft:
    """An account as this group leaves it."""

    __slots__ = (
        "base", "copied", "counter", "journal", "keywords", "limit_messages", "limit_octets", "log_floor", "mailboxes",
        "messages", "names", "octets", "paths", "subscriptions", "threads", "uidv_next",
    )  # fmt: skip

    def __init__(self, base: AccountState) -> None:
        self.base = base
        self.counter = base.counter
        self.uidv_next = base.uidv_next
        self.octets = base.octets
        self.messages = base.messages
        self.limit_octets = base.limit_octets
        self.limit_messages = base.limit_messages
        self.log_floor = base.log_floor
        self.copied = base.copied
        self.mailboxes: dict[MailboxId, MailboxState | None] = {}
        """Those this group touched; None: deleted."""
        self.paths: dict[str, MailboxId] | None = None
        self.subscriptions: set[str] | None = None
        self.keywords: dict[str, int] | None = None
        self.names: dict[int, str] | None = None
        self.threads: dict[int, int] = {}
        self.journal: list[JournalEntry] = []

    def take(self, count: int = 1) -> int:
        """The next ``count`` numbers of the one counter; returns the first."""
        first = self.counter + 1
        self.counter += count
        if self.counter > COUNTER_MAX:
            raise Unavailable(f"account {self.base.id} has used up its numbers")
        return first

    def mailbox(self, mailbox: MailboxId) -> MailboxState:
        """A copy to be changed.  Raises NoSuchMailbox."""
        if mailbox in self.mailboxes:
            draft = self.mailboxes[mailbox]
        else:
            base = self.base.mailboxes.get(mailbox)
            draft = None if base is None else base.copy()
            if draft is not None:
                self.mailboxes[mailbox] = draft
        if draft is None:
            raise NoSuchMailbox(f"mailbox {mailbox}")
        return draft

    def path_ids(self) -> dict[str, MailboxId]:
        """Path → mailbox, to be changed."""
        if self.paths is None:
            self.paths = dict(self.base.paths)
        return self.paths

    def find(self, path: str) -> MailboxId | None:
        return (self.base.paths if self.paths is None else self.paths).get(path)

    def named(self, path: str) -> MailboxState:
        found = self.find(path)
        if found is None:
            raise NoSuchMailbox(path)
        return self.mailbox(found)

    def check_room(self, octets: int, messages: int) -> None:
        """Raises OverQuota when this does not fit; nothing always fits, however full the account is."""
        if not messages:
            return
        over = self.limit_octets and self.octets + octets > self.limit_octets
        if over or (self.limit_messages and self.messages + messages > self.limit_messages):
            raise OverQuota(f"account {self.base.id}")

    def publish(self) -> None:
        """On the loop, once the group is durable: make the account in memory like this draft."""
        state = self.base
        state.counter = self.counter
        state.uidv_next = self.uidv_next
        state.octets = self.octets
        state.messages = self.messages
        state.limit_octets = self.limit_octets
        state.limit_messages = self.limit_messages
        state.log_floor = self.log_floor
        state.copied = self.copied
        for mailbox, box in self.mailboxes.items():
            known = state.mailboxes.get(mailbox)
            if box is None:
                state.mailboxes.pop(mailbox, None)
            elif known is None:
                state.mailboxes[mailbox] = box
            else:
                known.adopt(box)
        if self.paths is not None:
            state.paths = self.paths
        if self.subscriptions is not None:
            state.subscriptions = self.subscriptions
        if self.keywords is not None and self.names is not None:
            state.keywords, state.names = self.keywords, self.names

    def known_keywords(self) -> Mapping[str, int]:
        return self.base.keywords if self.keywords is None else self.keywords


class Statements(Protocol):
    """What runs the statements of a group: a connection, or one that notes what it is told to write."""

    def execute(self, sql: str, bindings: Row = ..., /) -> apsw.Cursor: ...

    def executemany(self, sql: str, rows: Iterable[Row], /) -> apsw.Cursor: ...


class Transaction:
    """The drafts, rows and effects of one group."""

    def __init__(
        self,
        connection: Statements,
        accounts: Mapping[AccountId, AccountState],
        view: Callable[[AccountId, MailboxId], SqliteView | None],
        now: float,
        retention_s: float,
        take_blob: Callable[[], int],
        recent_blobs: Mapping[bytes, int],
        row_octets: int,
    ) -> None:
        self.connection = connection
        self.now = now
        self.retention_s = retention_s
        self.view = view
        self.take_blob = take_blob
        self.recent_blobs = recent_blobs
        self.row_octets = row_octets
        self.drafts: dict[AccountId, AccountDraft] = {}
        self.made: dict[AccountId, AccountState] = {}
        self.deleted: set[AccountId] = set()
        self.effects: list[Effect] = []
        self.removed: dict[tuple[AccountId, MailboxId], set[int]] = {}
        self.new_blobs: dict[bytes, int] = {}
        self.regranted: dict[tuple[AccountId, MailboxId], tuple[Acl, Acl]] = {}
        """Access lists that changed, as they were before the group and as they are now."""
        self.forgotten: list[tuple[int, int]] = []
        """(account, message) whose octets must not be found in a cache any more."""
        self.packed: list[tuple[int, bytes, NewMessage]] = []
        self._accounts = accounts
        self._blobs: list[Row] = []
        self._objs: list[Row] = []
        self._members: list[Row] = []
        self._changes: list[Row] = []
        self._threads: list[Row] = []

    def account(self, account: AccountId) -> AccountDraft:
        """A copy to be changed.  Raises NoSuchMailbox when there is no such account."""
        draft = self.drafts.get(account)
        if draft is None:
            base = self._accounts.get(account)
            if base is None or account in self.deleted:
                raise NoSuchMailbox(f"no account {account}")
            draft = self.drafts[account] = AccountDraft(base)
        return draft

    def begin(self, state: AccountState) -> AccountDraft:
        """A new account."""
        self.made[state.id] = state
        draft = self.drafts[state.id] = AccountDraft(state)
        return draft

    # --- rows -----------------------------------------------------------------------------------------------
    def add_blob(self, hash: bytes, message: NewMessage) -> int:
        """The number of a body's blob: a new one, or that of the same body a moment ago."""
        known = self.new_blobs.get(hash) or self.recent_blobs.get(hash)
        if known is not None and (
            hash in self.new_blobs
            or self.connection.execute(
                "UPDATE blob SET touched=? WHERE id=? RETURNING id", (self.now, known)
            ).fetchone()
        ):
            return known
        number = self.new_blobs[hash] = self.take_blob()
        body, summary = message.body, message.summary
        if len(body) < self.row_octets:
            self._blobs.append(
                (number, hash, len(body), None, None, None, 0, self.now, summary.parts, summary.preview, body)
            )
        else:
            self.packed.append((number, hash, message))
        return number

    def add_obj(self, row: Row) -> None:
        self._objs.append(row)

    def add_member(self, row: Row) -> None:
        self._members.append(row)

    def add_origins(self, draft: AccountDraft, pairs: Iterable[tuple[int, int]]) -> None:
        """Note (copy, what it was copied from): messages of this account.  What is no copy itself is the origin."""
        account = draft.base.id
        self.connection.executemany(
            "INSERT INTO origin SELECT ?, ?, coalesce((SELECT origin FROM origin WHERE acct=? AND id=?), ?)",
            [(account, copy, account, source, source) for copy, source in pairs],
        )
        draft.copied = True

    def add_thread(self, row: Row) -> None:
        self._threads.append(row)

    def note(self, draft: AccountDraft, modseq: int, kinds: int, mailboxes: Sequence[MailboxId]) -> None:
        """Put one change into the journal."""
        once = tuple(dict.fromkeys(mailboxes))
        draft.journal.append(JournalEntry(ModSeq(modseq), KINDS[kinds], once))
        self._changes.append((draft.base.id, modseq, kinds, pack_ids(once)))

    def flush(self) -> None:
        """Write the rows collected so far; plans that read tables call it first."""
        many = self.connection.executemany
        if self._blobs:
            many("INSERT INTO blob VALUES (?,?,?,?,?,?,?,?,?,?,?)", self._blobs)
            self._blobs = []
        if self._objs:
            many("INSERT INTO obj VALUES (?,?,?,?,?,?,?,?,?,?)", self._objs)
            self._objs = []
        if self._members:
            many("INSERT INTO member VALUES (?,?,?,?,?,?,?,?)", self._members)
            self._members = []
        if self._threads:
            many("INSERT OR IGNORE INTO msgid VALUES (?,?,?)", self._threads)
            self._threads = []
        if self._changes:
            many("INSERT INTO chg VALUES (?,?,?,?)", self._changes)
            self._changes = []

    def finish(self) -> None:
        """Write all that is left, counters included; the commit itself is the shard's."""
        self.flush()
        execute = self.connection.execute
        for account, draft in self.drafts.items():
            if account in self.deleted:
                continue
            execute(
                "UPDATE account SET counter=?, uidv_next=?, octets=?, messages=?, limit_octets=?, limit_messages=?,"
                " log_floor=? WHERE acct=?",
                (
                    draft.counter, draft.uidv_next, draft.octets, draft.messages, draft.limit_octets,
                    draft.limit_messages, draft.log_floor, account,
                ),
            )  # fmt: skip
            for box in draft.mailboxes.values():
                if box is not None:
                    execute(
                        "UPDATE coll SET uidnext=?, modseq=?, total=?, unseen=?, deleted=?, octets=?, recent=?,"
                        " gone_floor=? WHERE acct=? AND coll=?",
                        (
                            box.uidnext, box.modseq, box.total, box.unseen, box.deleted, box.octets, box.recent,
                            box.gone_floor, account, box.id,
                        ),
                    )  # fmt: skip

    # --- steps several plans share ----------------------------------------------------------------------------
    def keyword_flags(self, draft: AccountDraft, names: Sequence[str]) -> int:
        """Bits of these keywords, making those that are new.  ``check_keywords`` was called before."""
        flags = 0
        for name in names:
            bit = draft.known_keywords().get(name.lower())
            if bit is None:
                if draft.keywords is None or draft.names is None:
                    draft.keywords, draft.names = dict(draft.base.keywords), dict(draft.base.names)
                bit = FIRST_KEYWORD_BIT + len(draft.keywords)
                draft.keywords[name.lower()] = bit
                draft.names[bit] = name
                self.connection.execute("INSERT INTO kw VALUES (?,?,?)", (draft.base.id, bit, name))
            flags |= 1 << bit
        return flags

    def make_mailbox(self, draft: AccountDraft, path: str, role: str | None) -> MailboxState:
        """Make a mailbox and its missing parents; the caller has checked that it is not there."""
        parent = parent_path(path)
        parent_id = NO_PARENT
        if parent is not None:
            found = draft.find(parent)
            parent_id = self.make_mailbox(draft, parent, None).id if found is None else found
        number = MailboxId(draft.take())
        box = MailboxState(number, path, Role(role) if role else None, draft.uidv_next, draft.take())
        draft.uidv_next += 1
        draft.mailboxes[number] = box
        draft.path_ids()[path] = number
        self.connection.execute(
            "INSERT INTO coll VALUES (?,?,?,?,?,?,?,?,0,0,0,0,1,0)",
            (
                draft.base.id, number, parent_id, path.rpartition(SEPARATOR)[2], role, box.uidvalidity, box.uidnext,
                box.modseq,
            ),
        )  # fmt: skip
        if parent is not None:  # RFC 4314 §4: a new mailbox inherits
            self.set_acl(draft, box, draft.mailbox(MailboxId(parent_id)).acl)
        return box

    def set_acl(self, draft: AccountDraft, box: MailboxState, acl: Acl) -> None:
        """Let ``acl`` be the access list of a mailbox of the draft."""
        if acl == box.acl:
            return
        account = draft.base.id
        execute = self.connection.execute
        for who in box.acl.keys() - acl.keys():
            execute("DELETE FROM acl WHERE acct=? AND coll=? AND who=?", (account, box.id, who))
        for who, rights in acl.items():
            if box.acl.get(who) != rights:
                execute("INSERT OR REPLACE INTO acl VALUES (?,?,?,?)", (account, box.id, who, letters(rights)))
        self.note_acl(account, box, acl)
        box.acl = acl

    def note_acl(self, account: AccountId, box: MailboxState, acl: Acl = NOBODY) -> None:
        """The list of a mailbox becomes this."""
        key = account, box.id
        before = self.regranted[key][0] if key in self.regranted else box.acl
        self.regranted[key] = before, acl


def check_keywords(draft: AccountDraft, names: Sequence[str]) -> None:
    """Raises TooManyKeywords when these would not fit."""
    known = draft.known_keywords()
    new = {name.lower() for name in names} - known.keys()
    if len(known) + len(new) > KEYWORDS_PER_ACCOUNT:
        raise TooManyKeywords(f"more than {KEYWORDS_PER_ACCOUNT} keywords")


def pack_ids(mailboxes: Sequence[MailboxId]) -> bytes:
    return b"".join(mailbox.to_bytes(6, "little") for mailbox in mailboxes)


def unpack_ids(data: bytes) -> tuple[MailboxId, ...]:
    return tuple(MailboxId(int.from_bytes(data[n : n + 6], "little")) for n in range(0, len(data), 6))
