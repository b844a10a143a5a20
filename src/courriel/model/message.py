"""A message on its way into a mailbox, and what comes back when it is there."""

from __future__ import annotations

import msgspec

from courriel.formats.message.summary import Summary
from courriel.model.flags import Flags
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq, ThreadId, Uid

__all__ = ["Expunged", "NewMessage", "Record", "Stored", "Summary"]


class NewMessage(msgspec.Struct, frozen=True):
    """One message for one mailbox.

    The stored octets are ``prefix + body``: the prefix holds the trace fields of this recipient only, so that
    one body serves all recipients of a message.  ``received_at`` is INTERNALDATE in POSIX seconds.
    ``keywords`` are names that become bits in the account; ``flags`` are system bits.  ``copy_of`` is the message of
    the same account that this one is a copy of.
    """

    account: AccountId
    mailbox: MailboxId
    body: bytes
    summary: Summary
    received_at: float
    prefix: bytes = b""
    flags: Flags = 0
    keywords: tuple[str, ...] = ()
    copy_of: MessageId | None = None


class Stored(msgspec.Struct, frozen=True):
    """Where a new message went: durable and visible."""

    account: AccountId
    mailbox: MailboxId
    uid: Uid
    id: MessageId
    modseq: ModSeq
    uidvalidity: int


class Record(msgspec.Struct, frozen=True):
    """What the store knows of one message without touching its octets.  ``size_octets`` is RFC822.SIZE."""

    uid: Uid
    id: MessageId
    thread: ThreadId
    size_octets: int
    prefix_octets: int
    received_at: float
    sent_at: float | None
    parts: bytes
    preview: str


class Expunged(msgspec.Struct, frozen=True):
    """A message that is gone for clients and can still be restored until ``forget_at`` (POSIX seconds)."""

    id: MessageId
    mailbox: MailboxId
    path: str
    uid: Uid
    size_octets: int
    received_at: float
    expunged_at: float
    forget_at: float
    envelope: bytes
