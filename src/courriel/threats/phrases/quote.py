"""The words of a message that a phrase was found in, as they stand there.

Phrases are found in the folded text; what a person is shown is the text itself, with its accents, capitals and tricks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Final

from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence
from courriel.threats.phrases.find import WORDS, Hit, Said, said
from courriel.threats.view import View

__all__ = ["QUOTES", "quote", "window"]

QUOTES: Final = 2
"""Phrases that one finding quotes."""
_WORD: Final = re.compile(r"[^\W_]+")


def quote(view: View, *themes: str) -> tuple[Evidence, ...]:
    """The first different phrases of the themes, most telling theme first."""
    found = said(view.folded)
    quotes: dict[Evidence, None] = {}
    for theme in themes:
        for hit in found.hits.get(theme, ()):
            if len(quotes) < QUOTES:
                quotes[_evidence(view, found, hit)] = None
    return tuple(quotes)


def window(text: str, start: int, end: int) -> str:
    """The words around a place of a text, whole and short enough."""
    spare = max(0, EVIDENCE_CHARACTERS - (end - start)) // 4
    left = text.rfind(" ", 0, max(0, start - spare)) + 1 if start > spare else 0
    return " ".join(text[left : end + spare].split())[:EVIDENCE_CHARACTERS]


def _evidence(view: View, found: Said, hit: Hit) -> Evidence:
    spans = _spans(view.subject, view.visible)
    if not spans:
        return Evidence("text", " ".join(found.words[hit.start : hit.end])[:EVIDENCE_CHARACTERS])
    # Without tricks the words of both texts are the same ones; with them, the place is near.
    stretch = len(spans) / len(found.words)
    first = min(int(hit.start * stretch), len(spans) - 1)
    last = min(max(first, int((hit.end - 1) * stretch)), len(spans) - 1)
    subject_ends = len(view.subject)
    start, end = spans[first][0], spans[last][1]
    if start < subject_ends:
        return Evidence("subject", view.subject[start : min(end, subject_ends)][:EVIDENCE_CHARACTERS])
    start, end = start - subject_ends - 1, end - subject_ends - 1
    return Evidence("text", view.visible[start:end][:EVIDENCE_CHARACTERS])


@lru_cache(maxsize=4)
def _spans(subject: str, visible: str) -> tuple[tuple[int, int], ...]:
    """Where the words of a message stand, asked for by several findings in turn."""
    return tuple(word.span() for word in islice(_WORD.finditer(f"{subject}\n{visible}"), WORDS))
