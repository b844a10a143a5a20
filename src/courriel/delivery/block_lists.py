"""Clients that DNS lists name as senders of unwanted mail.  RFC 5782.  Fulfils ``ports.scanner.Scanner``.

Asked before the filters, for mail of other servers only: all lists at the same time, within a budget.  A list that does
not answer says nothing.  Addresses that are not of the public Internet, and trusted networks, are not asked about.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from courriel.base.log import Level, log
from courriel.base.networks import client_address
from courriel.model.envelope import Door, Envelope
from courriel.model.refusals import FilterRefused
from courriel.ports.resolver import DnsFailure, Resolver
from courriel.ports.scanner import Scanned, Scanner

LISTED: Final = ipaddress.ip_network("127.0.0.0/8")
"""Answers that say "listed".  RFC 5782 §2.1.  Others come from domains that were sold, or from a resolver that lies."""
TROUBLE: Final = ipaddress.ip_network("127.255.255.0/24")
"""Answers by which large lists say that they were not asked properly, for instance through a public resolver."""


@dataclass(frozen=True, slots=True)
class BlockListSettings:
    """``zones``: whom to ask; ``trusted``: networks that are not asked about."""

    zones: tuple[str, ...]
    trusted: tuple[str, ...] = ()
    found: Literal["reject", "quarantine"] = "quarantine"
    """What becomes of a listed client's mail: lists err, too, so it is kept apart unless the settings say more."""
    wait_s: float = 5.0
    """Longest wait for all lists together."""


class BlockLists:
    """Asks the lists about a client, and then ``after`` (other filters), if there is any."""

    def __init__(
        self,
        settings: BlockListSettings,
        resolver: Resolver,
        after: Scanner | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` counts seconds, for the log.  Raises ValueError for a trusted network that is none."""
        self._settings = settings
        self._resolver = resolver
        self._after = after
        self._now = now
        self._trusted = [ipaddress.ip_network(one) for one in settings.trusted]

    async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
        apart = await self._look(id, envelope.client.ip) if envelope.door is Door.MX else None
        scanned = Scanned(envelope, content)
        if self._after is not None:
            scanned = await self._after.scan(id, envelope, content)
        if apart is None or scanned.quarantine is not None:
            return scanned
        return msgspec.structs.replace(scanned, quarantine=apart)

    async def _look(self, id: str, ip: str) -> str | None:
        """Why its mail is to be kept apart, None where it is not.  Raises FilterRefused."""
        began = self._now()
        reversed_ip = self._question(ip)
        if not reversed_ip:
            return None
        # A task of its own: a command runs without one until it first waits (net/eager.py).
        zones = await asyncio.ensure_future(self._listing(reversed_ip))
        for zone in zones:
            verdict = "refused" if self._settings.found == "reject" else "quarantined"
            seconds = round(self._now() - began, 3)
            # As filters do, so that the journey shows it as one of them.
            log.event("milter.asked", msg=id, milter=zone, verdict=verdict, changes=0, reason=ip, seconds=seconds)
        if not zones:
            return None
        why = f"{ip} is listed by {', '.join(zones)}"
        if self._settings.found == "reject":
            raise FilterRefused(why, 550, "5.7.1", (why,))
        return why

    def _question(self, ip: str) -> str:
        """The address as lists want it, "" when nobody is to be asked.  RFC 5782 §2.1, §2.4."""
        try:
            address = client_address(ip)
        except ValueError:  # a unix socket has none
            return ""
        if not address.is_global or any(address in network for network in self._trusted):
            return ""
        return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")

    async def _listing(self, reversed_ip: str) -> Sequence[str]:
        """Zones that list it, in the order of the settings."""
        zones = self._settings.zones
        asked = [asyncio.ensure_future(self._is_listed(reversed_ip, zone)) for zone in zones]
        try:
            await asyncio.wait(asked, timeout=self._settings.wait_s)
            return [zone for zone, one in zip(zones, asked, strict=True) if one.done() and one.result()]
        finally:
            for one in asked:
                one.cancel()

    async def _is_listed(self, reversed_ip: str, zone: str) -> bool:
        try:
            found = (await self._resolver.a(f"{reversed_ip}.{zone}")).records
        except DnsFailure as failure:
            log.event("block_list.failed", Level.WARNING, zone=zone, error=str(failure))
            return False
        answers = [ipaddress.ip_address(text) for text in found]
        if any(answer in TROUBLE for answer in answers):
            log.event("block_list.failed", Level.WARNING, zone=zone, error=f"it answers {answers[0]}")
            return False
        return any(answer in LISTED for answer in answers)
