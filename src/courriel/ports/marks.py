"""What the people of this installation have taught of junk: counts of words for each account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from courriel.model.ids import AccountId, MessageId


class Counted(msgspec.Struct, frozen=True):
    """Marked messages that had a feature."""

    junk: int = 0
    good: int = 0


class Learnt(msgspec.Struct, frozen=True):
    """What an account has taught: marks of either kind, and POSIX seconds of the last (0: never)."""

    junk: int = 0
    good: int = 0
    last: float = 0.0


class Mark(msgspec.Struct, frozen=True):
    """One message as its reader marked it.  ``features`` are those of its text; the same for all copies of it."""

    account: AccountId
    content: MessageId
    is_junk: bool
    at: float
    features: frozenset[int]


class AccountMarks(Protocol):
    """A content counts as it was marked last: marking it the other way takes the old mark back."""

    def learnt(self, account: AccountId) -> Learnt:
        """Never waits: known in memory."""
        ...

    def counts(self, account: AccountId, features: Iterable[int]) -> Mapping[int, Counted]:
        """Of those features that were ever seen.  Short: for the loop's thread.  Raises Unavailable, Damaged."""
        ...

    async def learn(self, marks: Sequence[Mark], upto: int) -> None:
        """Keep marks; ``upto`` is the number of the last lesson they were made of.  Durable when it returns.  Raises
        Unavailable, Damaged."""
        ...

    async def upto(self) -> int:
        """The last lesson that was learnt; 0 for none."""
        ...

    async def forget(self, account: AccountId) -> None:
        """Let go of all that an account has taught.  Raises Unavailable, Damaged."""
        ...
