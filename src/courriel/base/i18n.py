"""The language in which people are spoken to: English, or French where a catalogue has the words.

GNU gettext's own rules decide (``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES``, ``LANG``).  The texts in the code are the
English ones; ``from gettext import gettext as _`` marks and translates them.

Texts of a table, or for a reader whose language is not the process's, are marked with ``N_`` and translated by
``translator`` when they are used.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

DOMAIN: Final = "courriel"
LOCALES: Final = Path(__file__).resolve().parent.parent / "locale"
LANGUAGES: Final = ("en", "fr")


def speak(language: str | None = None) -> None:
    """Choose the catalogue: ``language``, or what the environment asks for.  Call it before texts are made."""
    if language is not None:
        os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)


def N_(text: str) -> str:
    """Marks a text that is translated later; returns it as it is."""
    return text


@lru_cache(maxsize=len(LANGUAGES))
def translator(language: str) -> Callable[[str], str]:
    """From an English text to the same in ``language``; a text without a translation stays English."""
    return gettext.translation(DOMAIN, str(LOCALES), [language], fallback=True).gettext


def spoken() -> str:
    """The one of LANGUAGES that the environment asks for, which is what ``gettext`` speaks."""
    return LANGUAGES[1] if gettext.find(DOMAIN, str(LOCALES)) else LANGUAGES[0]
