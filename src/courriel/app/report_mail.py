"""Sends our reports: each hour what of the days that are over was not sent yet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from courriel.app.installation import DAY_S, Installation
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.base.utc import utc_day
from courriel.delivery.intake import Delivery
from courriel.delivery.report_reader import owner_of
from courriel.delivery.report_sender import ReportSender
from courriel.model.envelope import Address
from courriel.model.sent_report import SentReport
from courriel.ports.resolver import Resolver

EVERY_S: Final = 3_600.0
"""``reports.every``: a domain whose DNS did not answer is asked again after this."""

DAYS: Final = 2
"""``reports.days``: how many days back; a server that was off for longer has nothing that is worth telling."""


class ReportMail:
    """Runs as one task of the server."""

    def __init__(self, home: Installation, intake: Delivery, resolver: Resolver) -> None:
        self._home = home
        self._sender = ReportSender(
            home.judged_mails,
            home.tls_reports,
            resolver,
            intake.hand_in,
            home.settings.name,
            lambda: author_of(home),
            home.clock.now,
            home.settings.reports.spared,
        )

    async def run(self) -> None:
        """Until cancelled.  The first time is by chance, so that not all servers of the world send at midnight."""
        await asyncio.sleep(random.uniform(0.0, EVERY_S))
        while True:
            try:
                await self.send_due()
            except CourrielError as error:  # it is tried again in an hour; the server goes on
                log.event("reports.failed", Level.ERROR, error=str(error))
            await asyncio.sleep(EVERY_S)

    async def send_due(self) -> Sequence[SentReport]:
        """What of the last days was not sent yet.  Raises Unavailable, Damaged, OverQuota, TryLater."""
        now, sent = self._home.clock.now(), list[SentReport]()
        for back in range(DAYS, 0, -1):
            sent += await self._sender.send(utc_day(now - back * DAY_S))
        return sent


def author_of(home: Installation) -> Address | None:
    """Who our reports are from: the address that takes others', at the domain this server is named in, so that they are
    signed and DMARC passes (RFC 9990 §3.2.1)."""
    domains = [one.name for one in home.directory.domains()]
    if not domains:
        return None
    return Address(home.settings.reports.address, owner_of(domains)(home.settings.name) or domains[0])
