"""Numbers that must not be mixed up.

One 48-bit counter per account gives every object id and every change number (ARCHITECTURE §2.1), so ids and
change numbers of one account never collide and are never used twice.
"""

from __future__ import annotations

from typing import Final, NewType

AccountId = NewType("AccountId", int)
"""An account, unique in the installation."""

MailboxId = NewType("MailboxId", int)
"""A mailbox, unique in its account for ever (IMAP MAILBOXID, JMAP Mailbox id)."""

MessageId = NewType("MessageId", int)
"""A stored message, unique in its account for ever.  Not the Message-ID header.

IMAP's EMAILID is the first one of a row of copies (``Column.ORIGIN``), RFC 8474 §5.1."""

ThreadId = NewType("ThreadId", int)
"""A conversation, unique in its account (IMAP THREADID)."""

Uid = NewType("Uid", int)
"""IMAP unique identifier: grows within one mailbox and UIDVALIDITY.  RFC 9051 §2.3.1.1."""

ModSeq = NewType("ModSeq", int)
"""Change number of an account; order of numbers = order in which changes became visible.  RFC 7162 §3.1."""

COUNTER_MAX: Final = (1 << 48) - 1
"""Largest value of an account's counter: MAPI's GLOBCNT has 48 bits, [MS-OXCDATA] 2.2.1.1."""

UID_MAX: Final = (1 << 32) - 1
"""Largest UID.  RFC 9051 §9, nz-number."""
