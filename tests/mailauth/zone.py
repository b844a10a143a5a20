"""A resolver over a table: TXT records by name, for tests of what asks the DNS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from courriel.ports.resolver import Answer, DnsFailure, Mx, Status, Tlsa

SERVFAIL = "SERVFAIL"


class Zone:
    """Fulfils ``ports.resolver.Resolver`` for TXT; a name whose value is SERVFAIL has no answer."""

    def __init__(self, txt: Mapping[str, Sequence[bytes] | str], *, slow_s: float = 0.0) -> None:
        self.records = {name.lower().rstrip("."): value for name, value in txt.items()}
        self.asked: list[str] = []
        self._slow_s = slow_s

    async def txt(self, name: str) -> Answer[bytes]:
        name = name.lower().rstrip(".")
        self.asked.append(name)
        if self._slow_s:
            await asyncio.sleep(self._slow_s)
        value = self.records.get(name)
        if isinstance(value, str):
            raise DnsFailure(value)
        if value is None:
            return Answer(Status.NO_NAME, (), name, False, 60)
        return Answer(Status.FOUND, tuple(value), name, False, 60)

    async def mx(self, domain: str) -> Answer[Mx]:
        raise NotImplementedError(domain)

    async def a(self, host: str) -> Answer[str]:
        raise NotImplementedError(host)

    async def aaaa(self, host: str) -> Answer[str]:
        raise NotImplementedError(host)

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        raise NotImplementedError(name)

    async def ptr(self, ip: str) -> Answer[str]:
        raise NotImplementedError(ip)
