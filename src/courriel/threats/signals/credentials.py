"""What is asked for: passwords and identities, cards, one-time codes, the reins of the computer.

How it is evaded: a bare link with an innocent word; the request stands on the page only. Good mail says "reset your
password" when you asked for it: it asks you to *ignore* the message otherwise, which no fraud does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.told import told, weight
from courriel.threats.view import View

PASSWORD: Final = Signal(
    name="content.asks-password",
    group=Group.CONTENT,
    seen=N_("You are asked to log in, or to confirm or update an account or your identity."),
    why=N_("That is how passwords are stolen: the page behind it looks real and keeps what you type."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.2, Kind.SPEAR_PHISHING: 0.5, Kind.SMISHING: 0.8},
    fact=False,
)
LURE: Final = Signal(
    name="content.login-lure",
    group=Group.CONTENT,
    seen=N_("It says that your account is in danger, asks you to confirm it, and gives a link for that."),
    why=N_("Fear, request and link together are the pattern of phishing."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.8},
    fact=False,
)
CARD: Final = Signal(
    name="content.asks-card",
    group=Group.CONTENT,
    seen=N_("You are asked for numbers of your card, account or identity."),
    why=N_("With these numbers others can pay and borrow in your name."),
    then=advice.NO_CODE,
    weights={Kind.PHISHING: 0.8, Kind.VISHING: 0.9, Kind.SCAM: 0.5, Kind.SMISHING: 0.5},
    fact=False,
)
CODE: Final = Signal(
    name="content.asks-code",
    group=Group.CONTENT,
    seen=N_("You are asked to tell a code that was sent to you."),
    why=N_("The code lets whoever hears it pay or log in in your place."),
    then=advice.NO_CODE,
    weights={Kind.VISHING: 1.8, Kind.PHISHING: 0.8, Kind.SMISHING: 1.0},
    fact=False,
)
REMOTE: Final = Signal(
    name="content.remote-access",
    group=Group.CONTENT,
    seen=N_("It is about control of your computer from afar, or claims that your computer is infected."),
    why=N_("False helpers use it to empty accounts while you look on."),
    then=advice.NO_CALL,
    weights={Kind.VISHING: 1.6, Kind.SCAM: 0.8},
    fact=False,
)


def asked(view: View) -> Iterable[Finding]:
    """Passwords, cards, codes, control.  "Ignore this message" takes most from a password request."""
    ignore = 0.4 if _may_be_ignored(view) else 1.0
    yield from told(view, PASSWORD, "password", strength=round(weight(view, "password") * ignore, 3))
    for theme, signal in (("card", CARD), ("code", CODE), ("remote-access", REMOTE)):
        yield from told(view, signal, theme)


def lure(view: View) -> Iterable[Finding]:
    """The three together, and a link that can be followed."""
    found = said(view.folded)
    if found.about("password", "document") and found.about("loss", "urgency") and view.links and found.about("click"):
        yield from told(view, LURE, "password", "loss", "click", strength=weight(view, "password", "loss", "click"))


def _may_be_ignored(view: View) -> bool:
    return any(words in view.folded for words in _IGNORE)


_IGNORE: Final = (
    "ignore this",
    "disregard this",
    "ignorez ce",
    "ignorer ce",
    "ne tenez pas compte",
    "ignorieren sie diese",
    "ignore este",
    "ignora este",
)

SIGNALS: Final[tuple[Signal, ...]] = (PASSWORD, LURE, CARD, CODE, REMOTE)
LOOKS: Final[tuple[Look, ...]] = (asked, lure)
