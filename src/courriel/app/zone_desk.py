"""Requests about the DNS of our domains: what should stand there, what does, and bringing it there."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from courriel.app.config import Settings
from courriel.app.installation import Installation
from courriel.app.web import policy_of
from courriel.base.errors import FormatError
from courriel.formats.mta_sts import policy_id
from courriel.model.directory_refusals import NoSuchDomain
from courriel.model.zone_record import Row, Wanted
from courriel.net.dns import DnsSettings, open_resolver
from courriel.net.dns.settings import parse_server
from courriel.net.dns.update import DynamicUpdates, parse_key
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import RecordReader, ZoneChange, ZoneWriter
from courriel.zones import presets, spf
from courriel.zones.changes import changes_for
from courriel.zones.dmarc import is_dmarc
from courriel.zones.inventory import inventory
from courriel.zones.plan import SRV_NAMES, Domain, House, plan
from courriel.zones.state import existing, look

PROBE: Final = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses nobody has (RFC 5737, RFC 3849): no packet is sent, only the machine's own address is learnt."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was learnt of a domain: our side, and a row for each record."""

    house: House
    rows: list[Row]


class ZoneDesk:
    """Answers for one installation; ``reader`` asks the DNS."""

    def __init__(self, home: Installation, reader: RecordReader) -> None:
        self._home = home
        self.reader = reader

    async def show(self, domain: str, services: Sequence[str] = ()) -> dict[str, Any]:
        """The answer to ``DnsShow``.  Raises NoSuchDomain, FormatError, DnsFailure."""
        rows = (await self._examine(domain, services, self.reader)).rows
        record = next(row.wanted.record.value for row in rows if row.wanted.purpose.value == "spf")
        cost = await spf.cost(record, self.reader)
        return {
            "domain": domain,
            "rows": [_plain(row) for row in rows],
            "spf_lookups": cost.lookups,
            "spf_octets": len(record),
            "unknown": list(cost.unknown),
        }

    async def inventory(self, domain: str) -> list[dict[str, Any]]:
        """The answer to ``DnsInventory``.  Raises NoSuchDomain, DnsFailure."""
        self.check(domain)
        found = await existing(domain, spf.is_spf, self.reader)
        ips = await own_ips(self._home.settings, self.reader)
        sources = [source for record in found for source in await inventory(record, ips, self.reader)]
        return [msgspec.to_builtins(source) for source in sources]

    async def publish(
        self, domain: str, server: str, key: str, zone: str, services: Sequence[str], ttl_s: int
    ) -> dict[str, Any]:
        """The answer to ``DnsPublish`` by dynamic updates.

        Raises NoSuchDomain, FormatError, ZoneRefused, DnsFailure.
        """
        return await self._publish(domain, _updates(server, key), zone, services, ttl_s, _primary(server))

    async def publish_through(
        self, domain: str, writer: ZoneWriter, zone: str, services: Sequence[str], ttl_s: int
    ) -> dict[str, Any]:
        """The same through a provider.  Its name servers may need minutes before they say what it was told."""
        asked = DnsSettings(servers=self._home.settings.dns.servers, validate=False)
        return await self._publish(domain, writer, zone, services, ttl_s, asked)

    async def _publish(
        self, domain: str, writer: ZoneWriter, zone: str, services: Sequence[str], ttl_s: int, asked: DnsSettings
    ) -> dict[str, Any]:
        """``asked``: who says what stands there, before and after; each time with nothing remembered."""

        async def examine(reader: RecordReader) -> Sequence[Row]:
            return (await self._examine(domain, services, reader)).rows

        changes = await self._change(examine, writer, zone, ttl_s, asked)
        again = open_resolver(asked, self._home.clock)
        try:
            rows = await examine(again)
            if changes:  # keys that are there now may sign
                await self._home.dkim.check(again, domain)
        finally:
            await again.close()
        return {"changes": [msgspec.to_builtins(change) for change in changes], "rows": [_plain(row) for row in rows]}

    async def bring(
        self, wanted: Sequence[Wanted], server: str, key: str, zone: str, ttl_s: int
    ) -> Sequence[ZoneChange]:
        """Bring records into a zone by dynamic updates.  Raises FormatError, ZoneRefused, DnsFailure."""
        return await self._change(
            lambda reader: look(wanted, reader), _updates(server, key), zone, ttl_s, _primary(server)
        )

    async def _change(
        self,
        examine: Callable[[RecordReader], Awaitable[Sequence[Row]]],
        writer: ZoneWriter,
        zone: str,
        ttl_s: int,
        asked: DnsSettings,
    ) -> Sequence[ZoneChange]:
        """Write what is not as ``examine`` wants it."""
        reader = open_resolver(asked, self._home.clock)
        try:
            changes = changes_for(await examine(reader), zone)
            if changes:
                await writer.change(zone, changes, ttl_s)
        finally:
            await reader.close()
        return changes

    def check(self, domain: str) -> None:
        """Raises NoSuchDomain."""
        if self._home.directory.domain(domain) is None:
            raise NoSuchDomain(domain)

    async def examine(self, domain: str) -> Examination:
        """The same as values.  Raises NoSuchDomain, DnsFailure."""
        return await self._examine(domain, (), self.reader)

    async def _examine(self, domain: str, services: Sequence[str], reader: RecordReader) -> Examination:
        self.check(domain)
        house = await self._house(reader)
        facts = Domain(
            domain,
            self._home.dkim.records(domain),
            spf=await existing(domain, spf.is_spf, reader),
            dmarc=await existing(f"_dmarc.{domain}", is_dmarc, reader),
            senders=tuple([_mechanism(service) for service in services]),
        )
        return Examination(house, await look(plan(house, facts), reader))

    async def _house(self, reader: RecordReader) -> House:
        settings, listen = self._home.settings, self._home.settings.listen
        host = settings.name.lower()
        return House(
            host,
            await own_ips(settings, reader),
            {door: port for door in SRV_NAMES if (port := getattr(listen, door, 0))},
            _dane(Path(settings.tls.certificate)) if settings.dns.dane and settings.tls.certificate else "",
            settings.dns.caa,
            await existing(host, spf.is_spf, reader),
            settings.reports.address,
            listen.https,
            policy_id(policy) if (policy := policy_of(settings)) else "",
        )


def _updates(server: str, key: str) -> DynamicUpdates:
    return DynamicUpdates(parse_server(server), parse_key(key) if key else None)


def _primary(server: str) -> DnsSettings:
    """What the zone's own server says counts, not what caches still hold."""
    return DnsSettings(servers=(server,), validate=False)


def _mechanism(service: str) -> str:
    found = presets.mechanism_of(service)
    if found is None:
        raise FormatError("service", 0, ", ".join(presets.SERVICES))
    return found


def _plain(row: Row) -> dict[str, Any]:
    wanted = row.wanted
    return {
        "name": wanted.record.name,
        "type": wanted.record.type,
        "value": wanted.record.value,
        "purpose": wanted.purpose.value,
        "needed": wanted.needed,
        "state": row.state.value,
        "found": list(row.found),
        "secure": row.secure,
    }


async def own_ips(settings: Settings, reader: RecordReader) -> tuple[str, ...]:
    """Ours: those set, else those our name has, else those of this machine that the Internet can reach."""
    if settings.dns.addresses:
        return settings.dns.addresses
    with suppress(DnsFailure):
        host = settings.name
        named = (*(await reader.a(host)).records, *(await reader.aaaa(host)).records)
        if named:
            return named
    return tuple([ip for ip in map(_own_ip, *zip(*PROBE, strict=True)) if ip])


def _own_ip(towards: str, family: socket.AddressFamily) -> str:
    """The address of this machine for the Internet, "" where it is a private one."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        ip = str(probe.getsockname()[0])
        return ip if ipaddress.ip_address(ip).is_global else ""
    return ""


def _dane(certificate: Path) -> str:
    """``3 1 1`` and the hash of our public key: it stays when the certificate is renewed.  RFC 7671 §5.1."""
    public = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return f"3 1 1 {digest.hexdigest()}"
