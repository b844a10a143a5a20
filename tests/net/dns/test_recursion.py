"""From the root down: four servers on the loopback, one for each zone, on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import dns.message
import dns.rrset
import pytest
from dns.message import Message

from courriel.base.clock import ManualClock
from courriel.net.dns import DnsSettings, ValidatingResolver, open_resolver
from courriel.net.dns.recursion import Recursion
from courriel.net.dns.settings import Address
from courriel.ports.resolver import DnsFailure, Status
from tests.net.dns.authority import Answering, Authority, serving
from tests.net.dns.tree import MAIL, NOW, Tree

ROOT, TEST, ZONES, ELSEWHERE = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"


def delegated_tree() -> Tree:
    """``plain.test`` has its server in ``signed.test``, so that its referral has no address."""
    tree = Tree()
    tree.hosts = {"signed.test.": "ns.signed.test.", "plain.test.": "ns.signed.test."}
    tree.add(".", "")
    tree.add("test.", "lost NS ns.lost-too.test.\nlost-too NS ns.lost.test.\n")
    tree.add("signed.test.", MAIL + f"ns A {ZONES}\n")
    tree.add("plain.test.", MAIL, "")
    return tree.sign()


TREE = delegated_tree()


def root(query: Message) -> Message:
    return TREE.answer_of(".", query, {"ns.test.": TEST})


def tld(query: Message) -> Message:
    below_signed = query.question[0].name.to_text().lower().endswith("signed.test.")
    return TREE.answer_of("test.", query, {"ns.signed.test.": ZONES} if below_signed else {})


def zones(query: Message) -> Message:
    plain = query.question[0].name.to_text().lower().endswith("plain.test.")
    return TREE.answer_of("plain.test." if plain else "signed.test.", query, {})


Servers = dict[str, Authority]


def play(
    act: Callable[[ValidatingResolver, Servers], Awaitable[Any]], first_wait_s: float = 3.0, **changed: Answering
) -> Any:
    """What ``act`` gives, with a resolver that knows the root alone."""
    answering: dict[str, Answering] = {"root": root, "test": tld, "zones": zones, "elsewhere": lambda query: None}
    ips = {"root": ROOT, "test": TEST, "zones": ZONES, "elsewhere": ELSEWHERE}

    async def run() -> Any:
        async with AsyncExitStack() as stack:
            servers: Servers = {}
            port = 0
            for who, ip in ips.items():
                servers[who] = await stack.enter_async_context(serving((answering | changed)[who], ip, port))
                port = servers[who].port
            settings = DnsSettings(
                servers=(f"{ROOT}:{port}",),
                recurse=True,
                zone_port=port,
                anchors=(TREE.anchor(),),
                first_wait_s=first_wait_s,
            )
            resolver = open_resolver(settings, ManualClock(NOW))
            stack.push_async_callback(resolver.close)
            return await act(resolver, servers)

    return asyncio.run(run())


def test_the_way_from_the_root_is_found_and_validated() -> None:
    async def act(resolver: ValidatingResolver, servers: Servers) -> None:
        for name, status, secure in (
            ("web.signed.test", Status.FOUND, True),
            ("nope.signed.test", Status.NO_NAME, True),
            ("nope.test", Status.NO_NAME, True),
            ("nope", Status.NO_NAME, True),
            ("web.plain.test", Status.FOUND, False),
        ):
            answer = await resolver.a(name)
            assert (answer.status, answer.secure) == (status, secure), name

    play(act)


def test_a_zone_once_found_is_asked_at_once_and_without_recursion() -> None:
    flags: list[int] = []

    def noting(query: Message) -> Message:
        flags.append(query.flags)
        return zones(query)

    async def act(resolver: ValidatingResolver, servers: Servers) -> None:
        await resolver.a("web.signed.test")
        before = len(servers["root"].asked), len(servers["test"].asked)
        assert (await resolver.a("mx1.signed.test")).secure
        assert (len(servers["root"].asked), len(servers["test"].asked)) == before

    play(act, zones=noting)
    assert set(flags) == {int(dns.flags.CD)}


def test_servers_whose_addresses_need_one_another_are_never_found() -> None:
    async def act(resolver: ValidatingResolver, servers: Servers) -> int:
        with pytest.raises(DnsFailure):
            await resolver.a("web.lost.test")
        return sum(len(server.asked) for server in servers.values())

    assert play(act) < 100


def test_a_server_may_not_refer_to_zones_that_are_not_below_its_own() -> None:
    """One for ``test`` that would have all of the root sent elsewhere."""

    def grasping(query: Message) -> Message:
        answer = dns.message.make_response(query)
        answer.authority.append(dns.rrset.from_text(".", 3_600, "IN", "NS", "ns.grasping.test."))
        answer.additional.append(dns.rrset.from_text("ns.grasping.test.", 3_600, "IN", "A", ELSEWHERE))
        return answer

    async def act(resolver: ValidatingResolver, servers: Servers) -> list[str]:
        with pytest.raises(DnsFailure):
            await resolver.a("web.plain.test")
        return servers["elsewhere"].asked

    assert play(act, test=grasping) == []


def test_addresses_of_hosts_outside_the_senders_zone_are_not_taken() -> None:
    """The zone's server is in ``signed.test``; what the server of a neighbour says of its address does not count."""

    def neighbour(query: Message) -> Message:
        answer = zones(query)
        if query.question[0].name.to_text().lower() == "deep.below.plain.test.":
            answer = dns.message.make_response(query)
            answer.authority.append(dns.rrset.from_text("below.plain.test.", 3_600, "IN", "NS", "ns.signed.test."))
            answer.additional.append(dns.rrset.from_text("ns.signed.test.", 3_600, "IN", "A", ELSEWHERE))
        return answer

    async def act(resolver: ValidatingResolver, servers: Servers) -> list[str]:
        with pytest.raises(DnsFailure):
            await resolver.a("deep.below.plain.test")
        return servers["elsewhere"].asked

    assert play(act, zones=neighbour) == []


def test_a_zone_without_servers_that_answer_is_a_failure() -> None:
    async def act(resolver: ValidatingResolver, servers: Servers) -> None:
        with pytest.raises(DnsFailure) as failed:
            await resolver.a("web.signed.test")
        assert not failed.value.bogus

    play(act, first_wait_s=0.02, zones=lambda query: None)


def test_under_public_roots_only_public_servers_are_asked() -> None:
    """A zone could otherwise have us knock at doors of this machine and its network."""

    async def run() -> list[list[str]]:
        given = ["127.0.0.1", "10.0.0.1", "::1", "fe80::1", "0.0.0.0", "100.64.0.1", "9.9.9.9", "2620:fe::fe"]
        return [
            Recursion((Address(root, 53),), ManualClock(NOW), 1.0, 53)._askable(given) for root in ("198.41.0.4", ROOT)
        ]

    public, private = asyncio.run(run())
    assert public == ["9.9.9.9", "2620:fe::fe"]
    assert len(private) == 8
