"""A client's state: where it is in RFC 9051 §3's picture, what it enabled, what it may still do.  Pure.

NOT_AUTHENTICATED ──LOGIN, AUTHENTICATE──▶ AUTHENTICATED ──SELECT, EXAMINE──▶ SELECTED
                                                ▲────CLOSE, UNSELECT, failed SELECT────┘
any ──LOGOUT──▶ LOGOUT
"""

from __future__ import annotations

from array import array
from enum import Enum, IntFlag
from typing import Final

from courriel.model.account import Account


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


ANY: Final = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
NOT_AUTHENTICATED: Final = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED: Final = frozenset({State.SELECTED})


class Feature(IntFlag):
    """What a client switched on.  RFC 5161, RFC 7162 §3.1, RFC 9051 §6.3.1, RFC 6855 §3."""

    NONE = 0
    CONDSTORE = 1
    QRESYNC = 2
    UTF8 = 4
    REV2 = 8


class Session:
    """Plain state; the transitions are methods so that they are in one place."""

    __slots__ = ("account", "bad_commands", "failed_logins", "features", "read_only", "saved", "state")

    def __init__(self) -> None:
        self.state = State.NOT_AUTHENTICATED
        self.account: Account | None = None
        self.features = 0
        self.read_only = False
        self.saved: array[int] | None = None  # SEARCHRES: UIDs, RFC 9051 §6.4.4.1
        self.failed_logins = 0
        self.bad_commands = 0

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8.  RFC 9051 §5.1: for IMAP4rev2 as for UTF8=ACCEPT."""
        return bool(self.features & (Feature.UTF8 | Feature.REV2))

    @property
    def rev2(self) -> bool:
        return bool(self.features & Feature.REV2)

    @property
    def condstore(self) -> bool:
        return bool(self.features & Feature.CONDSTORE)

    @property
    def qresync(self) -> bool:
        return bool(self.features & Feature.QRESYNC)

    def logged_in(self, account: Account) -> None:
        self.account = account
        self.state = State.AUTHENTICATED
        self.failed_logins = 0
        self.bad_commands = 0

    def selected(self, read_only: bool) -> None:
        self.state = State.SELECTED
        self.read_only = read_only
        self.saved = None

    def deselected(self) -> None:
        self.state = State.AUTHENTICATED
        self.read_only = False
        self.saved = None

    def enable(self, feature: Feature) -> None:
        """QRESYNC brings CONDSTORE.  RFC 7162 §3.2.3."""
        self.features |= feature | (Feature.CONDSTORE if feature & Feature.QRESYNC else 0)

    def log_out(self) -> None:
        self.state = State.LOGOUT
