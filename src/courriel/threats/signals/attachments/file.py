"""A file that came with a message, read as far as its bound, and what is left to spend on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence, Finding
from courriel.threats.signal import Signal
from courriel.threats.view import View

__all__ = [
    "DEPTH",
    "FILES",
    "FILE_OCTETS",
    "INFLATED_OCTETS",
    "PAGE_OCTETS",
    "TOTAL_OCTETS",
    "Budget",
    "File",
    "extension",
    "finding",
]

FILES: Final = 30
"""Files of a message that are looked into, archives' own included."""
FILE_OCTETS: Final = 8 << 20
"""Octets read of one file: what a harmful part needs to stand in, not all of a film."""
TOTAL_OCTETS: Final = 16 << 20
"""Octets read of all files of a message."""
INFLATED_OCTETS: Final = 3 << 20
"""Octets unpacked out of all files: some 10 ms a MB."""
PAGE_OCTETS: Final = 384 << 10
"""Octets of attached pages and drawings that are searched, of all of a message together."""
DEPTH: Final = 3
"""Archives in archives that are opened."""


@dataclass(slots=True)
class Budget:
    """What may still be spent on the files of one message."""

    files: int = FILES
    octets: int = TOTAL_OCTETS
    inflated: int = INFLATED_OCTETS
    pages: int = PAGE_OCTETS


@dataclass(frozen=True, slots=True)
class File:
    """``path`` is the name to show, with those of the archives around it; ``kind`` what its first octets say
    (formats.archive.sniff); ``size`` its whole length, ``octets`` the part that was read."""

    name: str
    path: str
    kind: str
    size: int
    octets: bytes
    view: View
    depth: int = 0
    inline: bool = False
    budget: Budget = field(default_factory=Budget)


def extension(name: str) -> str:
    """The last extension of a name, lower case, without the dot; Windows drops blanks and dots at the end."""
    return PurePath(name.rstrip(" .\u202c").replace("\\", "/")).suffix[1:].lower()


def finding(file: File, signal: Signal, strength: float = 1.0, seen: str = "", **facts: str) -> Finding:
    """A finding about the file; ``seen`` are words in it that show it."""
    evidence = [Evidence("attachment", file.path[:EVIDENCE_CHARACTERS])]
    if seen:
        evidence.append(Evidence("attachment", seen[:EVIDENCE_CHARACTERS]))
    named = {"file": file.path[:EVIDENCE_CHARACTERS], **facts}
    return Finding(signal.name, signal.group, round(min(1.0, strength), 3), tuple(evidence), named)
