"""Addresses and words of a message made harmless to show: nothing to click on, nothing that hides.

defang   ``https://bank.example/a`` → ``hxxps://bank[.]example/a``: no program makes a link of it
visible  characters that a screen does not show, or that turn text round, become their names: ``⟨U+202E⟩``
"""

from __future__ import annotations

import re
from typing import Final

_SCHEME: Final = re.compile(r"(h)tt(ps?)(?=:|%3a)|(f)t(ps?)(?=://)|\b(mailto|tel|sms|javascript|data)(:)", re.I)
_CUT_OFF: Final = re.compile(r"(h)tt(ps?)(?=://)|(f)t(ps?)(?=://)", re.I)
"""A scheme whose address is in another piece of the text: what is marked or named in between cuts it."""
_AFTER: Final = re.compile(r"(?<=[\w\])])\.(?=[\w\[])")
_ADDRESS: Final = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bmailto:|\bwww\.)[^\s<>\"]{1,4000}|[\w.+-]{1,64}@[\w.-]{1,255}"
    r"|\b(?:[\w-]{1,63}\.){1,10}[a-z]{2,24}\b(?:/[^\s<>\"]{0,4000})?",
    re.I,
)
_LINK: Final = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bmailto:|\bwww\.)[^\s<>\"]{1,4000}", re.I)
_AT: Final = re.compile(r"@")

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Controls, soft hyphens, zero-width, direction, filler and tag characters (UTS #39, UAX #9), and lone surrogates.  Not
the two variation selectors that every emoji brings."""


def defang(address: str) -> str:
    """One address, of whatever scheme, that nothing makes a link of any more."""
    return _AFTER.sub("[.]", _AT.sub("[@]", _SCHEME.sub(_scheme, address)))


def defanged(text: str) -> str:
    """A text with every address in it defanged."""
    return _CUT_OFF.sub(_scheme, _ADDRESS.sub(lambda match: defang(match[0]), text))


def unlinked(text: str) -> str:
    """A sentence with every link in it defanged; a mere ``bank.example`` or ``marie@home.example`` stays."""
    return _CUT_OFF.sub(_scheme, _LINK.sub(lambda match: defang(match[0]), text))


def visible(text: str) -> str:
    """The same with every character named that a reader could not see."""
    return _UNSEEN.sub(lambda match: named(match[0]), text)


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut where unseen characters stand: (words, False) and (name of a character, True)."""
    found: list[tuple[str, bool]] = []
    at = 0
    for match in _UNSEEN.finditer(text):
        if match.start() > at:
            found.append((text[at : match.start()], False))
        found.append((named(match[0]), True))
        at = match.end()
    return [*found, (text[at:], False)] if at < len(text) else found


def named(character: str) -> str:
    """``⟨U+200B⟩``."""
    return f"⟨U+{ord(character):04X}⟩"


def _scheme(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]}xx{match[2]}"
    return f"{match[3]}x{match[4]}" if match[3] else f"{match[5]}[:]"
