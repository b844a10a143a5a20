"""Scripts in memory.  Fulfils ``ports/sieve.py: SieveStore``; nothing survives the process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from courriel.model.ids import AccountId
from courriel.model.script import Kept, NoSuchScript, ScriptActive, ScriptExists, TooManyScripts


class MemorySieve:
    """Scripts by account and name, and keys by account."""

    def __init__(self) -> None:
        self._scripts: dict[AccountId, dict[str, tuple[Kept, bytes]]] = {}
        self._keys: dict[AccountId, dict[str, float]] = {}

    def active(self, account: AccountId) -> Kept | None:
        return next((kept for kept, _ in self._of(account).values() if kept.is_active), None)

    async def scripts(self, account: AccountId) -> Sequence[Kept]:
        return [kept for _, (kept, _content) in sorted(self._of(account).items())]

    async def read(self, account: AccountId, name: str) -> bytes:
        return self._find(account, name)[1]

    async def put(self, account: AccountId, name: str, content: bytes, most: int) -> None:
        scripts = self._scripts.setdefault(account, {})
        known = scripts.get(name)
        if known is None and len(scripts) >= most:
            raise TooManyScripts(name)
        is_active = known is not None and known[0].is_active
        scripts[name] = (Kept(name, len(content), hashlib.sha256(content).digest(), is_active), content)

    async def activate(self, account: AccountId, name: str) -> None:
        if name:
            self._find(account, name)
        scripts = self._of(account)
        for other, (kept, content) in scripts.items():
            scripts[other] = (msgspec.structs.replace(kept, is_active=other == name), content)

    async def rename(self, account: AccountId, name: str, new_name: str) -> None:
        kept, content = self._find(account, name)
        if new_name in self._of(account):
            raise ScriptExists(new_name)
        del self._scripts[account][name]
        self._scripts[account][new_name] = (msgspec.structs.replace(kept, name=new_name), content)

    async def remove(self, account: AccountId, name: str) -> None:
        if self._find(account, name)[0].is_active:
            raise ScriptActive(name)
        del self._scripts[account][name]

    async def forget_account(self, account: AccountId) -> None:
        self._scripts.pop(account, None)
        self._keys.pop(account, None)

    def known(self, account: AccountId, key: str, now: float) -> bool:
        return self._keys.get(account, {}).get(key, now) > now

    async def remember(self, account: AccountId, keys: Mapping[str, float], now: float, most: int) -> frozenset[str]:
        fresh = frozenset(key for key in keys if not self.known(account, key, now))
        kept = {**self._keys.get(account, {}), **keys}
        latest = sorted(kept, key=lambda key: (-kept[key], key))[:most]
        self._keys[account] = {key: kept[key] for key in latest}
        return fresh

    async def forget(self, now: float) -> int:
        gone = 0
        for keys in self._keys.values():
            for key in [key for key, until in keys.items() if until <= now]:
                del keys[key]
                gone += 1
        return gone

    def close(self) -> None:
        """Nothing to let go of."""

    def _of(self, account: AccountId) -> dict[str, tuple[Kept, bytes]]:
        return self._scripts.get(account, {})

    def _find(self, account: AccountId, name: str) -> tuple[Kept, bytes]:
        found = self._of(account).get(name)
        if found is None:
            raise NoSuchScript(name)
        return found
