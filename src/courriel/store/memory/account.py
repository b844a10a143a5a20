"""One account in memory: its counter, mailboxes, messages, names, threads and journal.  STORAGE §3.

Plain state and the small steps on it.  Which steps make up a call, and in what order they are checked, is
store.py's business; nothing here can refuse once it has begun to change something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from courriel.model.changes import JournalEntry
from courriel.model.flags import DELETED, FIRST_KEYWORD_BIT, KEYWORDS_PER_ACCOUNT, SEEN, Flags
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq, ThreadId, Uid
from courriel.model.mailbox import Mailbox, Role
from courriel.model.message import Expunged, NewMessage, Record, Summary
from courriel.model.quota import Quota
from courriel.model.refusals import NoSuchMailbox, OverQuota, TooManyKeywords
from courriel.store.memory.view import MemoryView, wake_all


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message, whichever mailbox it is in.  ``received_at`` and the rest never change."""

    id: MessageId
    thread: ThreadId
    prefix: bytes
    body: bytes
    summary: Summary
    received_at: float
    origin: MessageId

    @property
    def size_octets(self) -> int:
        return len(self.prefix) + len(self.body)

    def record(self, uid: int) -> Record:
        summary = self.summary
        return Record(
            uid=Uid(uid),
            id=self.id,
            thread=self.thread,
            size_octets=self.size_octets,
            prefix_octets=len(self.prefix),
            received_at=self.received_at,
            sent_at=summary.sent_at,
            parts=summary.parts,
            preview=summary.preview,
        )


@dataclass(slots=True)
class Box:
    """One mailbox: its place, its view, its messages by UID, and the numbers at which UIDs vanished."""

    id: MailboxId
    path: str
    role: Role | None
    view: MemoryView
    messages: dict[int, Message] = field(default_factory=dict)
    saved: dict[int, int] = field(default_factory=dict)
    vanished: list[tuple[ModSeq, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An expunged message that can be brought back."""

    message: Message
    mailbox: MailboxId
    path: str
    uid: Uid
    flags: Flags
    expunged_at: float
    forget_at: float

    def public(self) -> Expunged:
        return Expunged(
            id=self.message.id,
            mailbox=self.mailbox,
            path=self.path,
            uid=self.uid,
            size_octets=self.message.size_octets,
            received_at=self.message.received_at,
            expunged_at=self.expunged_at,
            forget_at=self.forget_at,
            envelope=self.message.summary.envelope,
        )


class MemoryAccount:
    """The state of one account."""

    def __init__(self, account: AccountId, first_uidvalidity: int, limit_octets: int) -> None:
        self.id = account
        self.boxes: dict[MailboxId, Box] = {}
        self.subscriptions: set[str] = set()
        self.tombstones: dict[MessageId, Tombstone] = {}
        self.keywords: dict[int, str] = {}
        self.annotations: dict[tuple[MailboxId | None, AccountId | None, str], tuple[ModSeq, bytes | None]] = {}
        """By mailbox (None: the account), viewer (None: everybody) and entry; None: it was taken away."""
        self.journal: list[JournalEntry] = []
        self.watchers: list[Callable[[], None]] = []
        self.limit_octets = limit_octets
        self.limit_messages = 0
        self._counter = 0
        self._next_uidvalidity = first_uidvalidity
        self._threads: dict[bytes, ThreadId] = {}

    # --- numbers ----------------------------------------------------------------------------------------------
    def take_number(self) -> int:
        """The next number of the one counter; an object id or a change number.  ARCHITECTURE §2.1."""
        self._counter += 1
        return self._counter

    def take_modseq(self) -> ModSeq:
        return ModSeq(self.take_number())

    @property
    def modseq(self) -> ModSeq:
        return ModSeq(self._counter)

    def commit(self, modseq: ModSeq, kinds: tuple[str, ...], mailboxes: Iterable[MailboxId]) -> None:
        """Close one change: the journal has it, watchers hear of it."""
        self.journal.append(JournalEntry(modseq, kinds, tuple(dict.fromkeys(mailboxes))))
        wake_all(self.watchers)

    # --- mailboxes --------------------------------------------------------------------------------------------
    def box(self, mailbox: MailboxId) -> Box:
        box = self.boxes.get(mailbox)
        if box is None:
            raise NoSuchMailbox(f"mailbox {mailbox}")
        return box

    def find(self, path: str) -> Box | None:
        return next((box for box in self.boxes.values() if box.path == path), None)

    def named(self, path: str) -> Box:
        box = self.find(path)
        if box is None:
            raise NoSuchMailbox(path)
        return box

    def below(self, path: str) -> list[Box]:
        return [box for box in self.boxes.values() if box.path.startswith(path + "/")]

    def make_box(self, path: str, role: Role | None) -> Box:
        mailbox, modseq = MailboxId(self.take_number()), self.take_modseq()
        view = MemoryView(self.id, mailbox, role, self._next_uidvalidity, modseq)
        self._next_uidvalidity += 1
        box = self.boxes[mailbox] = Box(mailbox, path, role, view)
        return box

    def mailbox(self, box: Box) -> Mailbox:
        view = box.view
        return Mailbox(
            id=box.id,
            path=box.path,
            role=box.role,
            uidvalidity=view.uidvalidity,
            uidnext=view.uidnext,
            modseq=view.modseq,
            total=len(view.uids),
            unseen=sum(1 for flags in view.flags if not flags & SEEN),
            deleted=sum(1 for flags in view.flags if flags & DELETED),
            size_octets=sum(message.size_octets for message in box.messages.values()),
            subscribed=box.path in self.subscriptions,
            acl=view.acl,
        )

    # --- quota ------------------------------------------------------------------------------------------------
    def quota(self) -> Quota:
        messages = [message for box in self.boxes.values() for message in box.messages.values()]
        used_octets = sum(message.size_octets for message in messages)
        return Quota(used_octets, len(messages), self.limit_octets, self.limit_messages)

    def check_room(self, sizes: Sequence[int], freed: int = 0) -> None:
        """``freed``: octets of a message that goes when these come."""
        if not sizes or not (self.limit_octets or self.limit_messages):
            return
        if not self.quota().has_room(sum(sizes) - freed, len(sizes) - bool(freed)):
            raise OverQuota(f"account {self.id}")

    # --- keywords ---------------------------------------------------------------------------------------------
    def known_keywords(self, names: Iterable[str]) -> tuple[Flags, list[str]]:
        """Bits of the known ones, and the unknown ones, each once."""
        bits = {name.lower(): bit for bit, name in self.keywords.items()}
        flags, unknown = 0, dict[str, str]()
        for name in names:
            bit = bits.get(name.lower())
            if bit is None:
                unknown.setdefault(name.lower(), name)
            else:
                flags |= 1 << bit
        return flags, list(unknown.values())

    def check_keywords(self, names: Iterable[str]) -> None:
        if len(self.keywords) + len(self.known_keywords(names)[1]) > KEYWORDS_PER_ACCOUNT:
            raise TooManyKeywords(f"more than {KEYWORDS_PER_ACCOUNT} keywords")

    def keyword_flags(self, names: Iterable[str]) -> Flags:
        """Bits of these, making those that are new."""
        flags, unknown = self.known_keywords(names)
        for name in unknown:
            bit = FIRST_KEYWORD_BIT + len(self.keywords)
            self.keywords[bit] = name
            flags |= 1 << bit
        return flags

    # --- messages ---------------------------------------------------------------------------------------------
    def make_message(self, new: NewMessage) -> Message:
        number = MessageId(self.take_number())
        thread = self._thread(new.summary)
        origin = number if new.copy_of is None else self.origin(new.copy_of)
        return Message(number, thread, new.prefix, new.body, new.summary, new.received_at, origin)

    def origin(self, message: MessageId) -> MessageId:
        """What a message is a copy of, itself when it is none."""
        buried = [tombstone.message for tombstone in self.tombstones.values()]
        stored = (one for box in self.boxes.values() for one in box.messages.values())
        return next((one.origin for one in chain(buried, stored) if one.id == message), message)

    def file(self, box: Box, messages: Sequence[tuple[Message, Flags]], now: float) -> list[tuple[Uid, ModSeq]]:
        """Put messages at the end of a mailbox, each with a change number of its own."""
        if not messages:
            return []
        numbers = [self.take_modseq() for _ in messages]
        flags = [message_flags for _, message_flags in messages]
        uids = box.view.arrive([message.id for message, _ in messages], flags, numbers)
        box.messages.update((uid, message) for uid, (message, _) in zip(uids, messages, strict=True))
        box.saved.update((uid, int(now)) for uid in uids)
        return list(zip(uids, numbers, strict=True))

    def take_out(self, box: Box, uids: Sequence[int]) -> ModSeq:
        """Remove messages that exist; each takes a number.  At least one.  Returns the highest number."""
        modseq = box.view.modseq
        for uid in uids:
            modseq = self.take_modseq()
            box.vanished.append((modseq, uid))
            del box.messages[uid]
            del box.saved[uid]
        box.view.remove(uids, modseq)
        return modseq

    def bury(self, box: Box, uids: Sequence[int], now: float, retention_s: float) -> None:
        """Keep what is about to be taken out, so that it can be restored."""
        for uid in uids:
            message, flags = box.messages[uid], box.view.flags[box.view.index(uid)]
            self.tombstones[message.id] = Tombstone(
                message, box.id, box.path, Uid(uid), flags, expunged_at=now, forget_at=now + retention_s
            )

    def forget(self, now: float) -> None:
        """Let go of what can no longer be restored."""
        for number in [number for number, tombstone in self.tombstones.items() if tombstone.forget_at <= now]:
            del self.tombstones[number]

    def _thread(self, summary: Summary) -> ThreadId:
        """The conversation of a message: that of the nearest relative we know, else a new one.

        Relatives are the References, last (the parent) first, then a twin with the same Message-ID.
        """
        own = [summary.message_id] if summary.message_id else []
        keys = [*reversed(summary.references), *own]
        known = next((self._threads[key] for key in keys if key in self._threads), None)
        thread = ThreadId(self.take_number()) if known is None else known
        for key in keys:
            self._threads.setdefault(key, thread)
        return thread
