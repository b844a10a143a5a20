"""Stored mail: accounts' mailboxes and messages.  STORAGE §3.

Every call that changes something returns only when the change is durable *and* visible, except flag changes,
which are visible and safe from a crash of the process when they return, and reach the disk within
``flag_sync_ms`` (PERFORMANCE, "Decided").  Changes of one account have one order, that of their numbers.
All or nothing: a call that raises has changed nothing.

Raises ``courriel.model.refusals`` (NoSuchMailbox, MailboxExists, OverQuota, …), ``Unavailable`` (disk full or
failing: the shard takes no more writes, reads go on) and ``Damaged``.

Calls are coroutines, but answer without suspending wherever the answer is in memory; the read path of a
protocol then needs no task (STYLE, Async).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from courriel.model.changes import Copied, FlagResult, JournalEntry, ViewChange
from courriel.model.flags import FlagChange, Flags
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq, Uid
from courriel.model.mailbox import Mailbox, Role
from courriel.model.message import Expunged, NewMessage, Record, Stored
from courriel.model.quota import Quota
from courriel.model.rights import Acl, RightsChange


class View(Protocol):
    """One mailbox in memory, shared by all sessions of the process; always current.

    ``uids`` (``array('I')``), ``flags``, ``modseqs`` and ``ids`` (the messages' own numbers; ``array('Q')``) have the
    same indexes.  Arrivals are appended in place; an expunge *replaces* the arrays by new ones, so whoever keeps the
    old ``uids`` keeps an unchanged list of what he has shown to his client (flags of the old arrays are then stale:
    look them up by UID in the current ones).  Never write to them from outside.

    A session keeps ``position`` and asks ``changes(position)`` for what it has not told its client yet.
    """

    account: AccountId
    mailbox: MailboxId
    uidvalidity: int
    uids: array[int]
    flags: array[int]
    modseqs: array[int]
    ids: array[int]

    @property
    def role(self) -> Role | None: ...

    @property
    def uidnext(self) -> Uid: ...

    @property
    def modseq(self) -> ModSeq:
        """HIGHESTMODSEQ of the mailbox."""
        ...

    @property
    def acl(self) -> Acl:
        """The mailbox's access list: another object whenever it has changed, of which ``watch`` tells too."""
        ...

    @property
    def position(self) -> int:
        """How many ViewChanges this view has seen."""
        ...

    def changes(self, since: int) -> Sequence[ViewChange] | None:
        """The changes after ``since``, oldest first; None when they are no longer kept (compare arrays then)."""
        ...

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` (on the loop, soon, without arguments) after each change; returns the way to stop."""
        ...

    def index(self, uid: int) -> int:
        """Index of ``uid``, or -1."""
        ...

    def claim_recent(self) -> int:
        """Lowest UID that no session has been told as \\Recent yet; from now on they are claimed.  RFC 3501 §2.3.2."""
        ...

    def first_recent(self) -> int:
        """The same without claiming (EXAMINE, STATUS)."""
        ...


class Column(Enum):
    """Values kept ready for the wire, one per message."""

    ENVELOPE = "envelope"
    BODYSTRUCTURE = "bodystructure"
    SIZE = "size"
    RECEIVED = "received"
    ID = "id"
    ORIGIN = "origin"
    THREAD = "thread"
    PREVIEW = "preview"
    SAVED = "saved"
    RELATIVES = "relatives"

    __hash__ = object.__hash__  # each is there once; Enum's own is Python, 0.1 µs a look-up


class MailStore(Protocol):
    """The mail of all accounts that live here."""

    # --- accounts -------------------------------------------------------------------------------------------
    async def create_account(
        self, account: AccountId, mailboxes: Sequence[tuple[str, Role | None]], quota_octets: int = 0
    ) -> None:
        """Make an empty account with these mailboxes, all subscribed.  Existing: nothing happens."""
        ...

    async def delete_account(self, account: AccountId) -> None: ...

    async def quota(self, account: AccountId) -> Quota: ...

    async def set_quota(self, account: AccountId, limit_octets: int, limit_messages: int = 0) -> None: ...

    async def modseq(self, account: AccountId) -> ModSeq:
        """The account's change number: nothing visible has a higher one."""
        ...

    async def journal(self, account: AccountId, since: ModSeq) -> Sequence[JournalEntry] | None:
        """Changes after ``since`` in order; None when they are no longer kept."""
        ...

    def watch_account(self, account: AccountId, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` on the loop after each committed change of the account; returns the way to stop."""
        ...

    # --- mailboxes ------------------------------------------------------------------------------------------
    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        """All mailboxes, by path (INBOX first); counters current."""
        ...

    async def mailbox(self, account: AccountId, path: str) -> Mailbox:
        """One mailbox by canonical path.  Raises NoSuchMailbox."""
        ...

    async def create_mailbox(self, account: AccountId, path: str, role: Role | None = None) -> Mailbox:
        """Make ``path``, and its missing parents (RFC 9051 §6.3.4).  Raises MailboxExists."""
        ...

    async def rename_mailbox(self, account: AccountId, path: str, new_path: str) -> None:
        """Rename with all below.  Renaming INBOX moves its messages instead (RFC 9051 §6.3.6)."""
        ...

    async def delete_mailbox(self, account: AccountId, path: str) -> None:
        """Delete one that has none below; its messages become restorable.  Raises MailboxNotAllowed for INBOX
        and for one with children."""
        ...

    async def change_rights(self, account: AccountId, mailbox: MailboxId, identifier: str, change: RightsChange) -> Acl:
        """Change one entry of a mailbox's access list; the list as it is then.

        A new mailbox has the list of its parent; renaming leaves it, deleting ends it (RFC 4314 §4).
        Raises NoSuchMailbox, and LimitExceeded beyond ACL_ENTRIES.
        """
        ...

    async def shared(self, identifiers: Iterable[str]) -> Sequence[tuple[AccountId, Mailbox]]:
        """The mailboxes of all accounts in whose lists one of these has an entry, whatever it says; in any order."""
        ...

    async def subscribe(self, account: AccountId, path: str, on: bool) -> None:
        """Subscriptions are names: they may outlive, and precede, their mailbox (RFC 9051 §6.3.7)."""
        ...

    async def subscriptions(self, account: AccountId) -> Sequence[str]: ...

    # --- reading --------------------------------------------------------------------------------------------
    async def view(self, account: AccountId, mailbox: MailboxId) -> View:
        """The shared view; kept while anybody watches it, and a while longer.  Raises NoSuchMailbox."""
        ...

    async def column(self, view: View, column: Column, first: int, count: int) -> Sequence[bytes] | Sequence[int]:
        """Values of messages ``first`` … ``first+count-1`` (indexes in the view's current arrays).

        ENVELOPE, BODYSTRUCTURE: wire bytes; PREVIEW: UTF-8; RELATIVES: ``formats/message/relatives.py``, empty where
        it was not kept (messages stored by a version before it); the others: integers (SIZE octets, RECEIVED POSIX
        seconds, ID, ORIGIN, THREAD, SAVED POSIX seconds).  ORIGIN is the first of the messages that this one was copied
        from, its own ID when it is no copy: EMAILID, RFC 8474 §5.1.  SAVED is when the message entered this mailbox,
        RFC 8514: append, copy, move and restore set it to the store's clock.  The result is not to be changed, and is
        taken in one piece: no change of the view falls between its values.
        """
        ...

    async def values(self, view: View, column: Column, uids: Sequence[int]) -> Sequence[bytes | int | None]:
        """The same for any UIDs; None where the message is gone for good (a session's old list may name one that
        was just expunged: those are still found while they can be restored; their SAVED is their RECEIVED)."""
        ...

    async def record(self, account: AccountId, mailbox: MailboxId, uid: int) -> Record | None:
        """One message's facts, also while it is expunged but restorable."""
        ...

    async def records(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[Record]:
        """Facts of those that exist (or are restorable), in the order asked."""
        ...

    async def read(self, account: AccountId, message: MessageId) -> bytes:
        """All octets of a message, prefix and body.  Raises Damaged when the checksum fails."""
        ...

    async def read_many(self, account: AccountId, messages: Sequence[MessageId], enough_octets: int) -> Sequence[bytes]:
        """The octets of these messages in order, from the first on until there are ``enough_octets``."""
        ...

    async def vanished(self, account: AccountId, mailbox: MailboxId, since: ModSeq) -> Sequence[int] | None:
        """UIDs expunged after ``since``, ascending; None when no longer known.  RFC 7162 §3.2.5."""
        ...

    # --- writing --------------------------------------------------------------------------------------------
    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        """Add messages, together or not at all; they may be for several accounts (one delivery)."""
        ...

    async def replace(self, account: AccountId, mailbox: MailboxId, uid: int, message: NewMessage) -> Stored | None:
        """Expunge ``uid`` and append ``message`` (of the same account), together or not at all; the one makes room
        for the other.  None, and nothing is changed, when ``uid`` is not there.  RFC 8508."""
        ...

    async def change_flags(
        self,
        account: AccountId,
        mailbox: MailboxId,
        uids: Sequence[int],
        change: FlagChange,
        unchanged_since: ModSeq | None = None,
    ) -> FlagResult:
        """STORE.  UIDs that do not exist are passed over.  Unchanged messages keep their number."""
        ...

    async def copy(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        """Copies are new messages over the same octets: new MessageId; same origin, flags and received_at."""
        ...

    async def move(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        """The message keeps its MessageId, gets a new UID in ``target``, is gone from ``source``: one change."""
        ...

    async def expunge(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[int]:
        """Remove those of ``uids`` that exist, whatever their flags; returns the UIDs removed.  They stay
        restorable."""
        ...

    async def expunged(self, account: AccountId) -> Sequence[Expunged]:
        """What can be restored, newest first."""
        ...

    async def restore(self, account: AccountId, messages: Sequence[MessageId]) -> Sequence[Stored]:
        """Bring expunged messages back to their mailbox (INBOX if that is gone) with new UIDs."""
        ...

    # --- annotations ------------------------------------------------------------------------------------------
    async def metadata(self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId) -> Mapping[str, bytes]:
        """Annotations of a mailbox, or of the account itself (None), that ``viewer`` sees, by entry
        (``model/metadata.py``), ascending: the shared ones, and its own private ones.  Raises NoSuchMailbox."""
        ...

    async def metadata_changes(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, since: ModSeq
    ) -> Sequence[str]:
        """Entries of those that were set or removed after ``since``, ascending; of long ago, removals may be
        missing."""
        ...

    async def set_metadata(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, values: Mapping[str, bytes | None]
    ) -> bool:
        """Set these, or remove them (None), as one change of the account; False when all were so already.  They
        follow their mailbox when it is renamed, and go with it.  Raises NoSuchMailbox, TooManyAnnotations."""
        ...

    # --- keywords -------------------------------------------------------------------------------------------
    async def keyword_bits(self, account: AccountId, names: Iterable[str], create: bool) -> Flags:
        """Bits of these keywords (case-insensitive).  Unknown ones are made, or left out when not ``create``.
        Raises TooManyKeywords."""
        ...

    def keyword_names(self, account: AccountId) -> dict[int, str]:
        """bit number → name, of an account whose view or mailbox list was loaded."""
        ...

    # --- the store itself -----------------------------------------------------------------------------------
    async def close(self) -> None:
        """Finish what was begun, bring everything to the disk, let go of the files."""
        ...
