"""A finding from phrases: the part that all signals of words have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from courriel.model.threat import Channel, Finding
from courriel.threats.phrases.find import said
from courriel.threats.phrases.quote import quote
from courriel.threats.signal import Signal
from courriel.threats.view import View

__all__ = ["LONG", "each", "told"]

LONG: Final = 1_500
"""Words after which a text is long: phrases of everyday stand in any long text, and count for less there."""


def told(view: View, signal: Signal, *themes: str, strength: float | None = None) -> Iterator[Finding]:
    """The finding that one of the themes is there.  Without ``strength``, one phrase is worth half, each further one
    half of the rest."""
    if said(view.folded).about(*themes):
        yield Finding(
            signal.name,
            signal.group,
            round(weight(view, *themes) if strength is None else strength, 3),
            quote(view, *themes),
        )


def each(view: View, table: Mapping[str, Signal]) -> Iterable[Finding]:
    """The findings of a table from theme to signal."""
    hits = said(view.folded).hits
    for theme in table.keys() & hits.keys():
        yield from told(view, table[theme], theme)


def weight(view: View, *themes: str) -> float:
    """How much the themes are there, 0 to 1, less in a long text.  Who telephones takes more words to say it."""
    found = said(view.folded)
    count = len(found.phrases(*themes))
    dilution = 1.0 if view.channel is not Channel.MAIL else min(1.0, LONG / max(1, len(found.words)))
    return float((1 - 0.5**count) * dilution)
