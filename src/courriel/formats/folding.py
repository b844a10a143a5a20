"""Text made ready to be compared, and cut into words.  RFC 9051 §6.4.4: substrings, whatever their case.

Folding is Unicode's case folding, and letters with a mark written apart ("e" U+0301) become one ("é").  Accents stand:
"resume" does not find "résumé".  i;unicode-casemap (RFC 5051) also takes letters apart, so that "cafe" is found in
"café" by accident of the last letter only; that is no use to anybody, and is not done.

A *word* is the longest run of letters, "_" and marks of any script, or the longest run of digits: numbers and letters
in turn, as in keys and checksums, then make few words instead of endless ones.  Text without blanks (Chinese, Thai)
gives long runs; a run longer than ``PIECE`` is kept as pieces that overlap, so that whatever is no longer than
``LOOKUP`` stands whole in one of them.  Hence: a text holds a string of letters, or of digits, if one of its words
does.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

__all__ = ["LOOKUP", "Lookup", "fold", "lookup", "words"]

PIECE: Final = 32
STEP: Final = 16
LOOKUP: Final = 16
"""Characters of a word that are looked up: any run of so many lies within a piece (``PIECE`` - ``STEP``)."""

LOOKUPS: Final = 8
"""Words of a phrase that are looked up; the longest choose best."""

# Everything beyond ASCII but blanks and punctuation: Latin-1's, General Punctuation to Symbols, CJK's, wide forms'.
_WORD: Final = re.compile(
    "[0-9]+|[a-zA-Z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2c00-\u2dff\u2e80-\u2fff\u3005-\u3007\u3021-\ufefe\uff10-\U0010ffff]+"
)
_MARKED: Final = re.compile("[^\\W\\d_][\u0300-\u036f]{1,3}")


def fold(text: str) -> str:
    """Linear: only a letter and up to three marks are ever put together."""
    if text.isascii():
        return text.lower()
    folded = text.casefold()
    return _MARKED.sub(lambda match: unicodedata.normalize("NFC", match[0]), folded)


def words(folded: str) -> set[str]:
    """The words of a folded text, each once, long ones as pieces."""
    found = set(_WORD.findall(folded))
    if max(map(len, found), default=0) <= PIECE:
        return found
    for long in [word for word in found if len(word) > PIECE]:
        found.remove(long)
        found.update([long[at : at + PIECE] for at in range(0, len(long) - PIECE + STEP, STEP)])
    return found


class Lookup(msgspec.Struct, frozen=True):
    """How a folded string is looked up among words, each written ``\\nword\\n`` in UTF-8.

    A text that holds the string has, for each of ``parts``, a word with that in it.  ``exact``: and the other way
    round.  No parts: words say nothing about it.
    """

    parts: tuple[bytes, ...]
    exact: bool


def lookup(folded: str) -> Lookup:
    parts: list[bytes] = []
    exact = False
    for match in _WORD.finditer(folded):
        word = match[0]
        begins, ends = match.start() > 0, match.end() < len(folded)
        is_cut = len(word) > LOOKUP
        exact = not (begins or ends or is_cut)
        part = word[:LOOKUP].encode("utf-8", "surrogatepass")
        parts.append(b"\n" * begins + part + b"\n" * (ends and not is_cut))
    parts.sort(key=len, reverse=True)
    return Lookup(tuple(dict.fromkeys(parts))[:LOOKUPS], exact)
