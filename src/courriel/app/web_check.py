"""Whether others really get what our web door promises: fetched as a stranger would, by name, address and certificate.

Fetched are the MTA-STS policy (RFC 8461 §3.3), the file of autoconfig, and the JSON service of Autodiscover.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from courriel.app.config import Settings
from courriel.app.web import policy_of
from courriel.base.errors import CourrielError, FormatError
from courriel.formats.mta_sts import POLICY_OCTETS, Mode, parse_policy
from courriel.http.site import AUTOCONFIG, AUTODISCOVER, MTA_STS
from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.model.roster import POSTMASTER
from courriel.model.zone_record import Purpose, Row
from courriel.mua.autoconfig import FILE_OCTETS, parse_file
from courriel.net.fetch import FetchFailure, fetch
from courriel.net.tls import client_context
from courriel.ports.resolver import DnsFailure, Resolver

FETCH_S: Final = 10.0
"""``doctor.fetch_s``: patience with one file."""

Verdict = tuple[Health, str]
"""GOOD with "", or how bad it is and what was got instead."""


class WebCheck:
    """Looks at the files of one server, from where it stands."""

    def __init__(self, resolver: Resolver, settings: Settings) -> None:
        self._resolver = resolver
        self._settings = settings
        self._port = settings.relay.sts_port

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Reading the system's authorities takes 25 ms."""
        ca = self._settings.relay.ca_file
        return client_context(Path(ca) if ca else None)

    async def look(self, domain: str, rows: Sequence[Row]) -> list[Finding]:
        """A finding for each file whose name leads somewhere; of names that are missing ``rows`` tell already."""
        led = {row.wanted.purpose for row in rows if row.found and row.wanted.record.type == "CNAME"}
        address = f"{POSTMASTER}@{domain}"
        json_path = f"/autodiscover/autodiscover.json?Email={address}&Protocol=AutodiscoverV1"
        asked: list[tuple[Purpose, Group, str, str, Callable[[bytes], Verdict]]] = [
            (Purpose.STS_HOST, Group.MTA_STS, MTA_STS, "/.well-known/mta-sts.txt", self._policy),
            (Purpose.AUTOCONFIG, Group.AUTOCONFIG, AUTOCONFIG, "/mail/config-v1.1.xml", lambda raw: _file(raw, domain)),
            (Purpose.AUTODISCOVER, Group.AUTODISCOVER, AUTODISCOVER, json_path, _json),
        ]
        return list(
            await asyncio.gather(
                *[
                    self._one(group, f"{role}.{domain}", path, judge)
                    for purpose, group, role, path, judge in asked
                    if purpose in led
                ]
            )
        )

    async def _one(self, group: Group, host: str, path: str, judge: Callable[[bytes], Verdict]) -> Finding:
        subject = f"https://{host}{path.partition('?')[0]}"
        try:
            health, detail = judge(await self._fetch(host, path))
        except DnsFailure as failure:
            return Finding(group, Health.UNKNOWN, Symptom.NO_ANSWER, host, str(failure))
        except CourrielError as error:
            return Finding(group, Health.WARNING, Symptom.NO_FILE, subject, str(error))
        if health is Health.GOOD:
            return Finding(group, health, Symptom.RIGHT, subject)
        return Finding(group, health, Symptom.OTHER_FILE, subject, detail)

    async def _fetch(self, host: str, path: str) -> bytes:
        """Raises DnsFailure, FetchFailure."""
        ips = [*(await self._resolver.a(host)).records, *(await self._resolver.aaaa(host)).records]
        if not ips:
            raise FetchFailure(f"{host} has no address")
        try:
            async with asyncio.timeout(FETCH_S):
                return await fetch(host, ips[0], path, self._context, POLICY_OCTETS, self._port)
        except TimeoutError:
            raise FetchFailure(f"{host}: limit doctor.fetch_s") from None

    def _policy(self, raw: bytes) -> Verdict:
        """A policy of others is bad where it keeps mail away from us."""
        policy = parse_policy(raw)
        if policy == policy_of(self._settings):
            return Health.GOOD, ""
        told = f"mode {policy.mode.value}, mx {', '.join(policy.mx)}, max_age {policy.max_age_s}"
        shut_out = policy.mode is Mode.ENFORCE and not policy.names(self._settings.name)
        return Health.BAD if shut_out else Health.WARNING, told


def _file(raw: bytes, domain: str) -> Verdict:
    if len(raw) > FILE_OCTETS:
        raise FormatError("autoconfig", FILE_OCTETS, "autoconfig.file_octets")
    parse_file(raw, f"{POSTMASTER}@{domain}", POSTMASTER, domain)
    return Health.GOOD, ""


def _json(raw: bytes) -> Verdict:
    """That it names the XML service is all there is to know."""
    if b"AutodiscoverV1" in raw:
        return Health.GOOD, ""
    return Health.WARNING, raw[:80].decode("utf-8", "replace")
