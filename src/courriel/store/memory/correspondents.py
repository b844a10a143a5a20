"""Whom accounts know, in memory.  Fulfils ``ports/correspondents.py: Correspondents``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from courriel.model.ids import AccountId
from courriel.ports.correspondents import ENOUGH, Known


class MemoryCorrespondents:
    """Nobody is ever forgotten unasked."""

    def __init__(self) -> None:
        self._known: dict[AccountId, dict[str, Known]] = {}

    def note(self, account: AccountId, address: str, seen: Known) -> None:
        mine = self._known.setdefault(account, {})
        for name in (address, address.rpartition("@")[2]):
            old = mine.get(name, Known())
            mine[name] = Known(
                old.received + seen.received,
                old.answered + seen.answered,
                max(0, old.marked_good + seen.marked_good),
                max(0, old.marked_junk + seen.marked_junk),
            )

    def known(self, account: AccountId, names: Iterable[str]) -> Mapping[str, Known]:
        mine = self._known.get(account, {})
        return {name: mine[name] for name in names if name in mine}

    def remembers(self, account: AccountId) -> bool:
        return len(self._known.get(account, {})) >= ENOUGH

    async def forget(self, account: AccountId) -> None:
        self._known.pop(account, None)
