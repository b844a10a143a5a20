"""What somebody who plays a superior, a colleague or a supplier wants: a transfer, the salary's new account, data.

Such messages have no link and no file; only what they ask for betrays them, and who asks (identity.py, history.py).
How it is evaded: over several messages, the first being harmless ("are you at your desk?"), which is a signal itself.
Good mail asks for transfers too: within a house, from known addresses, through its tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.told import each, told, weight
from courriel.threats.view import View

SHORT: Final = 250
"""Words of a message that is short: these attacks are."""

TRANSFER: Final = Signal(
    name="content.request-transfer",
    group=Group.CONTENT,
    seen=N_("You are asked to make a transfer or to prepare one."),
    why=N_("False superiors and suppliers ask for transfers by mail, because nobody hears their voice."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.6, Kind.SPEAR_PHISHING: 0.4, Kind.SCAM: 0.4},
    fact=False,
)
PAYROLL: Final = Signal(
    name="content.request-payroll",
    group=Group.CONTENT,
    seen=N_("You are asked to pay a salary to another account."),
    why=N_("The salary of a colleague is stolen in this way."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.9, Kind.SPEAR_PHISHING: 0.8},
    fact=False,
)
DATA: Final = Signal(
    name="content.request-data",
    group=Group.CONTENT,
    seen=N_("You are asked for lists or papers of people: salaries, identities, customers."),
    why=N_("With these the next fraud is made, in the names of those people."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.7, Kind.SPEAR_PHISHING: 0.8, Kind.PHISHING: 0.3},
    fact=False,
)
OPENING: Final = Signal(
    name="content.are-you-there",
    group=Group.CONTENT,
    seen=N_("The message only asks whether you are there or can do a favour."),
    why=N_("That is how frauds in the name of a superior begin; the request for money follows."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.3, Kind.SCAM: 0.4},
    fact=False,
)
UNREACHABLE: Final = Signal(
    name="content.unreachable",
    group=Group.CONTENT,
    seen=N_("The sender says not to be reachable by telephone."),
    why=N_("It keeps you from asking back by voice."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.0, Kind.SCAM: 0.3, Kind.SMISHING: 0.3},
    fact=False,
)
ORDER: Final = Signal(
    name="content.secret-order",
    group=Group.CONTENT,
    seen=N_("Money or data are asked for, in haste or in secret, and no question is wanted."),
    why=N_("Request, haste and silence together are the pattern of the false superior."),
    then=advice.ASK,
    weights={Kind.WHALING: 2.0},
    fact=False,
)
_REQUESTS: Final = {"transfer": TRANSFER, "payroll": PAYROLL, "data-request": DATA}


def requests(view: View) -> Iterable[Finding]:
    """What is asked for."""
    if view.channel is Channel.MAIL:
        yield from each(view, _REQUESTS)


def opening(view: View) -> Iterable[Finding]:
    """A short message that asks whether you are there, or that nobody can be called."""
    if view.channel is Channel.MAIL and len(said(view.folded).words) <= SHORT:
        yield from told(view, OPENING, "available")
        yield from told(view, UNREACHABLE, "unreachable")


def order(view: View) -> Iterable[Finding]:
    """A request with haste, secrecy or silence."""
    found = said(view.folded)
    asks = found.about("transfer", "payroll", "data-request", "bank-change", "gift-card")
    hurries = sum(found.about(theme) for theme in ("urgency", "secrecy", "unreachable", "available"))
    if view.channel is Channel.MAIL and asks and hurries and len(found.words) <= SHORT:
        strength = min(1.0, 0.35 + 0.25 * hurries) * weight(view, "transfer", "payroll", "data-request", "bank-change")
        themes = (
            "transfer",
            "payroll",
            "data-request",
            "bank-change",
            "gift-card",
            "secrecy",
            "unreachable",
            "urgency",
        )
        yield from told(view, ORDER, *themes, strength=round(max(strength, 0.3), 3))


SIGNALS: Final[tuple[Signal, ...]] = (TRANSFER, PAYROLL, DATA, OPENING, UNREACHABLE, ORDER)
LOOKS: Final[tuple[Look, ...]] = (requests, opening, order)
