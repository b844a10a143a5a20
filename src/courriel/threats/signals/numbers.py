"""Telephone numbers in a text: French, North American, and any that is written with its country.

Masked digits ("09 XX XX XX XX"), as authorities print them in their warnings, count as digits. Bare runs of digits do
not: they are orders and customers' numbers, unless a word for a telephone stands before.
"""

from __future__ import annotations

import re
from typing import Final

from courriel.threats.phrases.quote import window

__all__ = ["NUMBERS", "Number", "numbers"]

NUMBERS: Final = 20
"""Numbers that are looked at."""
_TEXT_CHARACTERS: Final = 30_000

Number = tuple[str, str]
"""The number as it stands, and the words around it."""

_NUMBER: Final = re.compile(
    r"""(?<![\w/.=-])(?:
        (?:\+33|0033|0)[ .\-]?(?:\(0\)[ .\-]?)?[1-9x](?:[ .\-]?[\dx]{2}){4}    # 01 23 45 67 89, +33 1 23 45 67 89
      | (?:\+?1[ .\-]{0,3})?\([2-9]\d{2}\)[ .\-(]{0,3}[\dx]{3}[ .\-()]{0,5}[\dx]{4}  # +1 (888) 555-0100
      | (?:\+?1[ .\-]{1,3})?[2-9]\d{2}[ .\-]{1,3}[\dx]{3}[ .\-]{1,3}[\dx]{4}   # 888-555-0100
      | \+[ ]?\d{1,3}[ .\-(]{0,2}\d(?:[ .\-()]{0,2}[\dx]){6,12}                # any with its country
      | (?<=[a-z:.\-][ \-])[01]?[2-9]\d{9}(?=\D)                               # 8885550100, judged below
    )(?!\w|-\w)""",
    re.VERBOSE,
)
_BARE: Final = re.compile(r"\d{10,11}")
_TELEPHONE: Final = re.compile(
    r"(?:\bph|phone|call|dial|ring|tel|contact|line|desk|care|support|help|number|numéro|appel)\D{0,20}$"
)
_DIGIT: Final = re.compile(r"\d")


def numbers(folded: str) -> tuple[Number, ...]:
    """The different numbers of a text in lower case, in order."""
    text = folded[:_TEXT_CHARACTERS] + " "
    if not _DIGIT.search(text):
        return ()
    found: dict[str, str] = {}
    for match in _NUMBER.finditer(text):
        number = match[0].strip()
        if _BARE.fullmatch(number) and not _TELEPHONE.search(text, max(0, match.start() - 40), match.start()):
            continue
        found.setdefault(number, window(text, match.start(), match.end()))
        if len(found) == NUMBERS:
            break
    return tuple(found.items())
