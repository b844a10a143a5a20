"""A resolver that answers from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from courriel.ports.resolver import Answer, DnsFailure, Mx, Status, Tlsa

T = TypeVar("T")


class Zone:
    """Fulfils ``ports.resolver.Resolver``; names in ``failing`` get no answer."""

    def __init__(
        self,
        mx: Mapping[str, Sequence[tuple[int, str]]] | None = None,
        a: Mapping[str, Sequence[str]] | None = None,
        aaaa: Mapping[str, Sequence[str]] | None = None,
        failing: set[str] | None = None,
        secure: bool = False,
    ) -> None:
        self._mx = {name: [Mx(*pair) for pair in pairs] for name, pairs in (mx or {}).items()}
        self._a, self._aaaa = dict(a or {}), dict(aaaa or {})
        self.failing = failing if failing is not None else set()
        self._secure = secure
        self.texts: dict[str, list[bytes]] = {}
        self.tlsas: dict[str, list[Tlsa]] = {}

    def _answer(self, name: str, table: Mapping[str, Sequence[T]]) -> Answer[T]:
        if name in self.failing:
            raise DnsFailure(f"no server answered for {name}")
        if records := table.get(name):
            return Answer(Status.FOUND, tuple(records), name, self._secure, 300)
        known = any(name in one for one in (self._mx, self._a, self._aaaa))
        return Answer(Status.NO_DATA if known else Status.NO_NAME, (), name, self._secure, 300)

    async def mx(self, domain: str) -> Answer[Mx]:
        return self._answer(domain, self._mx)

    async def a(self, host: str) -> Answer[str]:
        return self._answer(host, self._a)

    async def aaaa(self, host: str) -> Answer[str]:
        return self._answer(host, self._aaaa)

    async def txt(self, name: str) -> Answer[bytes]:
        return self._answer(name, self.texts)

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return self._answer(name, self.tlsas)

    async def ptr(self, ip: str) -> Answer[str]:
        return self._answer(ip, {})
