"""Requests about what other servers report of our domains."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from courriel.app.installation import DAY_S, Installation
from courriel.app.zone_desk import own_ips
from courriel.base.utc import utc_day
from courriel.mailauth import spf
from courriel.model.directory_refusals import NoSuchDomain
from courriel.model.envelope import Address
from courriel.model.mail_report import Seen, TlsSeen
from courriel.model.verdict import Result
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import RecordReader
from courriel.zones import report_table
from courriel.zones.inventory import reported
from courriel.zones.report_table import Source

LOOKED_UP: Final = 50
"""``reports.looked_up``: the busiest addresses of a domain whose name and SPF the DNS is asked about."""

INVENTORY_DAYS: Final = 30
"""``reports.inventory_days``: a service that sends once a month is seen."""

LOOK_S: Final = 3.0
"""``reports.look``: what the DNS has not said by then is left out; somebody waits for the table."""


class ReportDesk:
    """Answers for one installation; ``reader`` asks the DNS."""

    def __init__(self, home: Installation, reader: RecordReader) -> None:
        self._home = home
        self._reader = reader

    async def show(self, domain: str, days: int) -> list[dict[str, Any]]:
        """The answer to ``Reports``.  Raises NoSuchDomain, Unavailable, Damaged."""
        if domain and self._home.directory.domain(domain) is None:
            raise NoSuchDomain(domain)
        since = utc_day(max(0.0, self._home.clock.now() - days * DAY_S))
        names = [domain] if domain else [one.name for one in self._home.directory.domains()]
        return [await self._of(name, since) for name in names]

    async def _of(self, domain: str, since: str) -> dict[str, Any]:
        seen = await self._home.mail_reports.seen(domain, since)
        sessions = await self._home.mail_reports.tls(domain, since)
        names, sources = await self._named(domain, seen)
        return {
            "domain": domain,
            "since": since,
            "messages": sum(row.count for row in seen),
            "aligned": sum(row.count for row in seen if row.aligned),
            "reporters": sorted({row.reporter for row in seen} | {row.reporter for row in sessions}),
            "sources": [_row(one, names) for one in sources],
            "days": [
                {"day": one.day, "messages": one.messages, "aligned": one.aligned} for one in report_table.days(seen)
            ],
            "tls": _tls(sessions),
        }

    async def sources(self, domain: str, seen: Sequence[Seen]) -> Sequence[Source]:
        """Who sent in a domain's name."""
        return (await self._named(domain, seen))[1]

    async def strangers(self, domain: str) -> list[dict[str, Any]]:
        """Senders of the last INVENTORY_DAYS that no record names, as ``zones.inventory.Source``."""
        since = utc_day(max(0.0, self._home.clock.now() - INVENTORY_DAYS * DAY_S))
        found = await self.sources(domain, await self._home.mail_reports.seen(domain, since))
        return [msgspec.to_builtins(one) for one in reported(found)]

    async def _named(self, domain: str, seen: Sequence[Seen]) -> tuple[dict[str, str], Sequence[Source]]:
        names, covered = await self._look(domain, report_table.sources(seen, ()))
        return names, report_table.sources(seen, covered)

    async def _look(self, domain: str, sources: Sequence[Source]) -> tuple[dict[str, str], set[str]]:
        """Names by address, and the addresses that are ours or may send by the domain's SPF record."""
        if not sources:
            return {}, set()
        names: dict[str, str] = {}
        covered: set[str] = set()
        asked = [one.ip for one in sources if one.ip][:LOOKED_UP]
        work = [self._ours(covered)]
        work += [self._name(ip, names) for ip in asked]
        work += [self._may_send(domain, ip, covered) for ip in asked]
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await asyncio.gather(*work)
        return names, covered

    async def _ours(self, covered: set[str]) -> None:
        covered.update(await own_ips(self._home.settings, self._reader))

    async def _name(self, ip: str, names: dict[str, str]) -> None:
        with suppress(DnsFailure):
            answer = await self._reader.ptr(ip)
            if answer.records:
                names[ip] = answer.records[0]

    async def _may_send(self, domain: str, ip: str, covered: set[str]) -> None:
        question = spf.of_mail(ip, domain, Address("postmaster", domain), self._home.settings.name, 0.0)
        if (await spf.check(question, self._reader)).result is Result.PASS:
            covered.add(ip)


def _row(source: Source, names: dict[str, str]) -> dict[str, Any]:
    return {
        "ip": source.ip,
        "name": names.get(source.ip, ""),
        "messages": source.messages,
        "aligned": source.aligned,
        "standing": source.standing.value,
        "other": source.other,
    }


def _tls(rows: Iterable[TlsSeen]) -> list[dict[str, Any]]:
    """By policy and result."""
    sessions: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.policy, row.result)
        sessions[key] = sessions.get(key, 0) + row.sessions
    return [{"policy": policy, "result": result, "sessions": count} for (policy, result), count in sessions.items()]
