"""Lessons in memory.  Fulfils ``ports/lessons.py: Lessons``."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.clock import Clock
from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act, Lesson


class MemoryLessons:
    """Nothing is forgotten by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0
        self._kept: dict[tuple[AccountId, MessageId], tuple[int, Lesson]] = {}

    def note(self, account: AccountId, taught: Sequence[tuple[MessageId, MessageId]], is_junk: bool, act: Act) -> None:
        now = self._clock.now()
        for content, message in taught:
            self._number += 1
            self._kept[account, content] = self._number, Lesson(account, content, message, is_junk, act, now)

    async def after(self, number: int, limit: int) -> Sequence[tuple[int, Lesson]]:
        found = sorted((pair for pair in self._kept.values() if pair[0] > number), key=lambda pair: pair[0])
        return found[:limit]

    async def forget(self, account: AccountId) -> None:
        self._kept = {key: pair for key, pair in self._kept.items() if key[0] != account}
