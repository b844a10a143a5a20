"""Mailing lists: what one is, who is on it, and the addresses beside its own.  RFC 2142 §6, RFC 2369.  Pure.

dev@example.org                the list: posts
dev-owner@                     people who look after it
dev-request@                   help
dev-subscribe@                 asks to join; confirmed by mail
dev-unsubscribe@               asks to leave; confirmed by mail
dev-unsubscribe+KEY@           leaves: KEY is the member's own
dev-confirm+VERDICT-ID-SEAL@   answers a question the list has asked
dev-bounces+KEY@               reverse-path of a post to that member
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.directory_refusals import DirectoryRefusal

LOCAL_OCTETS: Final = 32
"""``list.local_octets``: of the list's own local part; the longest further word, ``+`` and a key make it 64."""

BOUNCES: Final = 3
"""``list.bounces``: days with hard bounces after which a member is suspended, unless the list says otherwise."""

BOUNCE_DAYS: Final = 14
"""``list.bounce_days``: within so many days.  A wrong filter of one day is not held against anyone."""


class ListExists(DirectoryRefusal):
    """There is a list of that address already."""


class NoSuchList(DirectoryRefusal):
    """There is no list of that address."""


class NoSuchMember(DirectoryRefusal):
    """The list has no such member."""


class NotAsked(DirectoryRefusal):
    """Nothing of that number waits for an answer: it was answered, or is too old."""


class ListInList(DirectoryRefusal):
    """A list cannot be a member of a list."""


class Posting(Enum):
    """Who may post without being asked about."""

    ANYONE = "anyone"
    MEMBERS = "members"
    MODERATORS = "moderators"
    DOMAIN = "domain"
    """People of the list's domain, logged in here."""


class Joining(Enum):
    """How people join."""

    CONFIRM = "confirm"
    """By a mail to dev-subscribe@, confirmed."""
    CLOSED = "closed"
    """Only by command."""


class MailingList(msgspec.Struct, frozen=True):
    """``address``, ``owners`` and ``moderators`` are canonical addresses; ``archive`` is a URL or ""."""

    address: str
    name: str = ""
    owners: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    posting: Posting = Posting.MEMBERS
    joining: Joining = Joining.CONFIRM
    subject_prefix: str = ""
    """Put before subjects; breaks the author's DKIM signature, so "" unless somebody insists."""
    archive: str = ""
    verp: bool = True
    """A reverse-path for each member, so that every bounce says whose it is."""
    own_copy: bool = True
    """Authors get their own posts."""
    bounces: int = BOUNCES

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def id(self) -> str:
        """The identifier of List-Id.  RFC 2919 §2."""
        return f"{self.local}.{self.domain}"

    def beside(self, role: Role, detail: str = "") -> str:
        """The address of a role, with what stands behind ``+``."""
        word = f"-{role.value}" if role.value else ""
        return f"{self.local}{word}{'+' if detail else ''}{detail}@{self.domain}"


class Role(Enum):
    """What an address beside a list's is for; the value is its word."""

    POST = ""
    OWNER = "owner"
    REQUEST = "request"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    CONFIRM = "confirm"
    BOUNCES = "bounces"


class Call(msgspec.Struct, frozen=True):
    """Mail for a list in one of its roles; ``detail`` is what stands behind ``+``."""

    list: MailingList
    role: Role
    detail: str = ""


class Member(msgspec.Struct, frozen=True):
    """One address on a list.  ``id`` is never used twice; a suspended one gets nothing."""

    id: int
    list: str
    address: str
    joined_at: float
    suspended: bool = False


def bounce_key(member: int) -> str:
    """Under what a member's bounces are noted (``ports/lists.py``)."""
    return f"member {member}"


class Question(Enum):
    """What a list waits for an answer to."""

    JOIN = "join"
    LEAVE = "leave"
    POST = "post"


class Asked(msgspec.Struct, frozen=True):
    """A question that waits.  ``address`` is whom it is about; a post is kept with its reverse-path and BODY."""

    id: int
    list: str
    question: Question
    address: str
    at: float
    content: bytes = b""
    reverse_path: str = ""
    body: str = "7BIT"
    smtputf8: bool = False


def check(wanted: MailingList) -> MailingList:
    """The same, if it can be kept.  Raises FormatError, LimitExceeded."""
    if len(wanted.local.encode("utf-8")) > LOCAL_OCTETS:
        raise LimitExceeded("list address", LOCAL_OCTETS, "list.local_octets")
    if "+" in wanted.local:
        raise FormatError("list address", 0, "no + before the @: it is for the keys of members")
    if not wanted.owners:
        raise FormatError("list", -1, "one owner at least")
    for text in (wanted.name, wanted.subject_prefix, wanted.archive):
        if not text.isprintable():
            raise FormatError("list", -1, "one line, without control characters")
    if wanted.archive and (not wanted.archive.isascii() or set(wanted.archive) & set("<> ,")):
        raise FormatError("archive", 0, "a URL")
    return wanted
