"""Which language a text is in, by its commonest words.  Enough to choose phrases by; no more is claimed."""

from __future__ import annotations

import re
from typing import Final

WORDS_LOOKED_AT: Final = 120
FEWEST: Final = 2
"""Common words that must be there; fewer tell nothing."""

_COMMON: Final = {
    "en": "the and of to you your for is this that with have are we our from not will it be as on if i can any was but",
    "fr": "le la les des et vous votre vos est pour une dans sur avec nous notre que qui pas par ce cette au aux du je "
    "mon ton il sera bonjour cordialement merci ne se un été ou mais",
    "de": "der die das und sie ihr ihre ist für mit nicht ein eine zu von auf wir den dem im werden haben bei oder",
    "es": "el los las y usted su para con una por que es en de se nuestro nos más este está como del lo",
    "pt": "o os as e você seu sua para com uma por que não em do da dos das se nosso mais está como ao na no",
    "nl": "de het een en u uw van voor met is niet op wij onze dat te zijn deze aan wordt bij naar heeft",
    "it": "il gli e per con una che non di del della suo sua nostro questo è sono nel dei al alla più",
}
_OF: Final[dict[str, list[str]]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _OF.setdefault(_word, []).append(_language)
_WORD: Final = re.compile(r"[^\W\d_]+")
_PER_TEXT_CHARACTERS: Final = 1_000


def language(folded: str) -> str:
    """ "en", "fr" …, "" where too little is said.  ``folded`` in lower case."""
    points: dict[str, float] = {}
    for word in _WORD.findall(folded[:_PER_TEXT_CHARACTERS])[:WORDS_LOOKED_AT]:
        for one in _OF.get(word, ()):
            points[one] = points.get(one, 0.0) + 1 / len(_OF[word])
    best = max(points, key=lambda one: points[one], default="")
    return best if best and points[best] >= FEWEST else ""
