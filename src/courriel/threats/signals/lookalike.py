"""Domains that look like another's: of the author, of answers, and of links.

Sees: letters of other alphabets or digits that draw the same word (UTS #39), one letter more, less, other or
exchanged, and a known name with words added ("paypal-secure").  Why: a glance is all that a domain gets.  How it is
evaded: a name that has nothing in common with the brand (most phishing), or another's site.  Good mail: thousands of
honest names are one letter from a famous one, so distance counts only against ~300 attacked brands and the house's own
domains, never for names of under six letters nor for those that have visitors of their own (neighbours.txt).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

from courriel.base.i18n import N_
from courriel.formats.domain import to_unicode
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.lists import brands, lines, within, words
from courriel.threats.lists.nearness import Near
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

HOSTS: Final = 50
"""Different organisations of links that are looked at."""
OWN_LETTERS: Final = 5
"""Names of the house's own domains that are long enough to have look-alikes."""
SAME_NAME: Final = 0.5
"""Strength of a name with another ending: it may well be somebody's of the same name."""
CHANCE: Final = 3
"""Letters of chance behind a name."""
CHANCE_BEHIND: Final = 5
"""A shorter name has too many honest words behind it."""
LURE_LETTERS: Final = 18
"""Of the longest word of lures, with room."""
_DIGITS: Final = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"})
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))

SENDER: Final = Signal(
    name="identity.lookalike-domain",
    group=Group.IDENTITY,
    seen=N_("The sender's domain {domain} imitates {real}."),
    why=N_("It differs by little on purpose: whoever owns it wants to be taken for {real}."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.6, Kind.SPAM: 0.8, Kind.SCAM: 0.5, Kind.SPOOFING: 0.5},
)
OWN: Final = Signal(
    name="identity.lookalike-of-yours",
    group=Group.IDENTITY,
    seen=N_("The sender's domain {domain} imitates your own, {real}."),
    why=N_("Somebody registered it to be taken for one of your colleagues."),
    then=advice.ASK,
    weights={Kind.SPEAR_PHISHING: 3.0, Kind.WHALING: 2.5, Kind.SPOOFING: 1.5, Kind.PHISHING: 1.0},
)
LINK: Final = Signal(
    name="links.lookalike-domain",
    group=Group.LINKS,
    seen=N_("A link leads to {domain}, which imitates {real}."),
    why=N_("It differs by little on purpose: whoever owns it wants to be taken for {real}."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.6, Kind.SMISHING: 2.4, Kind.SCAM: 0.4},
)


def sender(view: View) -> Iterable[Finding]:
    """The author's domain and that of answers: first against the house's own, then against brands."""
    if view.channel is not Channel.MAIL:
        return
    for where, people in (("from", view.authors[:3]), ("reply-to", view.reply_to[:2])):
        for person in people:
            name = person.organisation or person.domain
            real = imitated_own(name, view.context.own_domains)
            signal, real = (OWN, real) if real else (SENDER, imitated(name))
            if real:
                facts = {"domain": shown(name), "real": real}
                strength = SAME_NAME if _label(name) == real.partition(".")[0] else 1.0
                evidence = (Evidence(where, f"{person.local}@{person.domain}"),)
                yield Finding(signal.name, signal.group, strength, evidence, facts)
                return


def links(view: View) -> Iterable[Finding]:
    """Hosts of links; the first that imitates."""
    own = view.context.own_domains
    for name in list(dict.fromkeys(link.organisation for link in view.links))[:HOSTS]:
        real = imitated_own(name, own) or imitated(name)
        if real:
            href = next(link.href for link in view.links if link.organisation == name)
            facts = {"domain": shown(name), "real": real}
            yield Finding(LINK.name, LINK.group, 1.0, (Evidence("link", href[:200]),), facts)
            return


@lru_cache(maxsize=4096)
def imitated(name: str) -> str:
    """The brand's domain that a registrable domain (A-labels) imitates; "" for none."""
    if not name or name in brands.by_domain() or name in words("neighbours"):
        return ""
    label = _label(name)
    pictured = _pictured(label)
    known = brands.labels()
    if pictured != label and pictured in known:
        return known[pictured].domains[0]
    if label in known:
        cheap = within(name, "free_hosts") or name.rpartition(".")[2] in words("suspicious_tlds")
        return known[label].domains[0] if cheap else ""
    undone = _undone(pictured)
    near = undone if undone in known else _near_brands().of(pictured)
    if near:
        return known[near].domains[0]
    return _with_words(label)


@lru_cache(maxsize=4096)
def imitated_own(name: str, own_domains: frozenset[str]) -> str:
    """The own domain that a registrable domain imitates."""
    if not name or any(name == own or own.endswith(f".{name}") or name.endswith(f".{own}") for own in own_domains):
        return ""
    label = _label(name)
    pictured = _pictured(label)
    for own in sorted(own_domains):
        real = own.partition(".")[0]
        if len(real) < OWN_LETTERS:
            continue
        alike = pictured == real or _undone(pictured) == _undone(real)
        if alike or _near_own(real).of(pictured) or _added(label, real):
            return own
    return ""


def shown(name: str) -> str:
    """As a browser might draw it."""
    return to_unicode(name) if "xn--" in name else name


def raw_label(label: str) -> str:
    """What an A-label stands for, also where IDNA forbids it (RFC 3492)."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").lower()
    except (UnicodeError, ValueError, OverflowError):
        return label


def _label(name: str) -> str:
    return raw_label(name.partition(".")[0])


@cache
def _pictures() -> dict[int, str]:
    """Look-alike letter → Latin letter."""
    found = {}
    for line in lines("confusables"):
        letter, _, alike = line.partition(" ")
        found.update({ord(one): letter for one in alike})
    return found


def _pictured(label: str) -> str:
    """Letters of other alphabets made the Latin ones that they look like, accents left out."""
    return label if label.isascii() else "".join(brands.plain_words(label.translate(_pictures())))


def _undone(label: str) -> str:
    """Digits and pairs of letters made the letter that they look like."""
    for pair, letter in _PAIRS:
        label = label.replace(pair, letter)
    return label.translate(_DIGITS)


@cache
def _near_brands() -> Near:
    return Near(brands.labels())


@lru_cache(maxsize=256)
def _near_own(real: str) -> Near:
    return Near((real,), letters=OWN_LETTERS)


@cache
def _brand_inside() -> re.Pattern[str]:
    names = sorted((re.escape(label) for label, brand in brands.labels().items() if not brand.everyday), key=len)
    return re.compile("|".join(reversed(names)))


def _with_words(label: str) -> str:
    """The brand whose label has words of lures added, by hyphens or run together ("paypal-secure", "mynetflixbill"),
    or three letters of chance ("costcocpt")."""
    known, parts = brands.labels(), label.split("-")
    for part in parts if len(parts) > 1 else ():
        brand = brands.all_labels().get(part)
        if brand is not None and _is_set_apart(brand, part, [other for other in parts if other != part]):
            return brand.domains[0]
    for found in _brand_inside().finditer(label):
        before, behind = label[: found.start()].strip("-"), label[found.end() :].strip("-")
        by_chance = (
            not before and len(behind) == CHANCE and len(found[0]) > CHANCE_BEHIND and behind not in words("endings")
        )
        if by_chance or _are_lures([rest for rest in (before, behind) if rest], all_of_them=True):
            return known[found[0]].domains[0]
    return ""


def _is_set_apart(brand: brands.Brand, part: str, others: list[str]) -> bool:
    """Whether a name between hyphens is the brand's: a long one that is no everyday word always, another beside words
    of lures."""
    if part in words("lures"):
        return False
    if len(part) >= brands.LABEL_LETTERS:
        return not brand.everyday or _are_lures(others, all_of_them=False)
    return not all(other.isdigit() for other in others) and _are_lures(others, all_of_them=True)


def _are_lures(parts: list[str], all_of_them: bool) -> bool:
    several = [_is_lures(part) for part in parts]
    return bool(several) and (all(several) if all_of_them else any(several))


@lru_cache(maxsize=4096)
def _is_lures(text: str) -> bool:
    """Whether a text is words of lures run together, digits aside."""
    text = text.strip("0123456789-")
    return not text or any(
        text[:end] in words("lures") and _is_lures(text[end:]) for end in range(2, min(len(text), LURE_LETTERS) + 1)
    )


def _added(label: str, real: str) -> bool:
    """The own name, its hyphens aside, with words added by hyphens, or with words of lures run together."""
    if real in label.split("-") or label.startswith(f"{real}-") or label.endswith(f"-{real}"):
        return True
    bare = real.replace("-", "")
    before, found, behind = label.replace("-", "").partition(bare)
    return bool(found and bare != label) and _are_lures([rest for rest in (before, behind) if rest], all_of_them=True)


SIGNALS: Final[tuple[Signal, ...]] = (SENDER, OWN, LINK)
LOOKS: Final[tuple[Look, ...]] = (sender, links)
