"""The known stories: parcel, fine, refund, prize, blackmail, inheritance, false relative, false job, gift cards …

Each is a table of whole phrases. How it is evaded: a new story, or another wording; the learnt words and the facts of
sender and links remain. Good mail tells some of these stories truly (a parcel, a refund), so they are words, not facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.phrases.find import said
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.told import each, told, weight
from courriel.threats.view import View

PARCEL: Final = Signal(
    name="content.parcel",
    group=Group.CONTENT,
    seen=N_("It is about a parcel that cannot be delivered, or a fee for one."),
    why=N_("Nearly everybody waits for a parcel; the small fee is a pretext to get at your card."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 0.7, Kind.SMISHING: 1.0, Kind.SPEAR_PHISHING: 0.5},
    fact=False,
)
FINE: Final = Signal(
    name="content.fine",
    group=Group.CONTENT,
    seen=N_("It is about a fine, a toll or a sticker for your car."),
    why=N_("Real fines come by post or stand on the official site; these messages want your card."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.1, Kind.SMISHING: 1.4},
    fact=False,
)
REFUND: Final = Signal(
    name="content.refund",
    group=Group.CONTENT,
    seen=N_("You are promised a refund, an allowance or a right that is about to expire."),
    why=N_("Offices pay back by themselves; these messages want your identity and your card."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 0.9, Kind.SMISHING: 1.2, Kind.VISHING: 0.5},
    fact=False,
)
PRIZE: Final = Signal(
    name="content.prize",
    group=Group.CONTENT,
    seen=N_("You are told that you won or were chosen for something."),
    why=N_("Nobody wins where they did not play; in the end you pay or give away your data."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 1.3, Kind.SCAM: 1.2, Kind.PHISHING: 0.4},
    fact=False,
)
EXTORTION: Final = Signal(
    name="content.extortion",
    group=Group.CONTENT,
    seen=N_("Somebody claims to have filmed you or broken into your devices, and threatens to tell."),
    why=N_("The same text goes to thousands; there is no film and no access."),
    then=advice.NO_ANSWER,
    weights={Kind.SCAM: 2.2, Kind.SPAM: 0.6},
    fact=False,
)
ADVANCE_FEE: Final = Signal(
    name="content.advance-fee",
    group=Group.CONTENT,
    seen=N_("A stranger offers a large sum: an inheritance, a donation, a loan, a business."),
    why=N_("Before the money comes there is always one more fee to pay; the money never comes."),
    then=advice.NO_ANSWER,
    weights={Kind.SCAM: 1.8, Kind.SPAM: 1.0},
    fact=False,
)
FAMILY: Final = Signal(
    name="content.family",
    group=Group.CONTENT,
    seen=N_("Somebody says to be your child or a relative with a new number."),
    why=N_("The next message asks for money. It is not your relative."),
    then=N_("Call your relative on the number that you had before."),
    weights={Kind.SMISHING: 1.6, Kind.PHISHING: 1.6, Kind.SCAM: 0.8, Kind.VISHING: 0.5},
    fact=False,
)
JOB: Final = Signal(
    name="content.job",
    group=Group.CONTENT,
    seen=N_("You are offered easy work, or much money for little."),
    why=N_("False employers let you pay in advance, or let you pass on stolen money."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 0.9, Kind.SCAM: 0.8, Kind.SMISHING: 0.5},
    fact=False,
)
INVESTMENT: Final = Signal(
    name="content.investment",
    group=Group.CONTENT,
    seen=N_("You are promised profit without risk, or quick money."),
    why=N_("Nobody can promise that; the money is lost."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 0.9, Kind.SCAM: 0.8, Kind.SMISHING: 0.3},
    fact=False,
)
GOODS: Final = Signal(
    name="content.advertising",
    group=Group.CONTENT,
    seen=N_("It is advertising of the kind that is sent to everybody."),
    why=N_("Such words are common in mail that nobody asked for."),
    then=N_("If you never ordered it, do not answer and do not “unsubscribe”: move it to Junk."),
    weights={Kind.SPAM: 1.2},
    fact=False,
)
GIFT_CARD: Final = Signal(
    name="content.gift-card",
    group=Group.CONTENT,
    seen=N_("You are asked to buy gift cards or vouchers and to send their codes."),
    why=N_("Codes are money that leaves no trace. No superior, office or bank is paid in gift cards."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.9, Kind.SCAM: 1.2, Kind.VISHING: 0.9, Kind.SMISHING: 0.5},
    fact=False,
)
DOCUMENT: Final = Signal(
    name="content.document",
    group=Group.CONTENT,
    seen=N_("A document, a voice message or a fax is said to wait for you behind a link."),
    why=N_("The page behind it asks for your password to “open” a document that does not exist."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 0.8, Kind.SPEAR_PHISHING: 0.8, Kind.MALWARE: 0.3},
    fact=False,
)
GREETING: Final = Signal(
    name="content.no-name",
    group=Group.CONTENT,
    seen=N_("You are addressed as “customer” or by your mail address, not by your name."),
    why=N_("Who has a contract with you knows your name; who writes to thousands does not."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 0.6, Kind.SPAM: 0.4},
    fact=False,
)

_STORIES: Final = {
    "parcel": PARCEL,
    "fine": FINE,
    "prize": PRIZE,
    "extortion": EXTORTION,
    "advance-fee": ADVANCE_FEE,
    "job": JOB,
    "investment": INVESTMENT,
    "goods": GOODS,
    "document": DOCUMENT,
}


def stories(view: View) -> Iterable[Finding]:
    """One finding a story."""
    yield from each(view, _STORIES)
    yield from told(view, REFUND, "refund", "account-rights")


def relatives(view: View) -> Iterable[Finding]:
    """A relative needs two parts: who it is, and the new number or the broken telephone."""
    if len(said(view.folded).phrases("family")) >= 2:
        yield from told(view, FAMILY, "family")


def gift_cards(view: View) -> Iterable[Finding]:
    """That cards exist is everyday; that codes are to be sent, or cards to be bought for somebody, is not."""
    found = said(view.folded).phrases("gift-card")
    asks = [phrase for phrase in found if len(phrase.split()) > 2]
    if asks:
        yield from told(view, GIFT_CARD, "gift-card", strength=round(weight(view, "gift-card"), 3))


def greeting(view: View) -> Iterable[Finding]:
    """No name, or the address for a name."""
    yield from told(view, GREETING, "greeting", strength=0.6)


SIGNALS: Final[tuple[Signal, ...]] = (
    PARCEL,
    FINE,
    REFUND,
    PRIZE,
    EXTORTION,
    ADVANCE_FEE,
    FAMILY,
    JOB,
    INVESTMENT,
    GOODS,
    GIFT_CARD,
    DOCUMENT,
    GREETING,
)
LOOKS: Final[tuple[Look, ...]] = (stories, relatives, gift_cards, greeting)
