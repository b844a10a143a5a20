"""Routing: MX order, null MX, implicit MX, loops, literals, named next hops.  RFC 5321 §5.1, RFC 7505."""

from __future__ import annotations

import asyncio
import random

import pytest

from courriel.delivery.relay.routing import Host, NoRoute, Router
from courriel.delivery.relay.settings import NextHop, RelaySettings
from courriel.model.attempt import Result
from tests.delivery.relay.zone import Zone

SETTINGS = RelaySettings("mail.courriel.test")


def router(zone: Zone, settings: RelaySettings = SETTINGS) -> Router:
    return Router(zone, settings, random.Random(1).shuffle)


def names(hosts: list[Host]) -> list[str]:
    return [host.name for host in hosts]


async def refusal(zone: Zone, domain: str) -> tuple[Result, str]:
    with pytest.raises(NoRoute) as caught:
        await router(zone).hosts(domain)
    return caught.value.attempt.result, caught.value.attempt.status


async def test_lowest_preference_first_and_equals_by_chance(runner: asyncio.Runner) -> None:
    zone = Zone(mx={"x.org": [(20, "c.x.org"), (10, "a.x.org"), (10, "b.x.org")]})
    orders = set()
    one = router(zone)
    for _ in range(40):
        hosts = names(await one.hosts("x.org"))
        assert hosts[2] == "c.x.org"
        orders.add(tuple(hosts[:2]))
    assert orders == {("a.x.org", "b.x.org"), ("b.x.org", "a.x.org")}


async def test_without_mx_the_domain_itself(runner: asyncio.Runner) -> None:
    zone = Zone(a={"x.org": ["192.0.2.1"]}, secure=True)
    assert await router(zone).hosts("x.org") == [Host("x.org", 25, secure=True)]


async def test_what_the_dns_refuses(runner: asyncio.Runner) -> None:
    zone = Zone(mx={"null.org": [(0, "")]}, failing={"servfail.org"})
    assert await refusal(zone, "null.org") == (Result.FAILED, "5.1.10")
    assert await refusal(zone, "nowhere.org") == (Result.FAILED, "5.1.2")
    assert await refusal(zone, "servfail.org") == (Result.DEFERRED, "4.4.3")


async def test_never_back_to_ourselves(runner: asyncio.Runner) -> None:
    mx = [(10, "first.x.org"), (20, "Mail.Courriel.Test."), (20, "peer.x.org"), (30, "last.x.org")]
    assert names(await router(Zone(mx={"x.org": mx})).hosts("x.org")) == ["first.x.org"]
    assert await refusal(Zone(mx={"x.org": mx[1:]}), "x.org") == (Result.FAILED, "5.4.6")


async def test_not_more_hosts_and_addresses_than_the_limit(runner: asyncio.Runner) -> None:
    zone = Zone(
        mx={"x.org": [(n, f"m{n}.x.org") for n in range(30)]},
        a={"m0.x.org": [f"192.0.2.{n}" for n in range(9)]},
        aaaa={"m0.x.org": ["2001:db8::1"]},
    )
    hosts = await router(zone).hosts("x.org")
    assert len(hosts) == SETTINGS.hosts
    located = await router(zone).locate(hosts[0])
    assert located.ips == ("2001:db8::1", "192.0.2.0", "192.0.2.1", "192.0.2.2")


async def test_addresses_that_fail(runner: asyncio.Runner) -> None:
    zone = Zone(mx={"x.org": [(1, "m.x.org")]}, failing={"m.x.org"})
    for host, expected in [("m.x.org", Result.DEFERRED), ("gone.x.org", Result.FAILED)]:
        with pytest.raises(NoRoute) as caught:
            await router(zone).locate(Host(host, 25))
        assert caught.value.attempt.result is expected and caught.value.attempt.host == host


@pytest.mark.parametrize(
    ("domain", "ip"),
    [("[192.0.2.7]", "192.0.2.7"), ("[IPv6:2001:db8::7]", "2001:db8::7"), ("[ipv6:2001:DB8::7]", "2001:db8::7")],
)
async def test_address_literals(runner: asyncio.Runner, domain: str, ip: str) -> None:
    one = router(Zone())
    [host] = await one.hosts(domain)
    assert (await one.locate(host)).ips == (ip,)


async def test_named_next_hops_come_before_the_dns(runner: asyncio.Runner) -> None:
    smart, partner = NextHop("smart.example", 587, "starttls"), NextHop("10.0.0.5", 2525)
    settings = RelaySettings("mail.courriel.test", smart_host=smart, routes={"partner.org": partner})
    one = router(Zone(failing={"x.org", "partner.org"}), settings)
    assert await one.hosts("x.org") == [Host("smart.example", 587, hop=smart)]
    assert await one.hosts("partner.org") == [Host("10.0.0.5", 2525, hop=partner)]
    assert one.lane_key("x.org") == one.lane_key("y.org") == "smart.example:587"
    assert one.lane_key("partner.org") == "10.0.0.5:2525"
    assert router(Zone(), SETTINGS).lane_key("x.org") == "x.org"


async def test_mailboxes_here_come_before_every_route(runner: asyncio.Runner) -> None:
    """What waited for its time is delivered, not given to the smart host."""
    settings = RelaySettings("mail.courriel.test", smart_host=NextHop("smart.example"))
    one = Router(Zone(), settings, random.Random(1).shuffle, "ours.org".__eq__)
    [host] = await one.hosts("ours.org")
    assert host.is_us and (await one.locate(host)).ips == ("ours.org",)
    assert one.lane_key("ours.org") == "ours.org"
    assert one.lane_key("x.org") == "smart.example:25"
