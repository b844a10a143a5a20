"""Regular expressions mean the same on every Python we run on.

Python before 3.11.5 (Debian 12 has 3.11.2) forgets to go back where the last round of a possessive *group* failed half
way: ``(?:ab)*+`` finds three characters in "aba" (cpython#106052).  An atomic group around a greedy one,
``(?>(?:ab)*)``, says the same and is right everywhere; possessive single items (``[a-z]*+``) are right too.
"""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src" / "courriel"
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")


def _raw_strings(file: Path) -> list[tuple[int, str]]:
    with tokenize.open(file) as lines:
        return [
            (token.start[0], token.string)
            for token in tokenize.generate_tokens(lines.readline)
            if token.type == tokenize.STRING and "r" in token.string.partition(token.string[-1])[0].lower()
        ]


def test_no_group_is_possessive() -> None:
    wrong = [
        f"{file.relative_to(SOURCES)}:{line} {text}"
        for file in SOURCES.rglob("*.py")
        for line, text in _raw_strings(file)
        if POSSESSIVE_GROUP.search(text)
    ]
    assert not wrong, "write (?>(?:…)*) for (?:…)*+"


def test_such_a_group_is_found() -> None:
    assert POSSESSIVE_GROUP.search(r"(?:ab)*+c") and POSSESSIVE_GROUP.search(r"(a){1,2}+")
    assert not POSSESSIVE_GROUP.search(r"(?>(?:ab)*)c[a-z]*+\)*+")
