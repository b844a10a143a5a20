"""People's scripts, and what their runs have to remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from courriel.model.ids import AccountId
from courriel.model.script import Kept


class SieveStore(Protocol):
    """Names are canonical (``model/script.py``).  Changes are durable when they return; ``active`` and ``known`` answer
    from memory, or in microseconds.  Every method raises Unavailable when the disk fails.
    """

    def active(self, account: AccountId) -> Kept | None:
        """The script at work, None for most."""
        ...

    async def scripts(self, account: AccountId) -> Sequence[Kept]:
        """By name."""
        ...

    async def read(self, account: AccountId, name: str) -> bytes:
        """Raises NoSuchScript."""
        ...

    async def put(self, account: AccountId, name: str, content: bytes, most: int) -> None:
        """Keep a script, instead of the one of that name if there is one.  Raises TooManyScripts for more than
        ``most``."""
        ...

    async def activate(self, account: AccountId, name: str) -> None:
        """Put a script to work instead of any other; "" lets all rest.  Raises NoSuchScript."""
        ...

    async def rename(self, account: AccountId, name: str, new_name: str) -> None:
        """Raises NoSuchScript, ScriptExists."""
        ...

    async def remove(self, account: AccountId, name: str) -> None:
        """Raises NoSuchScript, ScriptActive."""
        ...

    async def forget_account(self, account: AccountId) -> None:
        """Its scripts and all that was remembered are gone."""
        ...

    # --- memory -------------------------------------------------------------------------------------------------
    def known(self, account: AccountId, key: str, now: float) -> bool:
        """Whether ``key`` is remembered at ``now``."""
        ...

    async def remember(self, account: AccountId, keys: Mapping[str, float], now: float, most: int) -> frozenset[str]:
        """Remember each key until its time (POSIX seconds); those that were not known.  Of more than ``most`` the
        first to end give way."""
        ...

    async def forget(self, now: float) -> int:
        """What has ended is gone; how many keys."""
        ...
