"""Policies that cannot be applied are counted where they fail.  RFC 8460 §4.3.2."""

from __future__ import annotations

import asyncio

import pytest

from courriel.base.clock import ManualClock
from courriel.delivery.relay.routing import Host, Located, NoRoute
from courriel.delivery.relay.security import Security
from courriel.delivery.relay.sts import StsPolicies
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.net.tls_policy import OPPORTUNISTIC, REQUIRED, TlsMode
from courriel.ports.resolver import Answer, DnsFailure, Tlsa
from courriel.ports.tls_reports import Tally
from courriel.store.memory.tls_reports import MemoryTlsReports
from tests.delivery.relay.test_sts import Web
from tests.delivery.relay.zone import Zone

NAME = "_25._tcp.mx.x.org"
LOCATED = Located(Host("mx.x.org", 25, secure=True), ("192.0.2.1",), "mx.x.org", secure=True)


class Bogus(Zone):
    """Signatures of TLSA records do not hold."""

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        raise DnsFailure("bogus", bogus=True)


def scene(zone: Zone) -> tuple[Security, MemoryTlsReports]:
    web, clock = Web(), ManualClock(0.0)
    reports = MemoryTlsReports(clock)
    return Security(zone, StsPolicies(zone, web.fetch, web, reports, clock), reports), reports


async def test_bogus_names_are_dnssec_invalid(runner: asyncio.Runner) -> None:
    security, reports = scene(Bogus(secure=True))
    with pytest.raises(NoRoute):
        await security.policy("x.org", LOCATED)
    failed = TlsSession(TlsSubject("x.org", PolicyType.TLSA), "dnssec-invalid", "mx.x.org")
    assert await reports.tallies("1970-01-01") == [Tally(failed, 1)]


async def test_no_answer_is_not_counted(runner: asyncio.Runner) -> None:
    security, reports = scene(Zone(secure=True, failing={NAME}))
    with pytest.raises(NoRoute):
        await security.policy("x.org", LOCATED)
    assert await reports.tallies("1970-01-01") == []


async def test_records_of_no_use_are_tlsa_invalid(runner: asyncio.Runner) -> None:
    zone = Zone(secure=True)
    zone.tlsas[NAME] = [Tlsa(1, 1, 1, bytes(32))]  # PKIX-EE: not for SMTP, RFC 7672 §3.1.3
    security, reports = scene(zone)
    assert await security.policy("x.org", LOCATED) == REQUIRED
    subject = TlsSubject("x.org", PolicyType.TLSA, ("1 1 1 " + "00" * 32,))
    assert await reports.tallies("1970-01-01") == [Tally(TlsSession(subject, "tlsa-invalid", "mx.x.org"), 1)]


async def test_sessions_are_counted_under_their_policy(runner: asyncio.Runner) -> None:
    zone = Zone(secure=True)
    zone.tlsas[NAME] = [Tlsa(3, 1, 1, bytes(32))]
    security, reports = scene(zone)
    dane = await security.policy("x.org", LOCATED)
    assert dane.mode is TlsMode.DANE and dane.subject is not None and dane.subject.type is PolicyType.TLSA
    bare = await security.policy("y.org", Located(Host("mx.y.org", 25), ("192.0.2.1",), "mx.y.org"))
    assert bare.mode is TlsMode.OPPORTUNISTIC and bare.subject == TlsSubject("y.org", PolicyType.NONE)
    assert await security.policy("x.org", LOCATED, lax=True) == OPPORTUNISTIC
    assert await reports.tallies("1970-01-01") == []
