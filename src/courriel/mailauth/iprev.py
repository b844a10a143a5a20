"""Does the client's address have a name that leads back to it?  RFC 8601 §3, results §2.7.3."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final

from courriel.base.networks import client_address
from courriel.model.judgement import Iprev
from courriel.model.verdict import Result
from courriel.ports.resolver import DnsFailure, Resolver

NAMES: Final = 10
"""``iprev.names``: names of one address that are looked at; as SPF's limit (RFC 7208 §4.6.4)."""

CHECK_S: Final = 20.0
"""``iprev.check``: as SPF's."""


async def check(ip: str, resolver: Resolver) -> Iprev:
    """pass with the name, fail, permerror for an address without a name, temperror."""
    try:
        address = client_address(ip)
    except ValueError:
        return Iprev(Result.PERMERROR, ip)
    try:
        async with asyncio.timeout(CHECK_S):
            return await _look(address, ip, resolver)
    except (DnsFailure, TimeoutError):
        return Iprev(Result.TEMPERROR, ip)


async def _look(address: ipaddress.IPv4Address | ipaddress.IPv6Address, ip: str, resolver: Resolver) -> Iprev:
    names = (await resolver.ptr(str(address))).records[:NAMES]
    for name in names:
        found = await (resolver.a(name) if address.version == 4 else resolver.aaaa(name))
        if any(client_address(text) == address for text in found.records):
            return Iprev(Result.PASS, ip, name)
    return Iprev(Result.FAIL if names else Result.PERMERROR, ip)
