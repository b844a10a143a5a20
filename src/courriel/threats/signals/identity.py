"""Who the message says it is from, against the address it is from.

Sees: a name that holds another's address; a brand's, superior's, colleague's or the reader's own name on a foreign
address; an office's name on free mail; answers that go elsewhere.  Why: most programs show the name and hide the
address.  How it is evaded: a name that is nobody's ("Account notice"), letters that only look alike (folded here), a
stolen mailbox.  Good mail: people with a brand's name as theirs, services that write "Anna (via Shop)", and
newsletters whose answers go elsewhere; hence names that are everyday words count only when they stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.lists import brands, lines, within, words
from courriel.threats.lists.brands import Brand, plain_words, same_owner, unmarked
from courriel.threats.reading.letters import fold
from courriel.threats.reading.organisation import organisation
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.proof import author, bare, disproven, from_list, proven, under
from courriel.threats.view import Person, View

COLLEAGUES: Final = 5_000
"""Names that a message is compared with."""
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,5}[a-z]{2,18})", re.IGNORECASE)
_DOMAIN: Final = re.compile(
    r"(?<![\w@.-])((?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|fr|de|uk|eu|io|gov|ca|be|ch))\b", re.I
)
_VIA: Final = re.compile(r"\b(?:via|through|par|über|on behalf of|pour le compte)\b", re.IGNORECASE)

ADDRESS: Final = Signal(
    name="identity.address-in-name",
    group=Group.IDENTITY,
    seen=N_("The sender's name shows {shown}, but the address is at {domain}."),
    why=N_("The name is free text: only the address behind it tells who writes, and most programs hide it."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 1.5, Kind.SPOOFING: 1.5, Kind.SPEAR_PHISHING: 0.8, Kind.SPAM: 0.8, Kind.WHALING: 0.5},
)
BRAND: Final = Signal(
    name="identity.brand-name",
    group=Group.IDENTITY,
    seen=N_("It calls itself {brand}, but comes from {domain}, which is not a domain of {brand}."),
    why=N_("{brand} writes from its own domains, such as {own}; others borrow the name."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.6, Kind.SCAM: 0.8, Kind.SPAM: 0.8, Kind.SPOOFING: 0.4},
)
EXECUTIVE: Final = Signal(
    name="identity.executive-name",
    group=Group.IDENTITY,
    seen=N_("It bears the name of {name}, who does not write from {address}."),
    why=N_("Orders in a superior's name from a foreign address are how firms lose the most money."),
    then=advice.ASK,
    weights={Kind.WHALING: 3.5, Kind.SPEAR_PHISHING: 1.5, Kind.SPAM: 0.4, Kind.PHISHING: 0.5},
)
COLLEAGUE: Final = Signal(
    name="identity.colleague-name",
    group=Group.IDENTITY,
    seen=N_("It bears the name of your colleague {name}, but comes from outside: {address}."),
    why=N_("Colleagues write from your organisation's address; anybody can put their names on another."),
    then=advice.ASK,
    weights={Kind.SPEAR_PHISHING: 2.2, Kind.WHALING: 0.8, Kind.PHISHING: 0.5},
)
OWNER: Final = Signal(
    name="identity.your-name",
    group=Group.IDENTITY,
    seen=N_("It bears your own name or address as the sender's, but you did not send it."),
    why=N_("It is meant to startle you or to pass for a copy of your own message."),
    then=advice.NO_ANSWER,
    weights={Kind.SPOOFING: 1.8, Kind.SCAM: 1.0, Kind.SPAM: 0.8, Kind.PHISHING: 0.8},
)
TITLE: Final = Signal(
    name="identity.title-on-free-mail",
    group=Group.IDENTITY,
    seen=N_("The sender signs as “{title}”, but writes from a free mailbox at {domain}."),
    why=N_("Who leads an organisation writes from its address."),
    then=advice.ASK,
    weights={Kind.WHALING: 1.8, Kind.SCAM: 0.8, Kind.SPEAR_PHISHING: 0.4},
)
FREE_HOST: Final = Signal(
    name="identity.free-host-sender",
    group=Group.IDENTITY,
    seen=N_("The sender's domain is a place that anybody gets for nothing: {domain}."),
    why=N_("Such places are made for trying out web pages; honest senders do not write from them."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 1.6, Kind.PHISHING: 1.6, Kind.SCAM: 0.6},
)
FREE_OFFICE: Final = Signal(
    name="identity.office-on-free-mail",
    group=Group.IDENTITY,
    seen=N_("“{name}” writes from a free mailbox at {domain}."),
    why=N_("Offices and companies have addresses of their own; a free mailbox is anybody's."),
    then=advice.NO_ANSWER,
    weights={Kind.PHISHING: 1.1, Kind.SCAM: 1.2, Kind.SPAM: 0.6, Kind.VISHING: 1.0},
)
REPLY_FREE: Final = Signal(
    name="identity.reply-to-free-mail",
    group=Group.IDENTITY,
    seen=N_("It comes from {domain}, but answers go to a free mailbox: {address}."),
    why=N_("The address shown may be stolen or invented; the one that gets your answer is the writer's."),
    then=advice.NO_ANSWER,
    weights={Kind.SCAM: 1.6, Kind.WHALING: 1.0, Kind.SPAM: 0.8, Kind.PHISHING: 0.4},
)
REPLY_ELSEWHERE: Final = Signal(
    name="identity.reply-to-elsewhere",
    group=Group.IDENTITY,
    seen=N_("It comes from {domain}, but answers go to {address}."),
    why=N_("Your answer would reach somebody else than the sender that you see."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.3, Kind.SCAM: 0.4, Kind.PHISHING: 0.3, Kind.WHALING: 0.4},
)
RETURN_ELSEWHERE: Final = Signal(
    name="identity.return-path-elsewhere",
    group=Group.IDENTITY,
    seen=N_("It was handed in by {other}, not by {domain}, and {domain} has not signed it."),
    why=N_("Senders who let others send for them sign their mail; who only borrows a name cannot."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPOOFING: 0.6, Kind.PHISHING: 0.4, Kind.SPAM: 0.3},
)
RANDOM: Final = Signal(
    name="identity.random-domain",
    group=Group.IDENTITY,
    seen=N_("The sender's domain looks like letters thrown together: {domain}."),
    why=N_("Such names are bought by the hundred, used for a day and thrown away."),
    then=advice.NO_ANSWER,
    weights={Kind.PHISHING: 0.9, Kind.SPAM: 0.9, Kind.SCAM: 0.4},
)
ENDING: Final = Signal(
    name="identity.suspicious-ending",
    group=Group.IDENTITY,
    seen=N_("The sender's domain ends in “.{ending}”: {domain}."),
    why=N_("Names with this ending cost next to nothing and are used for attacks far more often than for honest mail."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 0.9, Kind.SPAM: 1.0, Kind.SCAM: 0.4},
)


def names(view: View) -> Iterable[Finding]:
    """The names of authors."""
    if view.channel is not Channel.MAIL:
        return
    for person in _shown(view.authors[:4]):
        if person.display and person.domain:
            yield from _address_in_name(view, person)
            yield from _people(view, person)
            yield from _office(person)


def _shown(authors: tuple[Person, ...]) -> tuple[Person, ...]:
    """ "Bank, x <a@b.example>" has a mailbox without a domain, which programs show as the name."""
    last = authors[-1] if authors else None
    if last is None or not last.domain or all(person.domain for person in authors):
        return authors[:3]
    return tuple(person if person.domain else replace(last, display=person.local) for person in authors)


def own_address(view: View) -> Iterable[Finding]:
    """The reader's own address as the author's, where nothing speaks for it."""
    person = author(view)
    if view.channel is not Channel.MAIL or person is None or from_list(view) or _VIA.search(person.display):
        return
    if not bare(view) and not disproven(view):
        return
    if any((one.local.lower(), one.domain) == (person.local.lower(), person.domain) for one in view.recipients):
        yield Finding(OWNER.name, OWNER.group, 1.0, (_from(person),))


def answers(view: View) -> Iterable[Finding]:
    """Where answers and failures go."""
    if view.channel is not Channel.MAIL or not view.authors or from_list(view):
        return
    person = view.authors[0]
    home = person.organisation or person.domain
    for other in view.reply_to[:3]:
        there = other.organisation or other.domain
        if not there or not home or same_owner(there, home) or _is_passed_on(view, person, other):
            continue
        free = is_free(other) and not is_free(person)
        signal = REPLY_FREE if free else REPLY_ELSEWHERE
        address = f"{other.local}@{other.domain}"
        evidence = (Evidence("reply-to", address),)
        yield Finding(signal.name, signal.group, 1.0, evidence, {"domain": person.domain, "address": address})
        break
    yield from _returned(view, person, home)


def domains(view: View) -> Iterable[Finding]:
    """The author's domain by itself: its ending, and whether it is a word."""
    if view.channel is not Channel.MAIL:
        return
    for person in view.authors[:2]:
        ending = person.domain.rpartition(".")[2]
        evidence = (_from(person),)
        if ending in words("suspicious_tlds"):
            facts = {"ending": ending, "domain": person.domain}
            yield Finding(ENDING.name, ENDING.group, 1.0, evidence, facts)
        if within(person.domain, "free_hosts"):
            yield Finding(FREE_HOST.name, FREE_HOST.group, 1.0, evidence, {"domain": person.domain})
        if looks_random(person.organisation.partition(".")[0]):
            yield Finding(RANDOM.name, RANDOM.group, 1.0, evidence, {"domain": person.domain})


def is_free(person: Person) -> bool:
    """Whether anybody can have such an address."""
    return person.domain in words("free_mail")


@lru_cache(maxsize=4096)
def brand_in(display: str) -> tuple[Brand, bool] | None:
    """The brand that a name is about; whether the name is nothing else (offices' words aside)."""
    said = plain_words(fold(unmarked(display)))
    for i, word in enumerate(said):
        for name, brand in brands.by_first_word().get(word, ()):
            if said[i : i + len(name)] == name:
                found = _about(brand, name, said[:i] + said[i + len(name) :])
                if found is not None:
                    return found
        joined = brands.by_joined_words().get(word)
        if joined is not None:
            return _about(joined, (word,), said[:i] + said[i + 1 :])
    return None


def _about(brand: Brand, name: tuple[str, ...], rest: tuple[str, ...]) -> tuple[Brand, bool] | None:
    """Beside offices' words a name is the brand's; beside a few others only a long one that is no everyday word."""
    alone = all(other in words("roles") or other.isdigit() or len(other) < 3 for other in rest)
    long = len("".join(name)) > 4
    return (brand, alone) if alone or (long and not brand.everyday and len(rest) <= 4) else None


_ONE_SOUND: Final = re.compile("t?sch|ch|ck|th|ph|ng")
_CLUSTER: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}")
_MIXED: Final = re.compile(r"[a-z]\d+(?=[a-z])|\d[a-z]+(?=\d)")


def looks_random(label: str) -> bool:
    """Long runs of consonants, or digits strewn into letters, in a long label that is no A-label."""
    if len(label) < 8 or label.startswith("xn--"):
        return False
    return bool(_CLUSTER.search(_ONE_SOUND.sub("s", label))) or len(_MIXED.findall(label)) >= 3


def _address_in_name(view: View, person: Person) -> Iterable[Finding]:
    found = _ADDRESS.search(person.display)
    shown = found or _domain_in_name(view, person.display)
    there = organisation(shown[1].lower()) if shown else ""
    if shown and there and not same_owner(there, person.organisation) and not from_list(view):
        evidence = (Evidence("from", person.display[:200]),)
        facts = {"shown": shown[0], "domain": person.domain}
        yield Finding(ADDRESS.name, ADDRESS.group, 1.0 if found else 0.7, evidence, facts)
    yield from _brand(view, person)


def _domain_in_name(view: View, display: str) -> re.Match[str] | None:
    """A domain that somebody knows, or that is the whole name: "News.com Daily" is a title."""
    shown = None if _VIA.search(display) else _DOMAIN.search(display)
    if shown is None:
        return None
    there = organisation(shown[1].lower())
    known = there in brands.by_domain() or there in view.context.own_domains
    return shown if known or shown[0] == display.strip() else None


def _brand(view: View, person: Person) -> Iterable[Finding]:
    found = brand_in(person.display)
    if found is None or from_list(view) or _VIA.search(person.display):
        return
    brand, alone = found
    if _belongs(person, brand):
        return  # where it is forged, authentication says so
    facts = {"brand": brand.name, "domain": person.domain, "own": brand.domains[0]}
    yield Finding(BRAND.name, BRAND.group, 1.0 if alone else 0.5, (_from(person, True),), facts)


def _belongs(person: Person, brand: Brand) -> bool:
    """A domain of the brand, of its name with a country's ending, or of a place that is itself called so."""
    if any(under(person.domain, domain) for domain in brand.domains):
        return True
    label, _, ending = person.organisation.partition(".")
    if ending in words("suspicious_tlds"):
        return False
    bare = label.replace("-", "")
    return any(bare == domain.partition(".")[0].replace("-", "") for domain in brand.domains) or bare == "".join(
        plain_words(brand.name)
    )


def _people(view: View, person: Person) -> Iterable[Finding]:
    """The names that the account knows; in the house itself they are right."""
    said = frozenset(plain_words(fold(person.display)))
    address = f"{person.local}@{person.domain}".lower()
    own = any(under(person.domain, domain) for domain in view.context.own_domains)
    if len(said) < 2 or (own and not disproven(view)):
        return
    evidence = (_from(person, True),)
    for executive in view.context.executives:
        known = {one.lower() for one in executive.addresses}
        if _is_name(executive.name, said) and (address not in known or disproven(view)):
            yield Finding(EXECUTIVE.name, EXECUTIVE.group, 1.0, evidence, {"name": executive.name, "address": address})
            return
    if any(_is_name(name, said) for name in view.context.owner_names) and not _is_recipient(view, person):
        yield Finding(OWNER.name, OWNER.group, 0.6, evidence)
        return
    for name in view.context.colleagues[:COLLEAGUES]:
        if _is_name(name, said):
            yield Finding(COLLEAGUE.name, COLLEAGUE.group, 1.0, evidence, {"name": name, "address": address})
            return


@lru_cache(maxsize=8192)
def _name_words(name: str) -> frozenset[str]:
    return frozenset(plain_words(name))


def _is_name(name: str, said: frozenset[str]) -> bool:
    """All words of a full name, in any order."""
    wanted = _name_words(name)
    return len(wanted) > 1 and wanted <= said


def _is_recipient(view: View, person: Person) -> bool:
    """Somebody who writes to themselves."""
    return proven(view) and any((one.local, one.domain) == (person.local, person.domain) for one in view.recipients)


@lru_cache(maxsize=1)
def _titles() -> tuple[tuple[str, ...], ...]:
    return tuple(sorted((plain_words(title) for title in lines("titles")), key=len, reverse=True))


def _office(person: Person) -> Iterable[Finding]:
    """An office's or a superior's name on a free mailbox."""
    if not is_free(person):
        return
    said = plain_words(fold(person.display))
    evidence = (_from(person, True),)
    for title in _titles():
        if any(said[i : i + len(title)] == title for i in range(len(said))):
            facts = {"title": " ".join(title), "domain": person.domain}
            yield Finding(TITLE.name, TITLE.group, 1.0, evidence, facts)
            return
    if len(said) > 1 and sum(word in words("roles") for word in said) * 2 >= len(said):
        facts = {"name": person.display[:80], "domain": person.domain}
        yield Finding(FREE_OFFICE.name, FREE_OFFICE.group, 1.0, evidence, facts)


def _is_passed_on(view: View, person: Person, other: Person) -> bool:
    """A list's, without its fields: "Anna via List", from and to the list itself, or answers to where it was sent."""
    places = {(one.local, one.domain) for one in view.recipients}
    by_list = bool(_VIA.search(person.display)) and (person.local, person.domain) in places
    return by_list or ((other.local, other.domain) in places and not is_free(other))


def _returned(view: View, person: Person, home: str) -> Iterable[Finding]:
    """Only where the server has looked for a proof and found none: senders for others are everywhere."""
    path = view.return_path
    if path is None or not bare(view):
        return
    there = path.organisation or path.domain
    if there and home and not same_owner(there, home):
        facts = {"other": path.domain, "domain": person.domain}
        evidence = (Evidence("envelope", f"{path.local}@{path.domain}"[:200]),)
        yield Finding(RETURN_ELSEWHERE.name, RETURN_ELSEWHERE.group, 1.0, evidence, facts)


def _from(person: Person, named: bool = False) -> Evidence:
    """As it stands there: the name, or the address."""
    return Evidence("from", person.display[:200] if named else f"{person.local}@{person.domain}")


SIGNALS: Final[tuple[Signal, ...]] = (
    ADDRESS,
    BRAND,
    EXECUTIVE,
    COLLEAGUE,
    OWNER,
    TITLE,
    FREE_HOST,
    FREE_OFFICE,
    REPLY_FREE,
    REPLY_ELSEWHERE,
    RETURN_ELSEWHERE,
    RANDOM,
    ENDING,
)
LOOKS: Final[tuple[Look, ...]] = (names, own_address, answers, domains)
