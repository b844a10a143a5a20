"""What POP3 remembers of an account's maildrop beside the mail itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from courriel.model.ids import AccountId


class MaildropBook(Protocol):
    """Changes are durable when they return.  Raises Unavailable, Damaged."""

    async def first_login(self, account: AccountId, now: float) -> float:
        """When the account first came by POP3, in POSIX seconds: ``now`` when it never did, from now on."""
        ...

    async def begin_anew(self, account: AccountId) -> None:
        """Its next login is its first."""
        ...

    async def carried(self, account: AccountId) -> Mapping[int, bytes]:
        """Unique-ids that messages brought along from another server, by message id."""
        ...

    async def carry(self, account: AccountId, unique_ids: Mapping[int, bytes]) -> None:
        """Remember such; one that a message has already stays."""
        ...

    async def forget(self, account: AccountId) -> None:
        """The account is gone."""
        ...
