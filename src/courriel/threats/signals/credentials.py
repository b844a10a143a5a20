"""What is asked for: passwords and identities, cards, one-time codes, the reins of the computer.

How it is evaded: a bare link with an innocent word; the request stands on the page only. Good mail says "reset your
password" when you asked for it: it asks you to *ignore* the message otherwise, which no fraud does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Finding, Group, Kind
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
    weights={Kind.PHISHING: 1.2, Kind.SPEAR_PHISHING: 1.0, Kind.SMISHING: 0.8},
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
CANCEL: Final = Signal(
    name="content.cancel-lure",
    group=Group.CONTENT,
    seen=N_("It confirms an order or a payment, and a click is to cancel it."),
    why=N_("The shock about an order you never made leads you to a page that asks for your card “to refund it”."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.6},
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


def cancel(view: View) -> Iterable[Finding]:
    """An order or a payment that a click undoes.  Shops link to themselves; who has no link home is no shop."""
    found = said(view.folded)
    told_of = found.phrases("purchase")
    undone = any(not _UNDO.isdisjoint(phrase.split()) for phrase in told_of)
    own = {person.organisation for person in view.authors if person.organisation}
    home = any(link.organisation in own for link in view.links)
    if undone and len(told_of) >= 2 and found.about("click") and not home and view.channel is Channel.MAIL:
        yield from told(view, CANCEL, "purchase", strength=weight(view, "purchase"))


def _may_be_ignored(view: View) -> bool:
    return any(words in view.folded for words in _IGNORE)


_UNDO: Final = frozenset(
    {"annuler", "annulation", "rembourser", "contester", "cancel", "dispute", "refund", "stop", "reverse"}
)
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

SIGNALS: Final[tuple[Signal, ...]] = (PASSWORD, LURE, CANCEL, CARD, CODE, REMOTE)
LOOKS: Final[tuple[Look, ...]] = (asked, lure, cancel)
