"""How people name each other's mailboxes.  RFC 2342: personal "", other users' ``Other Users/``, public ``Public/``.

Whoever lives in the same domain is called by his local part, all others by their address, so that a name means one
mailbox for ever, whatever domains and people are added later.  Pure.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from courriel.model.ids import AccountId
from courriel.model.mailbox import SEPARATOR

OTHERS: Final = "Other Users"
PUBLIC: Final = "Public"

PUBLIC_ACCOUNT: Final = AccountId(0)
"""Whose the public mailboxes are: nobody's, so nobody logs in to it, gets mail or has a quota there."""

_UNSAFE: Final = re.compile("[/%*=]")
_ESCAPED: Final = re.compile("=([0-9A-F]{2})")


class Elsewhere(msgspec.Struct, frozen=True):
    """A name outside the personal namespace: whose (a login name; "": public), and the path there ("": none)."""

    login: str
    path: str


def root(path: str) -> str:
    """The first level of a name."""
    return path.partition(SEPARATOR)[0]


def is_elsewhere(path: str) -> bool:
    """Whether a name lies in the namespace of others or of the public, or is such a namespace itself.

    An account that has had a mailbox of that name keeps it: its own names come first.
    """
    return root(path) in (OTHERS, PUBLIC)


def label(owner: str, viewer: str) -> str:
    """What the viewer calls the owner; both are login names.

    RFC 5322 atoms may hold what a level of a path may not: that becomes ``=`` and two hexadecimal digits.
    """
    local, _, domain = owner.rpartition("@")
    called = local if domain == viewer.rpartition("@")[2] else owner
    return _UNSAFE.sub(lambda match: f"={ord(match[0]):02X}", called)


def name(owner: str | None, viewer: str, path: str) -> str:
    """What the viewer calls a mailbox of the owner (None: the public)."""
    if owner is None:
        return SEPARATOR.join((PUBLIC, path))
    return SEPARATOR.join((OTHERS, label(owner, viewer), path))


def read(path: str, viewer: str) -> Elsewhere | None:
    """The opposite of ``name``; None where the name is no mailbox of others."""
    root, _, rest = path.partition(SEPARATOR)
    if root == PUBLIC:
        return Elsewhere("", rest)
    called, _, rest = rest.partition(SEPARATOR)
    if root != OTHERS or not called:
        return None
    login = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), called)
    if "@" not in login:
        login += "@" + viewer.rpartition("@")[2]
    return Elsewhere(login, rest) if label(login, viewer) == called else None
