"""A client's state: where it is in RFC 9051 §3's picture, what it enabled, what it may still do.  Pure.

NOT_AUTHENTICATED ──LOGIN, AUTHENTICATE──▶ AUTHENTICATED ──SELECT, EXAMINE──▶ SELECTED
                                                ▲────CLOSE, UNSELECT, failed SELECT────┘
any ──LOGOUT──▶ LOGOUT
"""

from __future__ import annotations

from array import array
from enum import Enum
from typing import Final

from courriel.model.account import Account


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"

    __hash__ = (
        object.__hash__
    )  # each is there once; Enum's own is Python, 0.1 µs a look-up, and every command makes one


ANY: Final = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
NOT_AUTHENTICATED: Final = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED: Final = frozenset({State.SELECTED})


class Feature(Enum):
    """What a client can switch on.  RFC 5161, RFC 7162 §3.1, RFC 9051 §6.3.1, RFC 6855 §3, RFC 9586 §3."""

    CONDSTORE = "CONDSTORE"
    QRESYNC = "QRESYNC"
    UTF8 = "UTF8=ACCEPT"
    REV2 = "IMAP4rev2"
    UIDONLY = "UIDONLY"


class Session:
    """Plain state; the transitions are methods so that they are in one place."""

    __slots__ = (
        "account",
        "bad_commands",
        "condstore",
        "failed_logins",
        "qresync",
        "read_only",
        "rev2",
        "saved",
        "state",
        "uidonly",
        "utf8",
    )

    def __init__(self) -> None:
        self.state = State.NOT_AUTHENTICATED
        self.account: Account | None = None
        # Plain truth values: these are asked for with every row of a FETCH.
        self.condstore = False
        self.qresync = False
        self.rev2 = False
        self.utf8 = False  # mailbox names are UTF-8: RFC 9051 §5.1, for IMAP4rev2 as for UTF8=ACCEPT
        self.uidonly = False  # no sequence number is said or heard any more
        self.read_only = False
        self.saved: array[int] | None = None  # SEARCHRES: UIDs, RFC 9051 §6.4.4.1
        self.failed_logins = 0
        self.bad_commands = 0

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
        """QRESYNC brings CONDSTORE (RFC 7162 §3.2.3), IMAP4rev2 brings UTF-8."""
        match feature:
            case Feature.CONDSTORE:
                self.condstore = True
            case Feature.QRESYNC:
                self.condstore = self.qresync = True
            case Feature.UTF8:
                self.utf8 = True
            case Feature.REV2:
                self.rev2 = self.utf8 = True
            case Feature.UIDONLY:
                self.uidonly = True

    def log_out(self) -> None:
        self.state = State.LOGOUT
