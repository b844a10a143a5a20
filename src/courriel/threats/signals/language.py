"""Languages that do not fit together.

The subject in one language and the text in another, or a text in a language that none of its headers names, is what
campaigns look like that were translated in part. Weak, and only where both are long enough to tell.

How it is evaded: by a translator. Good mail of people who live in two languages does this too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.phrases.find import words_of
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

_COMMON: Final = {
    "en": frozenset(
        [
            "the",
            "your",
            "you",
            "is",
            "and",
            "of",
            "to",
            "for",
            "with",
            "has",
            "been",
            "this",
            "from",
            "was",
            "are",
            "our",
        ]
    ),
    "fr": frozenset(
        [
            "le",
            "la",
            "les",
            "votre",
            "vous",
            "est",
            "et",
            "de",
            "pour",
            "avec",
            "dans",
            "un",
            "une",
            "du",
            "des",
            "nous",
            "sur",
        ]
    ),
    "de": frozenset(
        ["der", "die", "das", "ihr", "ihre", "sie", "ist", "und", "von", "für", "mit", "wurde", "nicht", "ein", "eine"]
    ),
    "es": frozenset(
        ["el", "la", "los", "su", "usted", "es", "y", "de", "para", "con", "en", "un", "una", "del", "por", "se"]
    ),
}
SURE: Final = 3
"""Common words of a language that a subject needs to be of it."""

MIXED: Final = Signal(
    name="content.languages",
    group=Group.CONTENT,
    seen=N_("The subject and the text are in different languages."),
    why=N_("Mass mail is often translated only in part."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.4, Kind.PHISHING: 0.4},
    fact=False,
)


def mixed(view: View) -> Iterable[Finding]:
    """Compares the language of the text with that of the subject."""
    if view.channel is not Channel.MAIL or view.language not in _COMMON:
        return
    words = words_of(view.subject.lower())
    counts = {language: sum(word in common for word in words) for language, common in _COMMON.items()}
    best = max(counts, key=lambda language: counts[language])
    if best != view.language and counts[best] >= SURE and counts[best] > 2 * counts[view.language]:
        yield Finding(MIXED.name, MIXED.group, 0.7, (Evidence("subject", view.subject[:100]),))


SIGNALS: Final[tuple[Signal, ...]] = (MIXED,)
LOOKS: Final[tuple[Look, ...]] = (mixed,)
