"""Whom an account knows: who has written to it, whom it has written to, what it has called junk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec

from courriel.model.ids import AccountId

ENOUGH: Final = 20
"""``correspondents.enough``: names from which on an account is said to remember."""


class Known(msgspec.Struct, frozen=True):
    """Messages of one address, or of all addresses of one domain."""

    received: int = 0
    answered: int = 0
    marked_good: int = 0
    marked_junk: int = 0


class Correspondents(Protocol):
    """They are habits: what was noted in the last second may be gone after a crash.  Names are lower case."""

    def note(self, account: AccountId, address: str, seen: Known) -> None:
        """Add to what is known of an address and of its domain.  Never waits, never raises."""
        ...

    def known(self, account: AccountId, names: Iterable[str]) -> Mapping[str, Known]:
        """Of those addresses and domains that were ever seen.  Short: for the loop's thread.  Raises Unavailable,
        Damaged."""
        ...

    def remembers(self, account: AccountId) -> bool:
        """Whether so many are known that an unknown one is a fact."""
        ...

    async def forget(self, account: AccountId) -> None:
        """Let go of an account's.  Raises Unavailable, Damaged."""
        ...
