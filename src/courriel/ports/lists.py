"""Who is on the lists, what lists wait for an answer to, and whose mail came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from courriel.model.mailing_list import Asked, Member, Question


class ListBook(Protocol):
    """Lists are named by their canonical address, members by theirs.  Changes are durable when they return.

    Every method raises Unavailable when the disk fails.
    """

    async def members(self, list: str) -> Sequence[Member]:
        """In the order in which they joined."""
        ...

    async def member(self, list: str, id: int) -> Member | None: ...

    async def find_member(self, list: str, address: str) -> Member | None: ...

    async def add_members(self, list: str, addresses: Sequence[str], at: float) -> int:
        """How many were not on it, or were suspended; both get posts from now on."""
        ...

    async def remove_member(self, list: str, address: str) -> None:
        """Raises NoSuchMember."""
        ...

    async def suspend(self, list: str, id: int) -> None: ...

    async def ask(self, asked: Asked) -> Asked:
        """Keep a question; what comes back has its id, which is never used twice."""
        ...

    async def asked(self, list: str) -> Sequence[Asked]:
        """What waits for an answer, oldest first, without contents."""
        ...

    async def asked_about(self, list: str, question: Question, address: str) -> Asked | None:
        """The latest question of this kind about an address, without its content."""
        ...

    async def question(self, list: str, id: int) -> Asked | None:
        """With its content."""
        ...

    async def settle(self, list: str, id: int) -> None:
        """The question is answered: it is gone."""
        ...

    async def note_bounce(self, key: str, day: int, days: int) -> int:
        """Mail of ``key`` came back on ``day`` (days of POSIX time): on how many of the last ``days`` it did.

        0 when this day was known already: what follows from a number follows once.
        """
        ...

    async def forget_bounces(self, key: str) -> None: ...

    async def forget_questions(self, before: float) -> int:
        """Questions asked earlier than that are gone; how many."""
        ...

    async def forget_list(self, list: str) -> None:
        """Its members and questions are gone."""
        ...
