"""Which of many known words a word is one slip away from: a letter more, less, other, or two exchanged.

By deletions (a word and its neighbour share a form with one letter less), so the price is the length of the word, not
the number of those known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

LETTERS: Final = 6
"""A shorter word has honest neighbours everywhere."""
MOST: Final = 40
"""A longer word is not looked at."""


class Near:
    """``known`` words of at least ``letters``."""

    def __init__(self, known: Iterable[str], letters: int = LETTERS) -> None:
        self._letters = letters
        self._known = frozenset(word for word in known if letters <= len(word) <= MOST)
        self._shorter: dict[str, list[str]] = {}
        for word in self._known:
            for form in {word, *_deletions(word)}:
                self._shorter.setdefault(form, []).append(word)

    def of(self, word: str) -> str:
        """The known word that this one, itself unknown, is one slip away from; "" for none."""
        if word in self._known or not self._letters - 1 <= len(word) <= MOST + 1:
            return ""
        for form in (word, *_deletions(word)):
            for candidate in self._shorter.get(form, ()):
                if one_slip(word, candidate):
                    return candidate
        return ""


def one_slip(word: str, other: str) -> bool:
    """Distance 1 (Damerau's, adjacent letters exchanged count once)."""
    if word == other or abs(len(word) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    left, right = word[start:], other[start:]
    if len(left) == len(right):
        return left[1:] == right[1:] or (left[:2] == right[1::-1] and left[2:] == right[2:])
    return left[1:] == right or right[1:] == left


def _deletions(word: str) -> Iterator[str]:
    for i in range(len(word)):
        yield word[:i] + word[i + 1 :]
