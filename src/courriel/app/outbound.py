"""Mail that leaves: resolver, relay and reports of a running server, put together."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import cached_property
from pathlib import Path
from typing import Final

from courriel.app.config import RelaySection, Settings, SettingsError
from courriel.app.installation import Installation
from courriel.app.json_file import JsonFile
from courriel.base.clock import Clock
from courriel.base.errors import FormatError
from courriel.base.i18n import LANGUAGES
from courriel.base.log import Level, log
from courriel.delivery.intake import Delivery
from courriel.delivery.relay.ageing import Ageing
from courriel.delivery.relay.carrier import SmtpCarrier
from courriel.delivery.relay.house import HouseCarrier
from courriel.delivery.relay.pace import Rate, parse_rate
from courriel.delivery.relay.relay import Relay
from courriel.delivery.relay.security import Security
from courriel.delivery.relay.settings import NextHop, RelaySettings
from courriel.delivery.relay.sts import Known, StsPolicies
from courriel.delivery.reports import Reports
from courriel.formats.mta_sts import POLICY_OCTETS
from courriel.net.dns import DnsSettings, ValidatingResolver, open_resolver
from courriel.net.dns.settings import ROOT_ANCHORS
from courriel.net.fetch import FetchFailure, fetch
from courriel.net.tls import client_context
from courriel.ports.resolver import DnsFailure, Resolver

STS_FILE: Final = "mta-sts.json"
STS_PATH: Final = "/.well-known/mta-sts.txt"
"""RFC 8461 §3.3."""

PORT: Final = 25
LMTP: Final = "lmtp:"
LMTP_SOCKET: Final = "lmtp:unix:"
LMTP_PORT: Final = 24
"""RFC 2033 §5 forbids 25; IANA has 24 for any private mail system."""


class Outbound:
    """Everything that carries mail away."""

    def __init__(self, home: Installation, intake: Delivery, resolver: Resolver) -> None:
        settings, clock = home.settings, home.clock
        relay_settings = relay_settings_of(settings)
        ca = Path(settings.relay.ca_file) if settings.relay.ca_file else None
        policies = _Policies(resolver, ca, settings.relay.sts_port)
        kept = JsonFile(home.data / STS_FILE, dict[str, Known], "relay.sts.not_read")
        sts = StsPolicies(resolver, policies.fetch, kept, home.tls_reports, clock)
        outside = SmtpCarrier(Security(resolver, sts, home.tls_reports, ca), relay_settings, home.tls_reports, clock)
        carrier = HouseCarrier(outside, intake.release)
        self._directory = home.directory
        self.relay = Relay(home.queue, resolver, carrier, relay_settings, clock, is_ours=self._is_ours)
        reports = Reports(home.queue, intake, settings.name, languages_of(settings), clock, os.urandom)
        self._ageing = Ageing(home.queue, reports, relay_settings.retry, clock, self.relay.failure)
        self.relay.when_owed = self._ageing.hurry
        self.relay.when_tried = intake.tried
        self._task: asyncio.Task[None] | None = None

    def _is_ours(self, domain: str) -> bool:
        return not domain or self._directory.domain(domain) is not None

    def start(self) -> None:
        """Begin to carry what is due."""
        self.relay.start()
        self._task = asyncio.get_running_loop().create_task(self._ageing.run())
        self._task.add_done_callback(_ended)

    async def close(self) -> None:
        """Finish what is under way, give the rest back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.relay.stop()


def languages_of(settings: Settings) -> tuple[str, ...]:
    """Those of letters to people: the house's own first."""
    return (settings.language, *(one for one in LANGUAGES if one != settings.language))


def open_resolver_of(settings: Settings, clock: Clock) -> ValidatingResolver:
    """Raises SettingsError for a server or an anchor that cannot be read."""
    dns = settings.dns
    try:
        return open_resolver(DnsSettings(servers=dns.servers, anchors=dns.anchors or ROOT_ANCHORS), clock)
    except FormatError as error:
        raise SettingsError(f"dns: {error}") from None


def _ended(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.event("relay.ageing_ended", Level.ERROR, error=f"{type(error).__name__}: {error}")


def relay_settings_of(settings: Settings) -> RelaySettings:
    """The relay's settings.  Raises SettingsError for a next hop that cannot be read."""
    relay = settings.relay
    return RelaySettings(
        hostname=settings.name,
        port=relay.port,
        smart_host=_smart_host(relay),
        routes={
            domain.lower(): _hop(f"relay.routes.{domain}.host", route.host, route.tls, route.user, route.password)
            for domain, route in relay.routes.items()
        },
        rates={name.lower(): _rate(name, text) for name, text in relay.rates.items()},
        retry=settings.retry,
    )


def _rate(name: str, text: str) -> Rate:
    try:
        return parse_rate(text)
    except FormatError as error:
        raise SettingsError(f"relay.rates.{name}: {error.rule}") from None


def _smart_host(relay: RelaySection) -> NextHop | None:
    if not relay.smart_host:
        return None
    tls = "starttls" if relay.smart_user and relay.smart_tls in ("may", "none") else relay.smart_tls
    return _hop("relay.smart_host", relay.smart_host, tls, relay.smart_user, relay.smart_password)


def _hop(name: str, text: str, tls: str, user: str, password: str) -> NextHop:
    """``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; with ``lmtp:`` before it, or ``lmtp:unix:/path``."""
    if text.startswith(LMTP_SOCKET):
        path = text.removeprefix(LMTP_SOCKET)
        if not path.startswith("/"):
            raise SettingsError(f"{name}: the path of a socket begins with /, not as in {text}")
        return NextHop(path, 0, "none", user, password, lmtp=True)
    lmtp, text = text.startswith(LMTP), text.removeprefix(LMTP)
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.endswith("]")):
        host, port = text, str(LMTP_PORT if lmtp else PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise SettingsError(f"{name}: {text} is not host or host:port")
    if tls not in ("starttls", "tls", "may", "none"):
        raise SettingsError(f"{name}: tls is starttls, tls, may or none, not {tls}")
    return NextHop(host, int(port), tls, user, password, lmtp)


class _Policies:
    """MTA-STS policy files, from the addresses our own resolver gives."""

    def __init__(self, resolver: Resolver, ca: Path | None, port: int) -> None:
        self._resolver = resolver
        self._ca = ca
        self._port = port

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Reading the system's authorities takes 25 ms: not before somebody has a policy."""
        return client_context(self._ca)

    async def fetch(self, domain: str) -> bytes:
        """Raises FetchFailure."""
        host = f"mta-sts.{domain}"
        try:
            ips = [*(await self._resolver.a(host)).records, *(await self._resolver.aaaa(host)).records]
        except DnsFailure as failure:
            raise FetchFailure(f"{host}: {failure}") from None
        if not ips:
            raise FetchFailure(f"{host} has no address")
        return await fetch(host, ips[0], STS_PATH, self._context, POLICY_OCTETS, self._port)
