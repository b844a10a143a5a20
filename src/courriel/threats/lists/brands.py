"""The brands in whose name people are deceived: by their names, by their domains, by the labels of these."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from courriel.threats.lists import lines, words

LABEL_LETTERS: Final = 5
"""A shorter label is in too many words to mean anything there."""
SHORT_LETTERS: Final = 3
"""A shorter label means nothing even when hyphens set it apart."""
JOINED: Final = 8
"""Letters of a name of several words that is recognised run together."""
_SPACED: Final = re.compile(r"(?:(?<=^)|(?<=[\s._-]))(?:\w[ .]){2,}\w(?=$|[\s._-])")
_MARKS: Final = re.compile("[\u00a9\u00ae\u2120\u2122\U0001f150-\U0001f1ff]")
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Brand:
    """``everyday``: its name is a word or a family name too.  ``domains`` are registrable ones; the first is shown."""

    name: str
    everyday: bool
    domains: tuple[str, ...]


def unmarked(text: str) -> str:
    """Without marks of trade and letters in boxes, which NFKC would make letters of the name."""
    return _MARKS.sub(" ", text)


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a name, lower case, without accents; "U P S" is one word."""
    text = _SPACED.sub(lambda spaced: spaced[0].replace(" ", "").replace(".", ""), text)
    bare = unicodedata.normalize("NFD", text.lower())
    return tuple(_WORD.findall("".join(one for one in bare if not unicodedata.combining(one))))


@cache
def all_brands() -> tuple[tuple[tuple[str, ...], Brand], ...]:
    """Each name of each brand, in words, with the brand."""
    found = []
    for line in lines("brands"):
        names, _, domains = line.partition(": ")
        everyday = names.startswith("*")
        written = [name.strip() for name in names.lstrip("*").split("|")]
        brand = Brand(written[0], everyday, tuple(domains.split()))
        found += [(plain_words(name), brand) for name in written]
    return tuple(found)


@cache
def by_first_word() -> dict[str, tuple[tuple[tuple[str, ...], Brand], ...]]:
    """The names that begin with a word, longest first."""
    found: dict[str, list[tuple[tuple[str, ...], Brand]]] = {}
    for name, brand in all_brands():
        found.setdefault(name[0], []).append((name, brand))
    return {first: tuple(sorted(pairs, key=lambda pair: -len(pair[0]))) for first, pairs in found.items()}


@cache
def by_joined_words() -> dict[str, Brand]:
    """Long names of several words, run together: "trustwallet"."""
    return {joined: brand for name, brand in all_brands() if len(name) > 1 and len(joined := "".join(name)) >= JOINED}


@cache
def by_domain() -> dict[str, Brand]:
    """Whose a registrable domain is."""
    return {domain: brand for _, brand in reversed(all_brands()) for domain in brand.domains}


@cache
def all_labels() -> dict[str, Brand]:
    """First labels of their domains, but for those that anybody's may hold: "paypal", "dhl"."""
    found: dict[str, Brand] = {}
    for _, brand in all_brands():
        for domain in brand.domains:
            label = domain.partition(".")[0]
            if len(label) >= SHORT_LETTERS and label not in words("generic"):
                found.setdefault(label, brand)
    return found


@cache
def labels() -> dict[str, Brand]:
    """Those of them that are long enough to be recognised inside another word."""
    return {label: brand for label, brand in all_labels().items() if len(label) >= LABEL_LETTERS}


def same_owner(one: str, other: str) -> bool:
    """Whether two registrable domains belong to one organisation, as far as is known: one brand's, or one name with
    two endings."""
    if one == other:
        return True
    owners = (by_domain().get(one), by_domain().get(other))
    if any(owner is not None and {one, other} <= set(owner.domains) for owner in owners):
        return True
    label = one.partition(".")[0]
    return len(label) > 1 and label == other.partition(".")[0]
