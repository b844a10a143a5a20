"""Strings of a script: as they stand, or with ``${variables}`` put in when the script runs.

Encoded characters RFC 5228 §2.4.2.4; variables RFC 5229 §3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from courriel.sieve.run import Run

REFERENCE: Final = re.compile(r"\$\{((?>(?:[A-Za-z_][A-Za-z0-9_]*+\.)*)(?:[A-Za-z_][A-Za-z0-9_]*+|[0-9]{1,2}))\}")
NAME: Final = re.compile(r"(?:global\.)?[A-Za-z_][A-Za-z0-9_]*+")
_ENCODED: Final = re.compile(r"\$\{(hex|unicode):[ \t\r\n]*((?>(?:[0-9A-Fa-f]++[ \t\r\n]*+)+))\}", re.IGNORECASE)


def decode_characters(text: str) -> str:
    """``${hex: 24}`` and ``${unicode: 40}`` as what they mean.  Raises ValueError for what is no character."""
    return _ENCODED.sub(_decoded, text)


def _decoded(match: re.Match[str]) -> str:
    numbers = match[2].split()
    if match[1].lower() == "hex":
        if any(len(one) > 2 for one in numbers):
            return match[0]
        return bytes(int(one, 16) for one in numbers).decode("utf-8")
    codes = [int(one[:9], 16) for one in numbers]
    if any(code > 0x10FFFF or 0xD800 <= code < 0xE000 for code in codes):
        raise ValueError(match[0])
    return "".join(map(chr, codes))


class Text:
    """One string.  ``constant`` None: it has variables in it."""

    __slots__ = ("_pieces", "constant")

    def __init__(self, text: str, variables: bool) -> None:
        self.constant: str | None = text
        self._pieces: list[str] = []
        if variables and "${" in text:
            self._pieces = REFERENCE.split(text)
            if len(self._pieces) > 1:
                self.constant = None

    @property
    def names(self) -> list[str]:
        """Variables that stand in it."""
        return self._pieces[1::2] if self.constant is None else []

    def __call__(self, run: Run) -> str:
        if self.constant is not None:
            return self.constant
        pieces = [run.variable(one.lower()) if number % 2 else one for number, one in enumerate(self._pieces)]
        return "".join(pieces)[: run.settings.script_octets]


class Texts:
    """A list of strings."""

    __slots__ = ("_texts", "constant")

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = tuple(texts)
        fixed = [one.constant for one in texts]
        self.constant: tuple[str, ...] | None = (
            None if None in fixed else tuple(one for one in fixed if one is not None)
        )

    def __call__(self, run: Run) -> tuple[str, ...]:
        return self.constant if self.constant is not None else tuple([one(run) for one in self._texts])

    @property
    def texts(self) -> tuple[Text, ...]:
        """Each of them."""
        return self._texts
