"""Text as a careless eye reads it: invisible characters gone, look-alike letters made Latin, compatible forms plain.

Letters of another alphabet are only changed inside text that is mostly Latin: a Russian message stays Russian.
Look-alikes are those of Unicode's confusables (UTS #39) whose picture is a Latin letter in common fonts.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["fold", "one_line"]

LATIN_SHARE: Final = 0.5
"""Of the letters, from which text counts as Latin."""
LOOKED_AT: Final = 4_000
"""Characters that show which alphabet a text is in."""

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]+"
)
_MARKS: Final = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_LATIN: Final = re.compile("[a-z\u00df-\u024f]")
_OTHER: Final = re.compile("[\u0370-\u058f\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff]")
_PICTURES: Final = {
    "a": "аαɑᴀꭺ",
    "b": "ьɓʙᏼƅ",
    "c": "сϲᴄⅽ",
    "d": "ԁɗᴅꭰ",
    "e": "еєҽɛᴇꭼ",
    "f": "ƒꜰ",
    "g": "ɡɢᏻ",
    "h": "һհнʜꮋ",
    "i": "іιɩıɪїꭵ",
    "j": "јϳᴊꭻ",
    "k": "кκᴋ",
    "l": "ӏⅼʟ",
    "m": "мᴍꮇ",
    "n": "пոηɴ",
    "o": "оοσօᴏ",
    "p": "рρᴘꮲ",
    "q": "ԛգզ",
    "r": "гʀꭱꮢ",
    "s": "ѕꜱꮪ",
    "t": "тτᴛꭲ",
    "u": "υսᴜ",
    "v": "νѵᴠꮩ",
    "w": "ԝωᴡꮃ",
    "x": "хχ",
    "y": "уүγʏꮍ",
    "z": "ᴢꮓ",
}
_ALIKE: Final = {ord(picture): letter for letter, pictures in _PICTURES.items() for picture in pictures}


def one_line(text: str) -> str:
    """Blanks run together."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """For comparing: see above; accents of Latin letters stay."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower()
    folded = unicodedata.normalize("NFC", _MARKS.sub("", folded))
    start = folded[:LOOKED_AT]
    latin = len(_LATIN.findall(start))
    if latin and latin >= LATIN_SHARE * (latin + len(_OTHER.findall(start))):
        folded = folded.translate(_ALIKE)
    return folded
