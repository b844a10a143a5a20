"""Telephone calls, from a transcript or a recording turned into text: who they say they are, and what they want.

How it is evaded: long, patient talk; nothing stands in one place. So the parts are counted over the whole transcript:
an authority or an adviser, a fear or a gain, and a demand (code, card, control, transfer, vouchers, press a key).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.phrases.quote import quote
from courriel.threats.signal import Look, Signal
from courriel.threats.view import View

_WHO: Final = ("adviser", "authority", "family")
_PRESSURE: Final = ("loss", "purchase", "urgency", "secrecy", "refund", "prize", "account-rights", "fine", "investment")
_HARD: Final = ("code", "card", "remote-access", "safe-account", "gift-card", "transfer", "password")
"""Demands that no honest caller makes; to pay or to call back many ask."""
_DEMAND: Final = (*_HARD, "pay", "call")

PATTERN: Final = Signal(
    name="content.call-pattern",
    group=Group.CONTENT,
    seen=N_("The caller claims an office, makes you fear or hope for something, and demands something."),
    why=N_("Claim, pressure and demand in one call are the pattern of fraud by telephone."),
    then=N_("Hang up. Call the bank or office yourself, on a number from your card or a letter."),
    weights={Kind.VISHING: 3.0},
)
SAFE_ACCOUNT: Final = Signal(
    name="content.safe-account",
    group=Group.CONTENT,
    seen=N_("You are told to move your money to a “safe” account."),
    why=N_("No bank and no police ever asks for that; the account is the swindler's."),
    then=N_("Hang up. Call the bank or office yourself, on a number from your card or a letter."),
    weights={Kind.VISHING: 2.4, Kind.SCAM: 0.8},
    fact=False,
)
KEY: Final = Signal(
    name="content.call-machine",
    group=Group.CONTENT,
    seen=N_("A machine asks you to press a key or to call back."),
    why=N_("Machines call thousands; who presses a key is noted as reachable."),
    then=N_("Hang up and press no key."),
    weights={Kind.VISHING: 1.4, Kind.SPAM: 0.4},
    fact=False,
)


def pattern(view: View) -> Iterable[Finding]:
    """All three parts, or two with a demand that no honest caller makes."""
    if view.channel is not Channel.CALL:
        return
    found = said(view.folded)
    parts = [themes for themes in (_WHO, _PRESSURE, _DEMAND) if found.about(*themes)]
    if len(parts) == 3 or (len(parts) == 2 and found.about(*_HARD)):
        told = sum(len(found.phrases(*themes)) for themes in parts)
        strength = min(1.0, 0.3 * len(parts) + 0.05 * min(told, 6) - 0.2)
        evidence = tuple(quote(view, *themes)[0] for themes in parts)
        yield Finding(PATTERN.name, PATTERN.group, round(strength, 3), evidence)


def demands(view: View) -> Iterable[Finding]:
    """The safe account in any channel, keys in calls."""
    found = said(view.folded)
    if found.about("safe-account"):
        strength = 1 - 0.5 ** len(found.phrases("safe-account"))
        yield Finding(SAFE_ACCOUNT.name, SAFE_ACCOUNT.group, strength, quote(view, "safe-account"))
    if view.channel is Channel.CALL and found.about("call"):
        strength = 1 - 0.5 ** len(found.phrases("call"))
        yield Finding(KEY.name, KEY.group, strength, quote(view, "call"))


SIGNALS: Final[tuple[Signal, ...]] = (PATTERN, SAFE_ACCOUNT, KEY)
LOOKS: Final[tuple[Look, ...]] = (pattern, demands)
