"""Short messages to a telephone: a link with a story, another channel, a number to call, an answer that is asked for.

How it is evaded: nothing but a greeting ("hi mum") and patience. Good messages of shops and offices carry links too:
to their own domains, without a fee, a block or a fine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import EVIDENCE_CHARACTERS, Channel, Evidence, Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.phrases.quote import quote
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.numbers import numbers
from courriel.threats.view import View

_BARE: Final = re.compile(
    r"(?<![@\w.])(?:https?://|www\.)?[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*\.[a-z]{2,12}(?:/\S*)?(?![\w@])",
    re.IGNORECASE,
)
"""A site written out, with or without scheme; \"_\" stands for letters that a printed warning masks."""
_STORIES: Final = (
    "parcel",
    "fine",
    "loss",
    "refund",
    "account-rights",
    "password",
    "card",
    "pay",
    "purchase",
    "authority",
    "prize",
    "job",
)
_PREMIUM: Final = re.compile(
    r"\b0?(?:9\d{9,10}|8[7-9]\d{8})\b|\b\d{5,6}\b(?=\D|$)|\bp(?:er)?\s?(?:msg|min|wk)\b|\b\d+p\b"
)

LINK: Final = Signal(
    name="content.sms-link",
    group=Group.CONTENT,
    seen=N_("A text message tells of a parcel, a fine, a block or money, and gives a link: {site}."),
    why=N_("That is how text message fraud works; the page behind it takes your card or password."),
    then=advice.NO_CLICK,
    weights={Kind.SMISHING: 3.0, Kind.SPAM: 0.3},
)
BARE_LINK: Final = Signal(
    name="content.sms-bare-link",
    group=Group.CONTENT,
    seen=N_("A text message contains a link: {site}."),
    why=N_("On a telephone you hardly see where a link leads."),
    then=advice.NO_CLICK,
    weights={Kind.SMISHING: 1.0, Kind.SPAM: 0.6},
    fact=False,
)
STORY: Final = Signal(
    name="content.sms-story",
    group=Group.CONTENT,
    seen=N_("A text message asks for a payment, an answer or a new contact."),
    why=N_("The fraud goes on with your answer, on another channel or by telephone."),
    then=advice.NO_ANSWER,
    weights={Kind.SMISHING: 1.8},
    fact=False,
)
SMS_CALL: Final = Signal(
    name="content.sms-call",
    group=Group.CONTENT,
    seen=N_("A text message speaks of a payment or of your account and wants you to call {number}."),
    why=N_("At the other end a false adviser waits for your codes."),
    then=advice.NO_CALL,
    weights={Kind.VISHING: 2.2, Kind.SMISHING: 2.4},
)
PREMIUM: Final = Signal(
    name="content.sms-paid-number",
    group=Group.CONTENT,
    seen=N_("A prize, an offer or a meeting is tied to a number that costs money."),
    why=N_("The answer or the call is charged; the prize does not exist."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 2.0, Kind.SMISHING: 0.4},
)


def link(view: View) -> Iterable[Finding]:
    """A link with a story, or alone."""
    if view.channel is not Channel.SMS:
        return
    match = _BARE.search(view.visible)
    if match is None:
        return
    site = match[0][:EVIDENCE_CHARACTERS]
    found = said(view.folded)
    told = len(found.phrases(*_STORIES))
    signal = LINK if told else BARE_LINK
    strength = min(1.0, 0.6 + 0.2 * told) if told else 0.7
    yield Finding(
        signal.name, signal.group, round(strength, 3), (Evidence("link", site), *quote(view, *_STORIES)), {"site": site}
    )


def story(view: View) -> Iterable[Finding]:
    """Without a link: a payment, a relative, another channel, a code."""
    if view.channel is not Channel.SMS:
        return
    themes = ("family", "switch-channel", "code", "pay", "fine", "parcel", "job", "remote-access", "loss", "gift-card")
    found = said(view.folded)
    count = len(found.phrases(*themes))
    if count and not _BARE.search(view.visible):
        yield Finding(STORY.name, STORY.group, round(1 - 0.5**count, 3), quote(view, *themes))


def number(view: View) -> Iterable[Finding]:
    """A number to call: about money and accounts, or about prizes."""
    if view.channel is not Channel.SMS:
        return
    found = said(view.folded)
    telephone = numbers(view.folded)
    themes = [theme for theme in ("purchase", "loss", "adviser", "safe-account", "authority") if found.about(theme)]
    if telephone and themes:
        called, around = telephone[0]
        evidence = (Evidence("text", around), *quote(view, *themes))
        strength = 1.0 if found.about("call") else 0.7
        yield Finding(SMS_CALL.name, SMS_CALL.group, strength, evidence, {"number": called})
    paid = _PREMIUM.search(view.folded)
    if paid and found.about("prize", "goods", "job"):
        evidence = (Evidence("text", paid[0]), *quote(view, "prize", "goods", "job"))
        yield Finding(PREMIUM.name, PREMIUM.group, 0.9, evidence)


SIGNALS: Final[tuple[Signal, ...]] = (LINK, BARE_LINK, STORY, SMS_CALL, PREMIUM)
LOOKS: Final[tuple[Look, ...]] = (link, story, number)
