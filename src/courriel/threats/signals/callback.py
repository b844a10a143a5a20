"""The call-back: a message whose only way out is a telephone number, with a story of money behind it.

"Your subscription was renewed for 399 €; if that was not you, call …": there is no link for filters to judge, and the
fraud happens by voice. How it is evaded: the number in a picture or a PDF; a number split by letters. Good receipts
have numbers too: they have links to their own site beside, and come from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.phrases.find import Said, said
from courriel.threats.phrases.quote import quote
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.numbers import numbers
from courriel.threats.view import View

WORDS: Final = 700
"""Longer texts are not call-back lures: their number is in a signature."""
_SUM: Final = re.compile(r"(?:[$€£]|\busd|\beur)\s?\d|\d[\d ., ]*\s?(?:[$€£]|\b(?:usd|eur|euros?|dollars?|e)\b)")
_STORIES: Final = ("purchase", "loss", "adviser", "safe-account", "remote-access", "refund", "authority")

CALLBACK: Final = Signal(
    name="content.callback",
    group=Group.CONTENT,
    seen=N_("You are to call {number} about a payment or an account, and there is no other way to answer."),
    why=N_("On the telephone a false adviser asks for codes or for control of your computer, unseen by any filter."),
    then=advice.NO_CALL,
    weights={Kind.VISHING: 3.4, Kind.SCAM: 0.8},
)
ADVISER: Final = Signal(
    name="content.adviser",
    group=Group.CONTENT,
    seen=N_("Somebody speaks for a bank's fraud department, an adviser or a support desk."),
    why=N_("Real advisers never ask for codes, cards or transfers, and do not mind when you call them back."),
    then=advice.NO_CALL,
    weights={Kind.VISHING: 1.2},
    fact=False,
)


def callback(view: View) -> Iterable[Finding]:
    """Number, request to call and story, without a link to the author's own house."""
    found = said(view.folded)
    if len(found.words) > WORDS or not found.about("call") or not found.about(*_STORIES):
        return
    telephone = numbers(view.folded)
    if not telephone or _leads_home(view):
        return
    number, around = telephone[0]
    evidence = (Evidence("text", around), *quote(view, *(theme for theme in _STORIES if found.about(theme))))
    yield Finding(CALLBACK.name, CALLBACK.group, _strength(view, found), evidence, {"number": number})


def adviser(view: View) -> Iterable[Finding]:
    """Who they say to be; in mail only with something to fear beside."""
    found = said(view.folded)
    beside = found.about("code", "card", "safe-account", "purchase", "loss", "remote-access", "authority", "secrecy")
    if found.about("adviser") and (view.channel is Channel.CALL or beside):
        strength = 1 - 0.5 ** len(found.phrases("adviser", "safe-account"))
        yield Finding(ADVISER.name, ADVISER.group, round(strength, 3), quote(view, "adviser", "safe-account"))


def _strength(view: View, found: Said) -> float:
    """Half for the pattern; the rest for a sum, for no link at all, for more of the story."""
    linked = any(link.kind in ("a", "text", "area") and link.scheme in ("http", "https") for link in view.links)
    told = len(found.phrases(*_STORIES)) + len(found.phrases("call"))
    return round(0.5 + 0.15 * bool(_SUM.search(view.folded)) + 0.2 * (not linked) + 0.05 * min(told, 3), 3)


def _leads_home(view: View) -> bool:
    """Whether a link leads to where the message says it comes from."""
    own = {person.organisation for person in view.authors if person.organisation}
    return any(link.organisation in own for link in view.links)


SIGNALS: Final[tuple[Signal, ...]] = (CALLBACK, ADVISER)
LOOKS: Final[tuple[Look, ...]] = (callback, adviser)
