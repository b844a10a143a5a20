"""The examination of a domain: its records, and whether mail really comes in and goes out.

Records are judged from the same rows that ``courriel dns`` shows, so the two cannot contradict each other.  What is
asked over the network is only ourselves, the name servers, block lists, and one well-known mail server on port 25.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from courriel.app.config import Settings
from courriel.app.web_check import WebCheck
from courriel.app.zone_desk import ZoneDesk
from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.model.zone_record import Purpose, Row
from courriel.net.tls_policy import OPPORTUNISTIC, TlsPolicy, verified
from courriel.ports.resolver import DnsFailure
from courriel.smtp.client.connection import SmtpClient
from courriel.smtp.client.errors import NoSession
from courriel.smtp.client.opening import Peer
from courriel.smtp.client.settings import ClientSettings
from courriel.zones import diagnosis, spf

BLOCKLISTS: Final = ("zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com")
"""Lists that many receivers use and that answer small sites for free."""

PROBE_S: Final = 10.0
"""``doctor.probe_s``: patience with one connection."""

_SETTINGS: Final = ClientSettings(connect_s=PROBE_S, handshake_s=PROBE_S, greeting_s=PROBE_S, hello_s=PROBE_S)

GROUPS: Final = tuple(Group)


class Doctor:
    """Examines domains from where this server stands."""

    def __init__(self, desk: ZoneDesk, settings: Settings) -> None:
        self._desk = desk
        self._reader = desk.reader
        self._name = settings.name
        self._port = settings.relay.port
        self._outside = settings.doctor.outside
        self._web = WebCheck(desk.reader, settings)

    async def examine(self, domain: str, outside: str = "") -> list[Finding]:
        """All findings, by group.  Raises NoSuchDomain."""
        examination = await self._desk.examine(domain)
        rows, house = examination.rows, examination.house
        record = next(row.wanted.record.value for row in rows if row.wanted.purpose is Purpose.SPF)
        parts = await asyncio.gather(
            self._dnssec(domain),
            self._inward(house.ips),
            self._outward(outside or self._outside),
            self._web_door(domain, rows),
            self._lists(house.ips),
            spf.cost(record, self._reader),
        )
        dnssec, inward, outward, web, lists, cost = parts
        found = [*diagnosis.of_rows(rows), *diagnosis.of_spf(domain, record, cost), *dnssec, *inward]
        found += [*outward, *web, *lists]
        return sorted(found, key=lambda finding: GROUPS.index(finding.group))

    async def _dnssec(self, domain: str) -> list[Finding]:
        try:
            answer = await self._reader.records(domain, "SOA")
        except DnsFailure as failure:
            health = Health.BAD if failure.bogus else Health.UNKNOWN
            return [Finding(Group.DNSSEC, health, Symptom.NO_ANSWER, domain, str(failure))]
        return [diagnosis.of_dnssec(domain, answer.secure)]

    # --- connections ----------------------------------------------------------------------------------------
    async def _inward(self, ips: Sequence[str]) -> list[Finding]:
        """Our own addresses on port 25, as others see them as far as that can be seen from here."""
        found = await asyncio.gather(*[self._door(ip) for ip in ips])
        return [finding for part in found for finding in part]

    async def _door(self, ip: str) -> list[Finding]:
        subject = f"{ip}:{self._port}"
        reason, has_tls = await self._talk(ip, self._port, self._name, OPPORTUNISTIC)
        if reason:
            return [Finding(Group.PORT_IN, Health.BAD, Symptom.NO_REPLY_THERE, subject, reason)]
        reached = Finding(Group.PORT_IN, Health.GOOD, Symptom.RIGHT, subject)
        if not has_tls:
            return [reached, Finding(Group.TLS, Health.BAD, Symptom.NO_STARTTLS, subject)]
        reason, _ = await self._talk(ip, self._port, self._name, verified(self._name))
        if reason:
            return [reached, Finding(Group.TLS, Health.WARNING, Symptom.BAD_CERTIFICATE, self._name, reason)]
        return [reached, Finding(Group.TLS, Health.GOOD, Symptom.RIGHT, self._name)]

    async def _outward(self, domain: str) -> list[Finding]:
        """Many providers of lines and machines shut port 25 outwards."""
        try:
            hosts = (await self._reader.mx(domain)).records
            ips = (await self._reader.a(hosts[0].host)).records if hosts else ()
        except DnsFailure as failure:
            return [Finding(Group.PORT_OUT, Health.UNKNOWN, Symptom.NO_ANSWER, domain, str(failure))]
        if not ips:
            return [Finding(Group.PORT_OUT, Health.UNKNOWN, Symptom.NO_ANSWER, domain)]
        reason, _ = await self._talk(ips[0], self._port, hosts[0].host, OPPORTUNISTIC)
        if reason:
            return [Finding(Group.PORT_OUT, Health.BAD, Symptom.NO_REPLY_THERE, hosts[0].host, reason)]
        return [Finding(Group.PORT_OUT, Health.GOOD, Symptom.RIGHT, hosts[0].host)]

    async def _talk(self, ip: str, port: int, host: str, policy: TlsPolicy) -> tuple[str, bool]:
        """Why there is no session ("": there is one), and whether it is encrypted."""
        try:
            client = await SmtpClient.connect(Peer(ip, port, host, policy), name=self._name, settings=_SETTINGS)
        except NoSession as failure:
            return failure.attempt.reply, False
        encrypted = bool(client.tls)
        await client.close()
        return "", encrypted

    # --- names ----------------------------------------------------------------------------------------------
    async def _web_door(self, domain: str, rows: Sequence[Row]) -> list[Finding]:
        """What the DNS promises of our web door, and whether others get it."""
        return [*await self._stray(domain, rows), *await self._web.look(domain, rows)]

    async def _stray(self, domain: str, rows: Sequence[Row]) -> list[Finding]:
        """Promises in the DNS that this server does not keep: its web door is shut, or its policy is "off"."""
        kept = {row.wanted.purpose for row in rows}
        found = []
        for purpose, group, name, kind in (
            (Purpose.STS, Group.MTA_STS, f"_mta-sts.{domain}", "TXT"),
            (Purpose.AUTOCONFIG, Group.AUTOCONFIG, f"autoconfig.{domain}", "A"),
            (Purpose.AUTODISCOVER, Group.AUTODISCOVER, f"autodiscover.{domain}", "A"),
        ):
            with suppress(DnsFailure):
                values = () if purpose in kept else (await self._reader.records(name, kind)).records
                if values:
                    found.append(Finding(group, Health.WARNING, Symptom.STRAY, f"{name} {kind}", "; ".join(values)))
        return found

    async def _lists(self, ips: Sequence[str]) -> list[Finding]:
        asked = [(ip, zone) for ip in ips for zone in BLOCKLISTS]
        return list(await asyncio.gather(*[self._listed(ip, zone) for ip, zone in asked]))

    async def _listed(self, ip: str, zone: str) -> Finding:
        name = diagnosis.listed_name(ipaddress.ip_address(ip).reverse_pointer, zone)
        try:
            answer = await self._reader.a(name)
        except DnsFailure:
            return Finding(Group.BLOCKLISTS, Health.UNKNOWN, Symptom.NO_ANSWER, f"{ip} {zone}")
        return diagnosis.of_blocklist(ip, zone, answer.records)
