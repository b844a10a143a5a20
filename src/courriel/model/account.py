"""Who may have mail here: domains, accounts, addresses.  No password lives on these values."""

from __future__ import annotations

from enum import Enum

import msgspec

from courriel.model.ids import AccountId
from courriel.model.maildrop import PopView
from courriel.model.mailing_list import Call


class Domain(msgspec.Struct, frozen=True):
    """A domain we take mail for.  ``name`` is an A-label in lower case; ``catch_all`` gets what no one else does."""

    name: str
    catch_all: str | None = None


class Account(msgspec.Struct, frozen=True):
    """One person's (or role's) account.

    ``login`` is its primary address and login name.  ``addresses`` are all it may send as, the primary first.
    ``quota_octets`` 0 means unlimited.  ``send_as``: further addresses it may send as, by grace of the administrator.
    ``messages_per_hour`` and ``recipients_per_day`` are its own limits of sending, 0: those of everybody.
    ``held`` says why what it sends is kept back, "" when it is not.
    ``forward_to`` is a canonical address that gets its mail too, or instead where ``keep_copy`` is False; "" for none.
    ``pop_view`` says what its POP3 clients see.
    ``device`` names the device that this login is for (``model/device.py``): it has no mailboxes, and may only send.
    """

    id: AccountId
    login: str
    enabled: bool = True
    addresses: tuple[str, ...] = ()
    display_name: str = ""
    quota_octets: int = 0
    send_as: tuple[str, ...] = ()
    messages_per_hour: int = 0
    recipients_per_day: int = 0
    held: str = ""
    forward_to: str = ""
    keep_copy: bool = True
    pop_view: PopView = PopView.ALL
    device: str = ""


class TargetKind(Enum):
    """How an address came to its account."""

    PRIMARY = "primary"
    ALIAS = "alias"
    DETAIL = "detail"
    CATCH_ALL = "catch-all"
    LIST = "list"
    RETURN = "return"
    """A bounce to mail that was sent on: to its first sender (``formats/srs.py``)."""


class Target(msgspec.Struct, frozen=True):
    """Where mail for one local address goes.

    ``detail`` is the part behind the first ``+`` of the local part (RFC 5233 §4), None without one.
    An alias may lead to addresses elsewhere: those are in ``forward_to``; or to mailing lists here.
    """

    accounts: tuple[Account, ...]
    kind: TargetKind
    detail: str | None = None
    forward_to: tuple[str, ...] = ()
    lists: tuple[Call, ...] = ()
