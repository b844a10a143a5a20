"""An address's servers, found on the net: the DNS, HTTPS, hosts that answer.  ``mua/autoconfig.py`` decides."""

from __future__ import annotations

import asyncio
from typing import Final

from courriel.base.clock import SystemClock
from courriel.base.errors import CourrielError
from courriel.imap.client import ImapClient
from courriel.mua.autoconfig import Endpoint, Servers, Service, find
from courriel.net.dns.resolver import ValidatingResolver, open_resolver
from courriel.net.dns.settings import DnsSettings
from courriel.net.fetch import FetchFailure, fetch
from courriel.net.tls import client_context
from courriel.net.tls_policy import verified
from courriel.ports.resolver import DnsFailure
from courriel.smtp.client import NoSession, Peer, SmtpClient

PROBE_S: Final = 8.0
"""Longest wait for a host that may not be there."""


async def discover(address: str) -> Servers | None:
    """The servers of ``address``; None when nothing is found.  Raises FormatError."""
    resolver = open_resolver(DnsSettings(), SystemClock())
    try:
        return await find(address, resolver, _Web(resolver), answers)
    finally:
        await resolver.close()


class _Web:
    """Files over HTTPS, from where the DNS says."""

    def __init__(self, resolver: ValidatingResolver) -> None:
        self._resolver = resolver

    async def __call__(self, host: str, path: str, limit: int) -> bytes:
        try:
            ips = (await self._resolver.a(host)).records or (await self._resolver.aaaa(host)).records
        except DnsFailure as failure:
            raise FetchFailure(str(failure)) from failure
        if not ips:
            raise FetchFailure(f"{host} has no address")
        async with asyncio.timeout(PROBE_S):
            return await fetch(host, ips[0], path, client_context(), limit)


async def answers(endpoint: Endpoint, service: Service) -> bool:
    """Whether the host shows a certificate for its name and speaks the protocol."""
    try:
        async with asyncio.timeout(PROBE_S):
            if service == "imap":
                imap = await ImapClient.connect(
                    endpoint.host, endpoint.port, client_context(), starttls=not endpoint.implicit_tls
                )
                await imap.close()
            else:
                policy = verified(endpoint.host, first=endpoint.implicit_tls)
                smtp = await SmtpClient.connect(Peer(endpoint.host, endpoint.port, endpoint.host, policy))
                await smtp.close()
    except (CourrielError, NoSession, OSError):
        return False
    return True
