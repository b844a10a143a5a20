"""What people taught of junk, kept for whoever learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act, Lesson


class Lessons(Protocol):
    """Of one content of an account the last lesson is kept.  Those of the last second may be gone after a crash."""

    def note(self, account: AccountId, taught: Sequence[tuple[MessageId, MessageId]], is_junk: bool, act: Act) -> None:
        """Keep lessons of now: (content, message) each.  Never waits, never raises."""
        ...

    async def after(self, number: int, limit: int) -> Sequence[tuple[int, Lesson]]:
        """At most ``limit`` lessons with a higher number than this, ascending, each with its number.

        Every lesson has a higher number than those before it.  Raises Unavailable, Damaged.
        """
        ...

    async def forget(self, account: AccountId) -> None:
        """Let go of an account's lessons.  Raises Unavailable, Damaged."""
        ...
