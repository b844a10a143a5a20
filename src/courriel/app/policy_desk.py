"""Requests about the way of a domain's DMARC policy from none to reject."""

from __future__ import annotations

from typing import Any

import msgspec

from courriel.app.installation import DAY_S, Installation
from courriel.app.report_desk import ReportDesk
from courriel.app.zone_desk import ZoneDesk
from courriel.base.errors import CourrielError
from courriel.base.utc import utc_day
from courriel.model.zone_record import Purpose, Wanted, ZoneRecord
from courriel.ports.administration import DnsDmarc
from courriel.zones import report_table
from courriel.zones.dmarc import is_dmarc
from courriel.zones.policy_step import Step, step
from courriel.zones.state import existing


class NotEarned(CourrielError):
    """The next step would lose mail, or there is none."""


class PolicyDesk:
    """Answers for one installation."""

    def __init__(self, home: Installation, zones: ZoneDesk) -> None:
        self._home = home
        self._zones = zones

    async def answer(self, request: DnsDmarc, domain: str) -> dict[str, Any]:
        """The answer to ``DnsDmarc``.  Raises NoSuchDomain, NotEarned, DnsFailure, ZoneRefused, FormatError."""
        self._zones.check(domain)
        found = await self._step(domain, request.days)
        changes: list[dict[str, Any]] = []
        if request.server:
            if not found.earned:
                raise NotEarned(f"{domain}: {found.standstill.value}")
            wanted = Wanted(ZoneRecord(f"_dmarc.{domain}", "TXT", found.text), Purpose.DMARC)
            done = await self._zones.bring([wanted], request.server, request.key, request.zone or domain, request.ttl_s)
            changes = [msgspec.to_builtins(change) for change in done]
        answer: dict[str, Any] = msgspec.to_builtins(found)
        return answer | {"domain": domain, "earned": found.earned, "changes": changes}

    async def _step(self, domain: str, days: int) -> Step:
        since = utc_day(max(0.0, self._home.clock.now() - days * DAY_S))
        seen = await self._home.mail_reports.seen(domain, since)
        sources = await ReportDesk(self._home, self._zones.reader).sources(domain, seen)
        records = await existing(f"_dmarc.{domain}", is_dmarc, self._zones.reader)
        return step(records[0] if len(records) == 1 else "", sources, report_table.days(seen))
