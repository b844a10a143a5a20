"""A DNS made of a table, for judges of senders: each name has its records, or answers nothing but SERVFAIL."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from courriel.ports.resolver import Answer, DnsFailure, Mx, Status, Tlsa

ALIASES = 8


class Zone:
    """Fulfils ``ports.resolver.Resolver``.

    ``records`` by name (lower case, no final dot), then by type: A, AAAA, PTR, CNAME as text, TXT as octets, MX as
    (preference, host).  ``failing`` are names, or (name, type), without an answer.  ``asked`` tells every question.
    """

    def __init__(self, records: dict[str, dict[str, list[Any]]], failing: Iterable[str | tuple[str, str]] = ()) -> None:
        self.records = {name.lower().removesuffix("."): types for name, types in records.items()}
        self.failing = {one.lower() if isinstance(one, str) else (one[0].lower(), one[1]) for one in failing}
        self.asked: list[tuple[str, str]] = []

    def _find(self, name: str, rdtype: str) -> Answer[Any]:
        name = name.lower().removesuffix(".")
        self.asked.append((name, rdtype))
        for _ in range(ALIASES + 1):
            if name in self.failing or (name, rdtype) in self.failing:
                raise DnsFailure("SERVFAIL")
            types = self.records.get(name)
            if types is None:
                parent = any(other.endswith(f".{name}") for other in self.records)
                return Answer(Status.NO_DATA if parent else Status.NO_NAME, (), name, False, 300)
            if rdtype in types:
                return Answer(Status.FOUND, tuple(types[rdtype]), name, False, 300)
            if "CNAME" not in types:
                return Answer(Status.NO_DATA, (), name, False, 300)
            name = types["CNAME"][0].lower().removesuffix(".")
        raise DnsFailure("limit dns.aliases")

    async def a(self, host: str) -> Answer[str]:
        return self._find(host, "A")

    async def aaaa(self, host: str) -> Answer[str]:
        return self._find(host, "AAAA")

    async def txt(self, name: str) -> Answer[bytes]:
        return self._find(name, "TXT")

    async def mx(self, domain: str) -> Answer[Mx]:
        answer = self._find(domain, "MX")
        found = sorted(Mx(preference, host.removesuffix(".")) for preference, host in answer.records)
        return Answer(answer.status, tuple(found), answer.name, answer.secure, answer.ttl_s)

    async def ptr(self, ip: str) -> Answer[str]:
        return self._find(ipaddress.ip_address(ip).reverse_pointer, "PTR")

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return self._find(name, "TLSA")
