"""Facts about the reader in the message: the name, the address as a name, the house.

A message that names you, your employer or your colleagues was written for you, or for your record in a stolen list.
Alone that is what every good message does; it tells spear phishing from phishing. How it is evaded: not at all, it is
a choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import EVIDENCE_CHARACTERS, Channel, Evidence, Finding, Group, Kind
from courriel.threats.phrases.find import said, words_of
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

NAMES: Final = 50
"""Colleagues looked for."""
_LOOKED_AT: Final = 50_000
_PART: Final = re.compile(r"[^\W\d_]{3,}")
_ROLES: Final = frozenset(
    [
        "info",
        "contact",
        "admin",
        "sales",
        "support",
        "office",
        "mail",
        "hello",
        "bonjour",
        "accueil",
        "postmaster",
        "webmaster",
    ]
)
_ASKS: Final = (
    "password",
    "document",
    "parcel",
    "transfer",
    "payroll",
    "data-request",
    "bank-change",
    "gift-card",
    "available",
    "click",
)

NAMED: Final = Signal(
    name="context.names-you",
    group=Group.CONTEXT,
    seen=N_("It addresses you by name ({name}) and wants something from you."),
    why=N_("That proves nothing: names and employers are easy to find, and make a lie sound true."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPEAR_PHISHING: 1.8},
)
HOUSE: Final = Signal(
    name="context.names-your-house",
    group=Group.CONTEXT,
    seen=N_("A stranger names your organisation or your colleagues: {name}."),
    why=N_("Somebody has learnt about you before writing; that is the mark of an attack made to measure."),
    then=advice.ASK,
    weights={Kind.SPEAR_PHISHING: 2.2, Kind.WHALING: 0.4},
)
ADDRESS: Final = Signal(
    name="context.address-for-name",
    group=Group.CONTEXT,
    seen=N_("Your mail address is used as your name: {address}."),
    why=N_("A machine filled in your address from a list; who knows you writes your name."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 1.0, Kind.SPAM: 0.7, Kind.VISHING: 0.4},
)


def named(view: View) -> Iterable[Finding]:
    """The reader's name in the first words of a message that asks for something."""
    found = said(view.folded)
    if view.channel is not Channel.MAIL or not found.about(*_ASKS):
        return
    opening = frozenset(found.words[:60])
    for name in _names(view):
        parts = words_of(name.lower())
        if parts and parts[0] in opening and len(parts[0]) > 2:
            yield Finding(NAMED.name, NAMED.group, 0.7, _standing(view, name.split()[0], parts[0]), {"name": name})
            return


def house(view: View) -> Iterable[Finding]:
    """The reader's organisation or colleagues in a message from outside, that asks for something."""
    found = said(view.folded)
    own = view.context.own_domains | {person.domain for person in view.recipients if not view.context.own_domains}
    outside = not any(person.domain in own for person in view.authors)
    if view.channel is not Channel.MAIL or not outside or not found.about(*_ASKS):
        return
    text = " ".join(found.words)
    for label in sorted(_labels(own)):
        if f" {label} " in f" {text} ":
            yield Finding(HOUSE.name, HOUSE.group, 0.8, _standing(view, label), {"name": label})
            return
    for colleague in view.context.colleagues[:NAMES]:
        if (name := " ".join(words_of(colleague.lower()))) in text:
            yield Finding(HOUSE.name, HOUSE.group, 0.8, _standing(view, colleague, name), {"name": colleague})
            return


def address(view: View) -> Iterable[Finding]:
    """The address of a reader in the subject, or in the text where a name is expected."""
    if view.channel is not Channel.MAIL:
        return
    for person in view.recipients[:3]:
        whole = f"{person.local}@{person.domain}".lower()
        in_subject = whole in view.subject.lower()
        at = view.visible.lower().find(whole) if not in_subject else -1
        if len(person.local) > 1 and (in_subject or 0 <= at < 600) and not view.header("list-id"):
            evidence = Evidence(
                "subject" if in_subject else "text", view.visible[at : at + len(whole)] if at >= 0 else whole
            )
            yield Finding(ADDRESS.name, ADDRESS.group, 0.9 if in_subject else 0.6, (evidence,), {"address": whole})
            return


def _standing(view: View, *spellings: str) -> tuple[Evidence, ...]:
    """The words of a name as they stand in the subject or the text; none where tricks keep them apart."""
    spelt = "|".join(r"[\W_]+".join(map(re.escape, spelling.split())) for spelling in spellings)
    for where, text in (("subject", view.subject), ("text", view.visible[:_LOOKED_AT])):
        if match := re.search(spelt, text, re.IGNORECASE):
            return (Evidence(where, match[0][:EVIDENCE_CHARACTERS]),)
    return ()


def _names(view: View) -> Iterator[str]:
    yield from (name for name in view.context.owner_names if name)
    for person in view.recipients[:3]:
        if person.display and "@" not in person.display:
            yield person.display
        elif (part := _PART.match(person.local)) and part[0].lower() not in _ROLES:
            yield part[0]


def _labels(domains: frozenset[str] | set[str]) -> Iterator[str]:
    """The name of a house as its domain spells it: "acme-industrie.fr" is "acme industrie"."""
    for domain in domains:
        labels = domain.split(".")
        if len(labels) >= 2 and len(labels[-2]) >= 5:
            yield " ".join(re.split("[-_]", labels[-2]))


SIGNALS: Final[tuple[Signal, ...]] = (NAMED, HOUSE, ADDRESS)
LOOKS: Final[tuple[Look, ...]] = (named, house, address)
