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
from courriel.model.ids import AccountId
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.rights import ALL, KEEP_SEEN, WRITING, Rights


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


def claims_recent(rights: Rights, owner: AccountId) -> bool:
    """Whether a client may take \\Recent from another's mailbox: a guest who looks in leaves it to the owner's
    clients, and a public mailbox has none."""
    return owner == PUBLIC_ACCOUNT and bool(rights & WRITING)


class Session:
    """Plain state; the transitions are methods so that they are in one place."""

    __slots__ = (
        "account",
        "bad_commands",
        "claims_recent",
        "condstore",
        "examined",
        "failed_logins",
        "keeps_seen",
        "owner",
        "qresync",
        "read_only",
        "rev2",
        "rights",
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
        self.rights: Rights = ALL  # to the selected mailbox
        self.owner: AccountId | None = None  # whose it is; None: the client's own
        self.examined = False
        self.keeps_seen = self.claims_recent = False
        self.saved: array[int] | None = None  # SEARCHRES: UIDs, RFC 9051 §6.4.4.1
        self.failed_logins = 0
        self.bad_commands = 0

    def logged_in(self, account: Account) -> None:
        self.account = account
        self.state = State.AUTHENTICATED
        self.failed_logins = 0
        self.bad_commands = 0

    def selected(self, examined: bool, rights: Rights = ALL, owner: AccountId | None = None) -> None:
        self.state = State.SELECTED
        self.examined = examined
        self.owner = owner
        self.saved = None
        if owner is None:  # all rights, at hand: a SELECT takes 17 µs
            self.rights = ALL
            self.read_only = examined
            self.keeps_seen = self.claims_recent = not examined
        else:
            self.granted(rights)

    def granted(self, rights: Rights) -> None:
        """What the client may do with the selected mailbox.  READ-ONLY by rights: RFC 4314 §5.2."""
        self.rights = rights
        self.read_only = self.examined or not rights & WRITING
        self.keeps_seen = not self.read_only and bool(rights & KEEP_SEEN)
        self.claims_recent = not self.examined and self.owner is not None and claims_recent(rights, self.owner)

    def deselected(self) -> None:
        self.state = State.AUTHENTICATED
        self.read_only = self.keeps_seen = self.claims_recent = False
        self.rights = ALL
        self.owner = None
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
