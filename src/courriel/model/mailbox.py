"""A mailbox as the rest of the system sees it: its names, its role, its counters.  RFC 9051 §2.3, RFC 6154 §2."""

from __future__ import annotations

import unicodedata
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.model.ids import MailboxId, ModSeq, Uid
from courriel.model.rights import NOBODY, Acl

SEPARATOR: Final = "/"
"""Hierarchy separator of every mailbox path."""

PATH_OCTETS: Final = 1000
"""Longest mailbox path in UTF-8 octets; below IMAP's usual 1,024-octet line habits, above every client's need."""

DEPTH: Final = 30
"""Most levels in a path."""


class Role(Enum):
    """What a special mailbox is for.  RFC 6154 §2; INBOX has no attribute there, JMAP calls it "inbox"."""

    INBOX = "inbox"
    DRAFTS = "drafts"
    SENT = "sent"
    JUNK = "junk"
    TRASH = "trash"
    ARCHIVE = "archive"


SPECIAL_MAILBOXES: Final[tuple[tuple[str, Role], ...]] = (
    ("INBOX", Role.INBOX),
    ("Drafts", Role.DRAFTS),
    ("Sent", Role.SENT),
    ("Junk", Role.JUNK),
    ("Trash", Role.TRASH),
    ("Archive", Role.ARCHIVE),
)
"""Made with each account."""


class Mailbox(msgspec.Struct, frozen=True):
    """One mailbox: identity, place, and counters as of ``modseq``.

    ``size_octets`` is the sum of RFC822.SIZE.  ``uidnext`` is the next UID that will be given.
    ``modseq`` is the highest change number of any message in it (HIGHESTMODSEQ).
    ``acl`` says who else may do what with it; the account it is in may do everything.
    """

    id: MailboxId
    path: str
    role: Role | None
    uidvalidity: int
    uidnext: Uid
    modseq: ModSeq
    total: int
    unseen: int
    deleted: int
    size_octets: int
    subscribed: bool
    acl: Acl = NOBODY


def canonical_path(path: str) -> str:
    """The one spelling of a mailbox path: NFC, ``INBOX`` (any case) as first level in capitals.

    RFC 9051 §5.1: INBOX is case-insensitive; NFC so that twins in different normal forms are one mailbox
    (AUTH attack row 30).  Raises FormatError for empty levels, ``.``/``..``, control characters, wildcards'
    ambiguity (``%`` and ``*``), more than DEPTH levels or PATH_OCTETS octets.
    """
    path = unicodedata.normalize("NFC", path)
    levels = path.split(SEPARATOR)
    if len(path.encode("utf-8", "surrogatepass")) > PATH_OCTETS:
        raise FormatError("mailbox name", -1, f"longer than {PATH_OCTETS} octets")
    if len(levels) > DEPTH:
        raise FormatError("mailbox name", -1, f"more than {DEPTH} levels")
    for level in levels:
        if level in ("", ".", ".."):
            raise FormatError("mailbox name", -1, "a level is empty or made of dots")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in "%*" for char in path):
        raise FormatError("mailbox name", -1, "control character, surrogate or wildcard")
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    return SEPARATOR.join(levels)


def parent_path(path: str) -> str | None:
    """The path one level up, None at the top."""
    head, sep, _ = path.rpartition(SEPARATOR)
    return head if sep else None
