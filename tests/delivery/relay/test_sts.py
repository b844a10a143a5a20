"""MTA-STS policies over time: first seen, renewed, out of reach, withdrawn, too old.  RFC 8461 §3.3, §5.1, §8.3."""

from __future__ import annotations

import asyncio

from courriel.base.clock import ManualClock
from courriel.delivery.relay.sts import LOOK_S, RETRY_S, Known, StsPolicies
from courriel.formats.mta_sts import Mode, Policy
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.net.fetch import FetchFailure
from courriel.ports.tls_reports import Tally
from courriel.store.memory.tls_reports import MemoryTlsReports
from tests.delivery.relay.zone import Zone

ENFORCE = b"version: STSv1\nmode: enforce\nmx: mx.x.org\nmax_age: 86400\n"
NONE = b"version: STSv1\nmode: none\nmax_age: 86400\n"
STRICT = Policy(Mode.ENFORCE, ("mx.x.org",), 86_400)

NOON = 43_200.0
"""Of 1970-01-01."""


class Web:
    """Fulfils ``Fetch``, and ``Keeper`` as well."""

    def __init__(self) -> None:
        self.file: bytes | None = ENFORCE
        self.fetched: list[str] = []
        self.saved: dict[str, Known] = {}

    async def fetch(self, domain: str) -> bytes:
        self.fetched.append(domain)
        if self.file is None:
            raise FetchFailure("404")
        return self.file

    def load(self) -> dict[str, Known]:
        return dict(self.saved)

    def save(self, known: dict[str, Known]) -> None:
        self.saved = dict(known)


class Scene:
    def __init__(self, id: str | None = "1") -> None:
        self.web, self.clock, self.zone = Web(), ManualClock(NOON), Zone()
        self.reports = MemoryTlsReports(self.clock)
        self.say(id)
        self.start()

    def start(self) -> None:
        self.policies = StsPolicies(self.zone, self.web.fetch, self.web, self.reports, self.clock)

    def say(self, id: str | None) -> None:
        self.zone.texts["_mta-sts.x.org"] = [] if id is None else [f"v=STSv1; id={id};".encode()]

    async def after(self, seconds: float) -> Policy | None:
        self.clock.advance(seconds)
        return await self.policies.policy("x.org")


async def test_seen_once_and_kept(runner: asyncio.Runner) -> None:
    s = Scene()
    assert await s.after(0) == STRICT and await s.after(10) == STRICT
    assert s.web.fetched == ["x.org"]
    s.start()  # another process
    assert await s.after(10) == STRICT and s.web.fetched == ["x.org"]


async def test_no_record_no_policy(runner: asyncio.Runner) -> None:
    s = Scene(None)
    assert await s.after(0) is None and s.web.fetched == []


async def test_a_new_id_brings_a_new_policy(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.after(0)
    s.say("2")
    s.web.file = NONE
    assert await s.after(LOOK_S - 1) == STRICT
    assert await s.after(1) is None and len(s.web.fetched) == 2


async def test_who_blocks_dns_or_web_does_not_take_it_away(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.after(0)
    s.zone.failing.add("_mta-sts.x.org")
    assert await s.after(LOOK_S) == STRICT
    s.zone.failing.clear()
    s.say(None)
    assert await s.after(LOOK_S) == STRICT
    s.say("2")
    s.web.file = None
    assert await s.after(LOOK_S) == STRICT
    assert await s.after(86_400) is None  # too old


async def test_a_policy_out_of_reach_is_asked_for_again_later(runner: asyncio.Runner) -> None:
    s = Scene()
    s.web.file = None
    assert await s.after(0) is None and await s.after(RETRY_S - 1) is None and len(s.web.fetched) == 1
    s.web.file = ENFORCE
    assert await s.after(1) == STRICT and len(s.web.fetched) == 2


async def test_a_bad_policy_is_none(runner: asyncio.Runner) -> None:
    s = Scene()
    s.web.file = b"<html>"
    assert await s.after(0) is None
    invalid = TlsSession(TlsSubject("x.org", PolicyType.STS), "sts-policy-invalid")
    assert await s.reports.tallies("1970-01-01") == [Tally(invalid, 1)]
