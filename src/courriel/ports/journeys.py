"""What happened to a message, step by step, kept for people who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from courriel.base.log import Value


class Step(msgspec.Struct, frozen=True):
    """One event of a message: its name in the log, POSIX seconds, its fields."""

    event: str
    at: float
    fields: dict[str, Value]


class Journeys(Protocol):
    """Steps by message.  They are for people, not the truth: some of the last second may be gone after a crash."""

    def note(self, msg: str, event: str, fields: Mapping[str, Value]) -> None:
        """Keep a step.  Never waits, never raises."""
        ...

    async def steps(self, msg: str) -> Sequence[Step]:
        """In the order in which they happened."""
        ...

    async def find(self, message_id: str) -> Sequence[str]:
        """Our ids of the messages with this Message-ID, oldest first."""
        ...
