"""What POP3 remembers, in memory.  Fulfils ``ports/maildrops.py: MaildropBook``; nothing survives the process."""

from __future__ import annotations

from collections.abc import Mapping

from courriel.model.ids import AccountId


class MemoryMaildrops:
    """See above."""

    def __init__(self) -> None:
        self._first: dict[AccountId, float] = {}
        self._carried: dict[AccountId, dict[int, bytes]] = {}

    async def first_login(self, account: AccountId, now: float) -> float:
        return self._first.setdefault(account, now)

    async def begin_anew(self, account: AccountId) -> None:
        self._first.pop(account, None)

    async def carried(self, account: AccountId) -> Mapping[int, bytes]:
        return dict(self._carried.get(account, {}))

    async def carry(self, account: AccountId, unique_ids: Mapping[int, bytes]) -> None:
        kept = self._carried.setdefault(account, {})
        for message, unique in unique_ids.items():
            kept.setdefault(message, unique)

    async def forget(self, account: AccountId) -> None:
        self._first.pop(account, None)
        self._carried.pop(account, None)

    def close(self) -> None:
        """Nothing to bring anywhere."""
