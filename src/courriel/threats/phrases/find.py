"""All phrases of all tables, found in one pass over the words of a text.

A phrase is written as words with blanks between. ``a/b/c`` is any one of the words, ``a?`` a word that may be missing
(``a/b?`` likewise), ``…`` up to GAP words of any kind. Case, accents, apostrophes and punctuation do not count: the
text is compared word by word, so "l'accès a été bloqué" is ``l acces a ete bloque``, and so is what lazy or foreign
writers make of it.

First the phrases are sorted out whose words are not all there, whatever their order; what remains is looked at where
its first word stands. A phrase has at most GAPS gaps, so the work is linear in the words.

How it is evaded: misspelling, synonyms, pictures of text. The learnt model of words and the facts remain then.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import Final

__all__ = ["GAP", "GAPS", "HITS", "WORDS", "Hit", "Said", "said", "themes", "words_of"]

GAP: Final = 4
"""Words that ``…`` may stand for."""
GAPS: Final = 2
"""Gaps that a phrase may have."""
WORDS: Final = 8_000
"""Words that are looked at, from the beginning; a long article has 3,000."""
HITS: Final = 40
"""Phrases kept of one theme."""
TEXTS: Final = 4
"""Texts whose phrases are remembered while their signals are looked at."""

DENIABLE: Final = frozenset({"code", "card", "data-request"})
"""Themes that a word of denial before turns round.  "If you do not verify …" denies nothing: that theme is not here."""
_NEGATIONS: Final = frozenset({"not", "never", "t", "ne", "n", "jamais", "nunca", "nie", "niemals", "nao"})
_TABLES: Final = ("english", "french", "others")
_WORD: Final = re.compile(r"[^\W_]+")
_MARKS: Final = re.compile("[\u0300-\u036f]+")

_Tokens = tuple[frozenset[str] | None, ...]
_Phrase = tuple[str, _Tokens, tuple[frozenset[str], ...]]
"""Theme, what follows the first word, and the words of that without the gaps, last first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that was found: the words it begins and ends before, counted in words of the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a text without accents, and where each theme's phrases stand among them."""

    words: tuple[str, ...]
    hits: Mapping[str, tuple[Hit, ...]]

    def about(self, *names: str) -> bool:
        """Whether any of the themes is there."""
        return any(name in self.hits for name in names)

    def phrases(self, *names: str) -> tuple[str, ...]:
        """The different phrases of the themes as they were found, in words without accents, in order."""
        found = sorted((hit.start, hit.end) for name in names for hit in self.hits.get(name, ()))
        return tuple(dict.fromkeys(" ".join(self.words[start:end]) for start, end in found))


@lru_cache(maxsize=TEXTS)
def said(folded: str) -> Said:
    """Finds all phrases.  ``folded`` is a text in lower case; remembered, since a dozen signals ask."""
    words = words_of(folded)
    hits: dict[str, list[Hit]] = {}
    possible = _possible(words)
    for start in [place for place, word in enumerate(words) if word in possible]:
        for theme, rest, _ in possible[words[start]]:
            if (end := _end(words, start + 1, rest)) and not _denied(theme, words, start):
                found = hits.setdefault(theme, [])
                if len(found) < HITS and (not found or found[-1].end < end):
                    found.append(Hit(start, end))
    return Said(words, {theme: tuple(found) for theme, found in hits.items()})


def words_of(folded: str) -> tuple[str, ...]:
    """The words of a text in lower case, without accents, as phrases are compared with them."""
    return tuple(_WORD.findall(_plain(folded))[:WORDS])


@cache
def themes() -> frozenset[str]:
    """Names of all themes."""
    return frozenset(theme for theme, _ in _table())


def _plain(text: str) -> str:
    """Without accents."""
    return text if text.isascii() else _MARKS.sub("", unicodedata.normalize("NFD", text))


def _denied(theme: str, words: tuple[str, ...], start: int) -> bool:
    """Whether it is forbidden instead of asked for: "never share this code" is what honest senders write."""
    return theme in DENIABLE and not _NEGATIONS.isdisjoint(words[max(0, start - 4) : start])


def _possible(words: tuple[str, ...]) -> Mapping[str, list[_Phrase]]:
    """The phrases all of whose words stand somewhere in the text, by their first word: few, and found without a look
    at their order."""
    index, present = _index(), frozenset(words)
    possible: dict[str, list[_Phrase]] = {}
    for word in present & index.keys():
        for phrase in index[word]:
            for choice in phrase[2]:
                if choice.isdisjoint(present):
                    break
            else:
                possible.setdefault(word, []).append(phrase)
    return possible


def _end(words: tuple[str, ...], at: int, rest: _Tokens) -> int:
    """Where a phrase whose further words are ``rest`` ends, when it goes on at word ``at``; 0 when it does not."""
    for place, choice in enumerate(rest):
        if choice is None:
            below = rest[place + 1 :]
            return next((end for skip in range(GAP + 1) if (end := _end(words, at + skip, below))), 0)
        if at >= len(words) or words[at] not in choice:
            return 0
        at += 1
    return at


@cache
def _index() -> Mapping[str, tuple[_Phrase, ...]]:
    """Phrases by their first word."""
    index: dict[str, dict[_Phrase, None]] = {}
    for theme, phrase in _table():
        for first, *rest in _spelt(phrase):
            needed = tuple(choice for choice in reversed(rest) if choice)
            for word in first or ():
                index.setdefault(word, {})[theme, tuple(rest), needed] = None
    return {word: tuple(phrases) for word, phrases in index.items()}


def _table() -> Iterator[tuple[str, str]]:
    """Theme and phrase of all tables: lines below "[theme]", but for comments."""
    for name in _TABLES:
        theme = ""
        for line in Path(__file__).with_name(f"{name}.txt").read_text("utf-8").splitlines():
            if line.startswith("["):
                theme = line.strip("[]")
            elif line and not line.startswith("#"):
                yield theme, line


def _spelt(phrase: str) -> Iterator[_Tokens]:
    """The sequences a phrase stands for, with and without the words that may be missing; None is a gap."""
    tokens = _plain(phrase).split()
    for kept in product(*(((True, False) if token.endswith("?") else (True,)) for token in tokens)):
        spelt = [token.removesuffix("?") for token, keep in zip(tokens, kept, strict=True) if keep]
        yield tuple(
            None if token == "…" else frozenset(token.split("/"))
            for before, token in pairwise(["", *spelt])
            if (before, token) != ("…", "…")
        )
