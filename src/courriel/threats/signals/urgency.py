"""Pressure: haste, threats of loss, names of authorities, secrecy.

How it is evaded: a friendly tone over several messages. Good mail has deadlines too, so these are words, not facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.phrases.find import Said, said
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.told import each, told
from courriel.threats.view import View

_KEPT: Final = frozenset(["code", "codes", "otp", "pin", "passcode", "password", "passe", "mot", "nip"])
"""Who says that these are to be kept secret is right."""

URGENCY: Final = Signal(
    name="content.urgency",
    group=Group.CONTENT,
    seen=N_("The message presses you to act at once."),
    why=N_("Haste keeps you from thinking and asking; it is the commonest means of swindlers."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 0.7, Kind.SCAM: 0.5, Kind.SMISHING: 0.5, Kind.VISHING: 0.4, Kind.WHALING: 0.5},
    fact=False,
)
LOSS: Final = Signal(
    name="content.loss",
    group=Group.CONTENT,
    seen=N_("It says that an account or a service is blocked, or soon will be."),
    why=N_("Fear of losing something makes people click. A real block also shows when you log in as usual."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.2, Kind.SMISHING: 0.8, Kind.VISHING: 0.4},
    fact=False,
)
AUTHORITY: Final = Signal(
    name="content.authority",
    group=Group.CONTENT,
    seen=N_("It speaks in the name of the state, the police or the courts."),
    why=N_("Authorities write by post or to your account on their site, and never threaten by mail."),
    then=advice.NO_MONEY,
    weights={Kind.SCAM: 0.6, Kind.PHISHING: 0.6, Kind.VISHING: 0.6, Kind.SMISHING: 0.4},
    fact=False,
)
SECRECY: Final = Signal(
    name="content.secrecy",
    group=Group.CONTENT,
    seen=N_("You are asked to tell nobody."),
    why=N_("Whoever forbids you to ask others fears that they would see the fraud."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.5, Kind.SCAM: 0.8, Kind.VISHING: 0.6, Kind.SPEAR_PHISHING: 0.3},
    fact=False,
)


def pressure(view: View) -> Iterable[Finding]:
    """Haste, loss, authority."""
    return each(view, {"urgency": URGENCY, "loss": LOSS, "authority": AUTHORITY})


def secrecy(view: View) -> Iterable[Finding]:
    """Secrecy, but for codes and passwords."""
    return () if not _about_more_than_codes(said(view.folded)) else told(view, SECRECY, "secrecy")


def _about_more_than_codes(found: Said) -> bool:
    return any(
        _KEPT.isdisjoint(found.words[max(0, hit.start - 8) : hit.end + 4]) for hit in found.hits.get("secrecy", ())
    )


SIGNALS: Final[tuple[Signal, ...]] = (URGENCY, LOSS, AUTHORITY, SECRECY)
LOOKS: Final[tuple[Look, ...]] = (pressure, secrecy)
