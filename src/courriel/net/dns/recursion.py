"""From the root down to the servers of a zone, without a resolver of somebody else.  RFC 1034 §5.3.3, RFC 9471.

Of a referral only what its sender may say is taken: a zone between its own and the name asked for, and addresses of
hosts inside its own.  Names are not hidden from the zones above (RFC 9156), and what a parent says of its child is
believed until the child's own signatures are checked elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final

import dns.name
import msgspec
from dns.message import Message
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rrset import RRset

from courriel.base.clock import Clock
from courriel.net.dns.budget import Budget
from courriel.net.dns.cache import Cache
from courriel.net.dns.names import text_of
from courriel.net.dns.settings import Address
from courriel.net.dns.upstream import IN_FLIGHT, Upstream
from courriel.ports.resolver import DnsFailure

PLACES: Final = 5_000
"""``dns.places``: zones whose servers are remembered."""

LONGEST_PLACE_S: Final = 86_400
"""``dns.longest_place``: RFC 8767 §4 allows seven days."""

SHORTEST_PLACE_S: Final = 5
"""``dns.shortest_place``: what was just learned is good for the question that needed it."""

HOSTS: Final = 3
"""``dns.hosts``: servers of a zone whose address is looked for, where the referral has none."""

DEPTH: Final = 4
"""``dns.depth``: looking for the address of a server may need that of another server, and so on."""


class _Place(msgspec.Struct, frozen=True):
    zone: Name
    servers: Upstream


class Recursion:
    """Asks as ``Upstream`` does, each zone's own servers."""

    def __init__(self, roots: tuple[Address, ...], clock: Clock, first_wait_s: float, port: int) -> None:
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._port = port
        self._public = all(_is_public(root.ip) for root in roots)
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._root = _Place(dns.name.root, self._servers_at(roots))
        self._places: Cache[Name, _Place] = Cache(PLACES)

    @property
    def servers(self) -> int:
        return self._root.servers.servers

    async def ask(self, name: Name, rdtype: RdataType, budget: Budget) -> Message:
        """An answer with rcode NOERROR or NXDOMAIN; DnsFailure when no server gives one."""
        return await self._ask(name, rdtype, budget, 0)

    async def _ask(self, name: Name, rdtype: RdataType, budget: Budget, depth: int) -> Message:
        above = name.parent() if rdtype is RdataType.DS and name != dns.name.root else name
        place = self._nearest(above)
        while True:
            message = await place.servers.ask(name, rdtype, budget)
            referral = _referral(message, place.zone, above)
            if referral is None:
                return message
            place = await self._enter(referral, message, place.zone, budget, depth)

    def _nearest(self, name: Name) -> _Place:
        now = self._clock.monotonic()
        for at in range(len(name)):
            place = self._places.get(Name(name.labels[at:]), now)
            if place is not None:
                return place
        return self._root

    async def _enter(self, referral: RRset, message: Message, above: Name, budget: Budget, depth: int) -> _Place:
        """Remember and give the zone that a referral from the zone ``above`` leads to."""
        hosts = [each.target for each in referral if isinstance(each, NS)]
        given = [ip for host in hosts if host.is_subdomain(above) for ip in _addresses(message.additional, host)]
        ips = self._askable(given)
        if not ips:
            ips = await self._look_for(hosts, budget, depth + 1)
        place = _Place(referral.name, self._servers_at(tuple([Address(ip, self._port) for ip in ips])))
        ttl_s = max(SHORTEST_PLACE_S, min(referral.ttl, LONGEST_PLACE_S))
        self._places.put(referral.name, place, self._clock.monotonic() + ttl_s)
        return place

    async def _look_for(self, hosts: list[Name], budget: Budget, depth: int) -> list[str]:
        if depth > DEPTH:
            raise DnsFailure("limit dns.depth")
        for host in hosts[:HOSTS]:
            for rdtype in (RdataType.A, RdataType.AAAA):
                ips = self._askable(_addresses((await self._ask(host, rdtype, budget, depth)).answer, host))
                if ips:
                    return ips
        raise DnsFailure(f"no address for the servers of a zone ({', '.join(map(text_of, hosts[:HOSTS]))})")

    def _askable(self, ips: list[str]) -> list[str]:
        """Under public roots no zone may send our questions into this machine or its network."""
        return [ip for ip in ips if _is_public(ip)] if self._public else ips

    def _servers_at(self, addresses: tuple[Address, ...]) -> Upstream:
        return Upstream(addresses, self._clock, self._first_wait_s, self._in_flight, recurse=False)


def _is_public(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_global


def _referral(message: Message, zone: Name, name: Name) -> RRset | None:
    """The NS set of a zone further down on the way to ``name``, where the message has nothing else to say."""
    if message.answer or any(rrset.rdtype == RdataType.SOA for rrset in message.authority):
        return None
    for rrset in message.authority:
        further = rrset.name != zone and rrset.name.is_subdomain(zone) and name.is_subdomain(rrset.name)
        if further and rrset.rdtype == RdataType.NS and rrset.rdclass == RdataClass.IN:
            return rrset
    return None


def _addresses(section: list[RRset], host: Name) -> list[str]:
    return [each.address for rrset in section if rrset.name == host for each in rrset if isinstance(each, A | AAAA)]
