"""What the account remembers of the sender.

Sees: who has never written before, whom the account has answered, what it has called good or junk.  Why: people know
their correspondents, and attacks are mostly made by strangers.  How it is evaded: from a correspondent's stolen
mailbox, and by patience (a first harmless message).  Good mail is often a first message: alone it is a small reason.
What speaks for a sender counts only when the message is not shown to be forged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.lists.brands import plain_words
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.identity import is_free
from courriel.threats.signals.proof import author, disproven
from courriel.threats.view import Person, Sender, View

NEW: Final = Signal(
    name="context.first-contact",
    group=Group.CONTEXT,
    seen=N_("{address} has never written to you before."),
    why=N_("Attacks are mostly made by strangers; so is honest mail at times."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPEAR_PHISHING: 0.7, Kind.WHALING: 0.7, Kind.PHISHING: 0.4, Kind.SPAM: 0.4, Kind.SCAM: 0.5},
)
OTHER_ADDRESS: Final = Signal(
    name="context.known-name-new-address",
    group=Group.CONTEXT,
    seen=N_("“{name}” has always written to you from {known}, never from {address}."),
    why=N_("A name costs nothing: people in whose name you trust are played from new addresses."),
    then=advice.ASK,
    weights={Kind.SPEAR_PHISHING: 2.0, Kind.WHALING: 1.0, Kind.SCAM: 0.6, Kind.PHISHING: 0.5},
)
ANSWERED: Final = Signal(
    name="context.you-answered",
    group=Group.CONTEXT,
    seen=N_("You have already answered {address}."),
    why=N_("You know this sender."),
    then=advice.NOTHING,
    weights={},
    good=-2.5,
)
REGULAR: Final = Signal(
    name="context.writes-often",
    group=Group.CONTEXT,
    seen=N_("{address} has written to you {count} times, and you never called it junk."),
    why=N_("A stranger has become a correspondent."),
    then=advice.NOTHING,
    weights={},
    good=-1.2,
)
GOOD: Final = Signal(
    name="context.marked-good",
    group=Group.CONTEXT,
    seen=N_("You have marked messages of {address} as wanted."),
    why=N_("Your own judgement counts most."),
    then=advice.NOTHING,
    weights={},
    good=-2.5,
)
JUNK: Final = Signal(
    name="context.marked-junk",
    group=Group.CONTEXT,
    seen=N_("You have marked {count} messages of {address} as junk."),
    why=N_("Your own judgement counts most."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 2.5, Kind.PHISHING: 0.8, Kind.SCAM: 0.8},
)
REGULAR_FROM: Final = 3
"""Messages after which somebody is no stranger."""
_NOBODY: Final = Sender()


def sender(view: View) -> Iterable[Finding]:
    """What is remembered of the author's address, and of the domain where it is not anybody's."""
    person = author(view)
    if view.channel is not Channel.MAIL or person is None:
        return
    address = f"{person.local}@{person.domain}".lower()
    known = view.context.senders.get(address)
    house = None if is_free(person) else view.context.senders.get(person.domain)
    if known is None and house is None:
        if view.context.remembers:
            yield _finding(NEW, 1.0, address)
        return
    if known is None and view.context.remembers:
        yield _finding(NEW, 0.5, address)
    yield from _remembered(view, address, known or _NOBODY, house or _NOBODY)


def other_address(view: View) -> Iterable[Finding]:
    """A correspondent's name on an address that it never came from."""
    person = author(view)
    if view.channel is not Channel.MAIL or person is None or not view.context.known_names:
        return
    name = " ".join(plain_words(person.display))
    addresses = view.context.known_names.get(name, frozenset())
    if " " in name and addresses and _is_foreign(person, addresses):
        facts = {"name": person.display[:80], "known": min(addresses), "address": f"{person.local}@{person.domain}"}
        evidence = (Evidence("from", person.display[:200]),)
        yield Finding(OTHER_ADDRESS.name, OTHER_ADDRESS.group, 1.0, evidence, facts)


def _remembered(view: View, address: str, known: Sender, house: Sender) -> Iterable[Finding]:
    if junk := known.marked_junk:
        yield _finding(JUNK, 1.0 - 0.5**junk, address, count=str(junk))
    elif house.marked_junk > house.marked_good:
        yield _finding(JUNK, 0.5, address.partition("@")[2], count=str(house.marked_junk))
    if disproven(view):
        return
    if known.answered:
        yield _finding(ANSWERED, 1.0, address)
    elif house.answered:
        yield _finding(ANSWERED, 0.4, address.partition("@")[2])
    if known.marked_good > known.marked_junk:
        yield _finding(GOOD, 1.0 - 0.5**known.marked_good, address)
    elif known.received >= REGULAR_FROM and not known.marked_junk:
        yield _finding(REGULAR, min(1.0, known.received / 10), address, count=str(known.received))


def _is_foreign(person: Person, addresses: frozenset[str]) -> bool:
    """Neither one of these addresses nor at the place of one that is not anybody's."""
    address = f"{person.local}@{person.domain}".lower()
    at_home = any(known.rpartition("@")[2] == person.domain for known in addresses)
    return address not in addresses and (is_free(person) or not at_home)


def _finding(signal: Signal, strength: float, address: str, **facts: str) -> Finding:
    return Finding(signal.name, signal.group, strength, (Evidence("from", address),), {"address": address, **facts})


SIGNALS: Final[tuple[Signal, ...]] = (NEW, OTHER_ADDRESS, ANSWERED, REGULAR, GOOD, JUNK)
LOOKS: Final[tuple[Look, ...]] = (sender, other_address)
