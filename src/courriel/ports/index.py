"""An index of the words of stored mail.  RFC 9051 §6.4.4: its answers are those of reading every message.

An index may lag behind, or be damaged and made anew: it says which messages it cannot speak for, and those are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

import msgspec

from courriel.ports.store import View


class Place(Enum):
    """Where a text is looked for."""

    HEADER = "header"
    """The message's own header, trace fields included."""
    BODY = "body"
    """Text of the parts, and what the index knows of attachments."""
    MESSAGE = "message"
    """Either."""


class Matches(msgspec.Struct, frozen=True):
    """UIDs of one mailbox.  ``hits`` hold the text, ``doubts`` have to be read, all others do not hold it."""

    hits: set[int]
    doubts: set[int]


class IndexState(msgspec.Struct, frozen=True):
    """One file set: ``indexed`` bodies of ``bodies``, and what the files weigh."""

    shard: int
    bodies: int
    indexed: int
    octets: int


class TextIndex(Protocol):
    """What is known of the words of all accounts' mail."""

    async def find(self, view: View, place: Place, text: str, loose: bool = False) -> Matches:
        """Which messages of ``view`` hold ``text`` (folded, ``formats/folding.py``; not empty).

        ``loose``: hold its words, as ``formats/loose.py`` compares them, trace fields left out.
        """
        ...

    async def state(self) -> Sequence[IndexState]: ...

    async def rebuild(self) -> None:
        """Forget everything; it is read again in the background, and searches read mail meanwhile."""
        ...
