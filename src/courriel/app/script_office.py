"""Requests about people's scripts: which there are, which is at work."""

from __future__ import annotations

import asyncio
from typing import Any

from courriel.app.installation import Installation
from courriel.base.log import log
from courriel.model.account import Account
from courriel.model.script import canonical_script_name
from courriel.sieve.check import compile_script


class ScriptOffice:
    """Whose scripts is the caller's to find out."""

    def __init__(self, home: Installation) -> None:
        self._scripts = home.sieve
        self._settings = home.settings.sieve

    async def rows(self, account: Account) -> list[dict[str, Any]]:
        """Rows for ``ScriptList``."""
        return [
            {"name": kept.name, "octets": kept.size_octets, "active": kept.is_active}
            for kept in await self._scripts.scripts(account.id)
        ]

    async def put(self, account: Account, name: str, content: str, activate: bool) -> dict[str, Any]:
        """Raises BadScript, TooManyScripts."""
        raw, name = content.encode("utf-8"), canonical_script_name(name)
        await asyncio.to_thread(compile_script, raw, self._settings)
        await self._scripts.put(account.id, name, raw, self._settings.scripts)
        if activate:
            await self.activate(account, name)
        kept = self._scripts.active(account.id)
        return {"name": name, "active": kept is not None and kept.name == name}

    async def show(self, account: Account, name: str) -> dict[str, Any]:
        """The answer to ``ScriptShow``; with "" the script at work.  Raises NoSuchScript."""
        active = self._scripts.active(account.id)
        wanted = name or (active.name if active is not None else "")
        content = await self._scripts.read(account.id, wanted)
        return {"name": wanted, "content": content.decode("utf-8", "replace")}

    async def activate(self, account: Account, name: str) -> None:
        """Raises NoSuchScript."""
        await self._scripts.activate(account.id, canonical_script_name(name) if name else "")
        log.event("sieve.active", login=account.login, script=name)

    async def remove(self, account: Account, name: str) -> None:
        """Raises NoSuchScript, ScriptActive."""
        await self._scripts.remove(account.id, canonical_script_name(name))
