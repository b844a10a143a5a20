"""Text compared as a person would: by words, whatever their accents and endings.  RFC 6203 §3.

"résumés facturés" finds "Facturation du resume": each word wanted, without its ending, begins a word of the text.  The
endings are the common ones of English and French; nothing is looked up in a dictionary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from courriel.formats.folding import LOOKUP, words

__all__ = ["holds_loosely", "loosen", "pattern", "stems"]

STEMS: Final = 16
"""Words that are compared; the longest choose best."""
SHORTEST_STEM: Final = 4
"""Characters an ending leaves; shorter words keep theirs."""
_ENDINGS: Final = (
    *("issements", "issement", "ements", "ations", "ement", "ation", "ments", "ment", "ites", "ings", "ives", "euse"),
    *("eurs", "eur", "ies", "ing", "ees", "ite", "ive", "ee", "es", "ed", "er", "ez", "s", "x", "e", "y"),
)
"""Longer ones first; accents are gone already."""
_RANGES: Final = ((0xC0, 0x250), (0x370, 0x460), (0x1E00, 0x2000))
"""Latin, Greek and Cyrillic letters that have an accent of their own."""
_LIGATURES: Final = {"œ": "oe", "æ": "ae"}
_MARKS: Final = range(0x300, 0x370)


def _bases() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(_MARKS)
    for first, end in _RANGES:
        for code in range(first, end):
            base = unicodedata.normalize("NFD", chr(code))[0]
            if base != chr(code) and base.isalpha() and base not in _LIGATURES:
                table[code] = base
    return table | {ord(letter): plain for letter, plain in _LIGATURES.items()}


_BASES: Final = _bases()
_VARIANTS: Final[dict[str, list[str]]] = {}
for _code, _base in _BASES.items():
    if _base is not None and len(_base) == 1:
        _VARIANTS.setdefault(_base, []).append(chr(_code))
_ANY_MARKS: Final = b"(?:\xcc[\x80-\xbf]|\xcd[\x80-\xaf])*"


def loosen(folded: str) -> str:
    """Without accents."""
    return folded if folded.isascii() else folded.translate(_BASES)


def stems(wanted: str) -> tuple[str, ...]:
    """What the words of a folded text have in common with their kin; none where there are no words."""
    found = {_stem(word)[:LOOKUP] for word in words(loosen(wanted))}
    return tuple(sorted(found, key=lambda stem: (-len(stem), stem)))[:STEMS]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            stem = word.removesuffix(ending)
            return stem[:-1] if stem[-1] == stem[-2] and len(stem) > SHORTEST_STEM else stem
    return word


def holds_loosely(folded: str, wanted: tuple[str, ...]) -> bool:
    """Whether each stem begins a word of the text."""
    there = words(loosen(folded))
    return all(any(word.startswith(stem) for word in there) for stem in wanted)


def pattern(stem: str) -> re.Pattern[bytes]:
    """Finds the words that ``stem`` begins, accents aside, where words are written ``\\nword\\n`` in UTF-8."""
    pieces = [b"\n", _ANY_MARKS]
    at = 0
    while at < len(stem):
        ligature = next((letter for letter, plain in _LIGATURES.items() if stem.startswith(plain, at)), "")
        if ligature:
            first, second = _letter(stem[at]), _letter(stem[at + 1])
            pieces.append(b"(?:%b%b|%b)" % (first, second, ligature.encode()))
            at += 2
            continue
        begun = [letter for letter, plain in _LIGATURES.items() if plain[0] == stem[at] and at == len(stem) - 1]
        pieces.append(_letter(stem[at], begun))
        at += 1
    return re.compile(b"".join(pieces))


def _letter(letter: str, begun: Sequence[str] = ()) -> bytes:
    """One letter with any accents; ``begun``: ligatures it may be the beginning of."""
    kinds = [re.escape(one.encode("utf-8", "surrogatepass")) for one in (letter, *_VARIANTS.get(letter, ()), *begun)]
    return (kinds[0] if len(kinds) == 1 else b"(?:%b)" % b"|".join(kinds)) + _ANY_MARKS
