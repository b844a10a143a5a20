"""Who may do what with a mailbox: access rights, and lists of them.  RFC 4314 §2, §4.

The one table of which operation needs which right is here; every protocol asks it.  Pure: whose rights count, and
where lists are kept, is ``mailboxes/access.py``'s and the store's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from courriel.base.errors import FormatError
from courriel.model.flags import DELETED, SEEN, Flags

Rights: TypeAlias = int
"""A set of rights, one bit each."""

LOOKUP: Final = 1 << 0
READ: Final = 1 << 1
KEEP_SEEN: Final = 1 << 2
WRITE: Final = 1 << 3
INSERT: Final = 1 << 4
POST: Final = 1 << 5
CREATE: Final = 1 << 6
DELETE: Final = 1 << 7
DELETE_MESSAGES: Final = 1 << 8
EXPUNGE: Final = 1 << 9
ADMINISTER: Final = 1 << 10

LETTERS: Final[dict[str, Rights]] = {
    "l": LOOKUP,
    "r": READ,
    "s": KEEP_SEEN,
    "w": WRITE,
    "i": INSERT,
    "p": POST,
    "k": CREATE,
    "x": DELETE,
    "t": DELETE_MESSAGES,
    "e": EXPUNGE,
    "a": ADMINISTER,
}
"""RFC 4314 §2.1, in the order in which they are written."""

VIRTUAL: Final[dict[str, Rights]] = {"c": CREATE | DELETE, "d": DELETE_MESSAGES | EXPUNGE}
"""RFC 4314 §2.1.1: what clients of RFC 2086 call several rights at once."""

ALL: Final[Rights] = (1 << len(LETTERS)) - 1

NEW_LETTERS: Final = "kxte"
"""Those that RFC 2086 had not; RIGHTS= announces them (RFC 4314 §2.2)."""

Acl: TypeAlias = Mapping[str, Rights]
"""Identifier → rights.  One that begins with ``-`` takes away.  A list is never changed, but replaced."""

NOBODY: Final[Acl] = MappingProxyType({})
"""The list of a mailbox that is shared with nobody."""

ANYONE: Final = "anyone"
AUTHENTICATED: Final = "authenticated"
"""The same as ``anyone`` here, where nobody comes in without a name."""

ACL_ENTRIES: Final = 500
"""Most entries in one list (ours): a list is read with its account, and more people are a domain or ``anyone``."""

IDENTIFIER_CHARACTERS: Final = 320
"""Longest identifier: a login name, 64 + "@" + 255 (RFC 5321 §4.5.3.1), a dash in front comes on top."""


class Operation(Enum):
    """What is done with a mailbox, as RFC 4314 §4 divides it."""

    LIST = "list"
    SUBSCRIBE = "subscribe"
    CREATE_BELOW = "create below"
    DELETE = "delete"
    RENAME = "rename"
    OPEN = "open"
    STATUS = "status"
    ADMINISTER = "administer"
    SEE_RIGHTS = "see own rights"
    INSERT = "insert"
    EXPUNGE = "expunge"
    MOVE_OUT = "move out"
    SEE_METADATA = "see annotations, set one's own"
    SET_METADATA = "set annotations for all"

    __hash__ = object.__hash__


NEEDED: Final[dict[Operation, Rights]] = {
    Operation.LIST: LOOKUP,
    Operation.SUBSCRIBE: LOOKUP,
    Operation.CREATE_BELOW: CREATE,  # on the nearest parent that exists; also of RENAME's new name
    Operation.DELETE: DELETE,
    Operation.RENAME: DELETE,
    Operation.OPEN: READ,
    Operation.STATUS: READ,
    Operation.ADMINISTER: ADMINISTER,
    Operation.INSERT: INSERT,
    Operation.EXPUNGE: EXPUNGE,
    Operation.SEE_METADATA: LOOKUP | READ,  # RFC 5464 §3.3
    Operation.SET_METADATA: LOOKUP | WRITE,
    Operation.MOVE_OUT: DELETE_MESSAGES | EXPUNGE,  # RFC 6851 §4.2: what STORE \Deleted and EXPUNGE need
}
"""All of these are needed."""

ENOUGH: Final[dict[Operation, Rights]] = {
    Operation.SEE_RIGHTS: LOOKUP | READ | INSERT | CREATE | DELETE | ADMINISTER,
}
"""One of these is enough."""

WRITING: Final[Rights] = INSERT | EXPUNGE | KEEP_SEEN | WRITE | DELETE_MESSAGES
"""Without any of these a mailbox is read-only.  RFC 4314 §5.2; all flags are shared here, \\Seen too."""

_FLAG_RIGHTS: Final = ((KEEP_SEEN, SEEN), (DELETE_MESSAGES, DELETED))
_OTHER_FLAGS: Final[Flags] = ~(SEEN | DELETED)


def allows(rights: Rights, operation: Operation) -> bool:
    """Whether somebody with these rights may do it."""
    needed = NEEDED.get(operation)
    return rights & needed == needed if needed is not None else bool(rights & ENOUGH[operation])


def changeable(rights: Rights) -> Flags:
    """The flags and keywords that may be set and cleared.  RFC 4314 §4, STORE and COPY."""
    flags = _OTHER_FLAGS if rights & WRITE else 0
    for right, flag in _FLAG_RIGHTS:
        if rights & right:
            flags |= flag
    return flags


class RightsChange(msgspec.Struct, frozen=True):
    """What becomes of one entry: the rights in ``keep`` stay if they were there, those in ``add`` come."""

    keep: Rights
    add: Rights

    def apply(self, before: Rights) -> Rights:
        return before & self.keep | self.add


TAKE_ALL: Final = RightsChange(0, 0)
"""The entry goes."""


def parse(text: str) -> Rights:
    """Letters as rights.  Raises FormatError for one that is none (RFC 4314 §3.1: never passed over)."""
    rights = 0
    for at, letter in enumerate(text):
        right = LETTERS.get(letter) or VIRTUAL.get(letter)
        if right is None:
            raise FormatError("access rights", at, "RFC 4314 §2.1: unknown right")
        rights |= right
    return rights


def parse_change(text: str) -> RightsChange:
    """``+letters`` to add, ``-letters`` to remove, letters alone to replace.  RFC 4314 §3.1.  Raises FormatError."""
    if text.startswith("+"):
        return RightsChange(ALL, parse(text[1:]))
    if text.startswith("-"):
        return RightsChange(ALL & ~parse(text[1:]), 0)
    return RightsChange(0, parse(text))


def letters(rights: Rights) -> str:
    """The standard rights, as they are kept."""
    return "".join([letter for letter, right in LETTERS.items() if rights & right])


def render(rights: Rights) -> str:
    """The same with the virtual rights of which a member is there.  RFC 4314 §2.1.1."""
    return letters(rights) + "".join([letter for letter, members in VIRTUAL.items() if rights & members])


def names_of(login: str) -> tuple[str, ...]:
    """The identifiers that mean the account of this address: everybody's, its domain's, its own."""
    return ANYONE, AUTHENTICATED, "@" + login.rpartition("@")[2], login


def means_many(identifier: str) -> bool:
    """Whether it means more than one account; a dash in front changes nothing in that."""
    name = identifier.removeprefix("-").lower()
    return name in (ANYONE, AUTHENTICATED) or name.startswith("@")


def effective(acl: Acl, names: Iterable[str]) -> Rights:
    """What the list gives to somebody of these identifiers: all that any gives, less all that any takes away.

    RFC 4314 §2 leaves the way of combining to the server.
    """
    if not acl:
        return 0
    given = taken = 0
    for name in names:
        given |= acl.get(name, 0)
        taken |= acl.get("-" + name, 0)
    return given & ~taken


def changed(acl: Acl, identifier: str, change: RightsChange) -> Acl:
    """The list after one change; an entry without rights says nothing, and goes."""
    after = dict(acl)
    rights = change.apply(after.pop(identifier, 0))
    if rights:
        after[identifier] = rights
    return after if after else NOBODY
