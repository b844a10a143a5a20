"""What callers are told: over zones signed in each way, with cache and aliases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from dns.message import Message
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from courriel.base.log import log
from courriel.net.dns import lookup
from courriel.ports.resolver import Answer, DnsFailure, Mx, Resolver, Status, Tlsa
from tests.net.dns.authority import Scene, scene, serving
from tests.net.dns.tree import DAY, MAIL, Tree, mail_tree

TREE = mail_tree()
FOUND, NO_DATA, NO_NAME = Status.FOUND, Status.NO_DATA, Status.NO_NAME

TLSA = Tlsa(3, 1, 1, bytes.fromhex("00112233445566778899aabbccddeeff" * 2))

# Method, name below the zone, status, records; then whether secure in a zone with NSEC or NSEC3, and with opt-out.
CASES: list[tuple[str, str, Status, tuple[object, ...], bool, bool]] = [
    ("txt", "", FOUND, (b"v=spf1 -all",), True, True),
    ("a", "mx1.", FOUND, ("192.0.2.1",), True, True),
    ("aaaa", "mx1.", FOUND, ("2001:db8::1",), True, True),
    ("tlsa", "_25._tcp.mx1.", FOUND, (TLSA,), True, True),
    ("mx", "null.", FOUND, (Mx(0, ""),), True, True),
    ("a", "x.wild.", FOUND, ("192.0.2.99",), True, False),
    ("a", "x.y.wild.", FOUND, ("192.0.2.99",), True, False),
    ("aaaa", "mx2.", NO_DATA, (), True, True),
    ("txt", "empty.", NO_DATA, (), True, True),
    ("aaaa", "y.wild.", NO_DATA, (), True, False),
    ("a", "nope.", NO_NAME, (), True, False),
    ("a", "a.b.nope.", NO_NAME, (), True, False),
    ("tlsa", "_25._tcp.mx2.", NO_NAME, (), True, False),
]


def play(act: Callable[[Scene], Awaitable[Any]], tree: Tree = TREE, *args: Any, **settings: Any) -> Any:
    """What ``act`` gives in a scene."""

    async def run() -> Any:
        async with scene(tree, *args, **settings) as here:
            return await act(here)

    return asyncio.run(run())


async def ask(resolver: Resolver, kind: str, name: str) -> Answer[Any]:
    answer: Answer[Any] = await getattr(resolver, kind)(name)
    return answer


@pytest.mark.parametrize("zone", ["signed.test", "hashed.test", "optout.test", "plain.test", "below.optout.test"])
def test_each_kind_of_answer_from_each_kind_of_zone(zone: str) -> None:
    async def act(here: Scene) -> None:
        for kind, name, status, records, secure, secure_with_opt_out in CASES:
            expected = {"plain.test": False, "below.optout.test": False, "optout.test": secure_with_opt_out}
            answer = await ask(here.resolver, kind, name + zone)
            told = (answer.status, answer.records, answer.name, answer.secure)
            assert told == (status, records, name + zone, expected.get(zone, secure)), (kind, name)

    play(act)


def test_mail_hosts_come_by_preference() -> None:
    async def act(here: Scene) -> Answer[Mx]:
        return await here.resolver.mx("Signed.TEST.")

    answer = play(act)
    assert answer.records == (Mx(10, "mx1.signed.test"), Mx(20, "mx2.signed.test"))
    assert (answer.secure, answer.ttl_s) == (True, 3600)


def test_a_null_mx_beside_others_is_none() -> None:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "@ MX 0 .\n@ MX 5 mx\n")
    answer = play(lambda here: here.resolver.mx("test"), tree.sign())
    assert answer.records == (Mx(5, "mx.test"),)


def test_an_address_literal_has_a_reverse_name() -> None:
    answer = play(lambda here: here.resolver.ptr("[192.0.2.1]"))
    assert (answer.records, answer.secure) == (("mx1.signed.test",), True)


def test_u_labels_are_asked_as_a_labels() -> None:
    answer = play(lambda here: here.resolver.a("mx1.bücher.test"))
    assert (answer.name, answer.secure) == ("mx1.xn--bcher-kva.test", True)


def test_what_the_dns_cannot_hold_does_not_exist() -> None:
    async def act(here: Scene) -> list[str]:
        for answer in (await here.resolver.a("a..b"), await here.resolver.ptr("no address")):
            assert answer == Answer(NO_NAME, (), "", False, 0)
        return here.authority.asked

    assert play(act) == []


def test_an_alias_is_secure_only_where_both_ends_are() -> None:
    async def act(here: Scene) -> None:
        inside = await here.resolver.a("www.signed.test")
        assert (inside.name, inside.records, inside.secure) == ("web.signed.test", ("192.0.2.80",), True)
        outside = await here.resolver.a("alias.signed.test")
        assert (outside.name, outside.records, outside.secure) == ("mx1.plain.test", ("192.0.2.1",), False)
        inward = await here.resolver.a("inward.plain.test")
        assert (inward.name, inward.records, inward.secure) == ("mx1.signed.test", ("192.0.2.1",), False)

    play(act)


def renamed(target: str) -> Answer[str] | DnsFailure:
    """``mx.old.test`` where a signed DNAME sends ``old`` to ``new``, and the unsigned CNAME says ``target``."""
    tree = Tree()
    tree.add(".", "")
    zone = tree.add("test.", MAIL + "old DNAME new\nmx.new A 192.0.2.5\n")
    tree.sign()

    def answer(query: Message) -> Message:
        if query.question[0].name.to_text().lower() != "mx.old.test.":
            return tree.answer(query)
        made = dns.message.make_response(query, recursion_available=True)
        made.answer += [kept[dns.name.from_text("old.test."), RdataType.DNAME] for kept in (zone.sets, zone.signatures)]
        made.answer.append(dns.rrset.from_text("mx.old.test.", 3600, "IN", "CNAME", target))
        return made

    async def act(here: Scene) -> Answer[str] | DnsFailure:
        try:
            return await here.resolver.a("mx.old.test")
        except DnsFailure as failure:
            return failure

    told: Answer[str] | DnsFailure = play(act, tree, answer)
    return told


def test_an_alias_made_by_a_dname_is_secure() -> None:
    told = renamed("mx.new.test.")
    assert isinstance(told, Answer)
    assert (told.name, told.records, told.secure) == ("mx.new.test", ("192.0.2.5",), True)


@pytest.mark.parametrize("target", ["web.test.", "other.new.test.", "mx.new.test.evil.", "new.test."])
def test_an_alias_that_its_dname_does_not_make_is_bogus(target: str) -> None:
    told = renamed(target)
    assert isinstance(told, DnsFailure)
    assert told.bogus


@pytest.mark.parametrize("algorithm", [8, 10, 13, 14, 15, 16])
def test_each_algorithm_we_know(algorithm: int) -> None:
    tree = Tree()
    tree.add(".", "", algorithm=algorithm)
    tree.add("test.", MAIL, algorithm=algorithm)
    assert play(lambda here: here.resolver.a("web.test"), tree.sign()).secure


def test_a_zone_of_an_unknown_algorithm_is_insecure_not_bogus() -> None:
    """RFC 4035 §5.2: a DS that nobody here can follow is as if there were none."""
    tree = Tree()
    tree.add(".", "")
    child = tree.add("test.", MAIL)
    ds = child.ds()[0].replace(algorithm=17)
    child.ds = lambda: dns.rrset.from_rdata(child.origin, 3600, ds)  # type: ignore[method-assign]
    tree.sign()
    answer = play(lambda here: here.resolver.a("web.test"), tree)
    assert (answer.records, answer.secure) == (("192.0.2.80",), False)


# ------------------------------------------------------------------------------------------- memory


def test_what_is_known_is_not_asked_again_and_its_life_shrinks() -> None:
    async def act(here: Scene) -> None:
        await here.resolver.a("web.signed.test")
        asked = len(here.authority.asked)
        here.clock.advance(3_000)
        again = await here.resolver.a("WEB.signed.test.")
        assert (again.ttl_s, len(here.authority.asked)) == (600, asked)
        here.clock.advance(600)
        await here.resolver.a("web.signed.test")
        assert len(here.authority.asked) > asked

    play(act)


def test_absence_is_remembered_for_as_long_as_the_soa_says() -> None:
    async def act(here: Scene) -> None:
        for _ in range(2):
            await here.resolver.a("nope.plain.test")
        assert here.authority.asked.count("nope.plain.test. A") == 1
        here.clock.advance(900)
        await here.resolver.a("nope.plain.test")
        assert here.authority.asked.count("nope.plain.test. A") == 2

    play(act)


def test_a_warm_zone_costs_one_question() -> None:
    async def act(here: Scene) -> list[str]:
        await here.resolver.mx("signed.test")
        before = len(here.authority.asked)
        assert (await here.resolver.a("mx1.signed.test")).secure
        return here.authority.asked[before:]

    assert play(act) == ["mx1.signed.test. A"]


def test_how_a_zone_stands_is_asked_again_in_its_time() -> None:
    async def act(here: Scene) -> None:
        await here.resolver.mx("signed.test")
        here.clock.advance(3_600)
        assert (await here.resolver.a("mx1.signed.test")).secure
        assert here.authority.asked.count("signed.test. DNSKEY") == 2

    play(act)


def test_equal_questions_at_the_same_time_are_one() -> None:
    async def act(here: Scene) -> list[str]:
        answers = await asyncio.gather(*[here.resolver.a("web.signed.test") for _ in range(50)])
        assert len({answer.records for answer in answers}) == 1
        return here.authority.asked

    asked = play(act)
    assert len(asked) == len(set(asked))


def test_a_life_of_nothing_is_not_remembered() -> None:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "fleeting 0 A 192.0.2.1\n", "")

    async def act(here: Scene) -> int:
        for _ in range(2):
            assert (await here.resolver.a("fleeting.test")).ttl_s == 0
        return here.authority.asked.count("fleeting.test. A")

    assert play(act, tree.sign()) == 2


def test_nothing_is_kept_for_longer_than_its_signature_holds() -> None:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "long 604800 A 192.0.2.1\n")
    assert play(lambda here: here.resolver.a("long.test"), tree.sign()).ttl_s == DAY


def test_a_failure_is_remembered_for_a_moment() -> None:
    async def act(here: Scene) -> None:
        for wait_s, asked in ((0, 1), (4.9, 1), (0.1, 2)):
            here.clock.advance(wait_s)
            with pytest.raises(DnsFailure):
                await here.resolver.a("web.signed.test")
            assert here.authority.asked.count("web.signed.test. A") == asked

    play(act, TREE, lambda query: failing(query, Rcode.SERVFAIL))


def failing(query: Message, rcode: Rcode) -> Message:
    answer = dns.message.make_response(query)
    answer.set_rcode(rcode)
    return answer


# -------------------------------------------------------------------------------- servers without DNSSEC


def stripped(query: Message) -> Message:
    """A forwarder that knows nothing of DNSSEC."""
    answer = TREE.answer(query)
    for section in (answer.answer, answer.authority):
        section[:] = [rrset for rrset in section if rrset.rdtype not in (46, 47, 50)]
    answer.use_edns(0)
    return answer


@pytest.mark.parametrize("root", ["stripped", Rcode.REFUSED, Rcode.NOTIMP, Rcode.NXDOMAIN])
def test_a_forwarder_without_signatures_gives_insecure_answers_and_one_warning(root: Any) -> None:
    def answer(query: Message) -> Message:
        if root != "stripped" and query.question[0].rdtype == 48:
            return failing(query, root)
        return stripped(query)

    before = log.counters.snapshot().get("dns.no_dnssec", 0)

    async def act(here: Scene) -> None:
        for kind, name in (("mx", "signed.test"), ("a", "nope.hashed.test"), ("aaaa", "mx2.signed.test")):
            assert not (await ask(here.resolver, kind, name)).secure

    play(act, TREE, answer)
    assert log.counters.snapshot()["dns.no_dnssec"] == before + 1


def test_without_validation_nothing_is_secure_and_nothing_else_asked() -> None:
    async def act(here: Scene) -> list[str]:
        assert not (await here.resolver.a("web.signed.test")).secure
        return here.authority.asked

    assert play(act, TREE, validate=False) == ["web.signed.test. A"]


def test_an_anchor_of_ones_own_holds_below_it_and_nowhere_else() -> None:
    async def act(here: Scene) -> None:
        assert (await here.resolver.a("web.signed.test")).secure
        assert not (await here.resolver.a("web.hashed.test")).secure

    play(act, TREE, anchors=(TREE.anchor("signed.test."),))


def test_signatures_stripped_below_an_anchor_of_ones_own_are_missed() -> None:
    def answer(query: Message) -> Message:
        return TREE.answer(query) if query.question[0].rdtype == 48 else stripped(query)

    async def act(here: Scene) -> None:
        with pytest.raises(DnsFailure) as failed:
            await here.resolver.a("web.signed.test")
        assert failed.value.bogus

    play(act, TREE, answer, anchors=(TREE.anchor("signed.test."),))


# ------------------------------------------------------------------------------------------- servers


def test_a_server_that_is_silent_is_passed_over_and_then_asked_last() -> None:
    async def run() -> None:
        async with serving(lambda query: None) as silent, serving(TREE.answer) as good:
            servers = (silent.address, good.address)
            async with scene(TREE, servers=servers, first_wait_s=0.05, validate=False) as here:
                assert (await here.resolver.a("web.signed.test")).status is FOUND
                assert (await here.resolver.a("mx1.signed.test")).status is FOUND
                assert len(silent.asked) == 1

    asyncio.run(run())


@pytest.mark.parametrize("order", [1, -1])
def test_a_server_that_strips_signatures_beside_one_that_does_not_harms_nothing(order: int) -> None:
    async def run() -> int:
        async with AsyncExitStack() as stack:
            bare = await stack.enter_async_context(serving(stripped))
            good = await stack.enter_async_context(serving(TREE.answer))
            servers = (bare.address, good.address)[::order]
            here = await stack.enter_async_context(scene(TREE, servers=servers))
            assert (await here.resolver.a("web.signed.test")).secure
            before = len(bare.asked)
            assert (await here.resolver.a("mx1.signed.test")).secure
            return len(bare.asked) - before

    assert asyncio.run(run()) == 0


def test_what_is_bogus_from_one_server_is_asked_of_another() -> None:
    def tampering(query: Message) -> Message:
        answer = TREE.answer(query)
        if query.question[0].rdtype == 1:
            answer.answer = []
        return answer

    async def run() -> None:
        async with AsyncExitStack() as stack:
            bad = await stack.enter_async_context(serving(tampering))
            good = await stack.enter_async_context(serving(TREE.answer))
            here = await stack.enter_async_context(scene(TREE, servers=(bad.address, good.address)))
            assert (await here.resolver.a("web.signed.test")).secure

    asyncio.run(run())


def test_no_more_than_some_questions_are_on_their_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "IN_FLIGHT", 5)

    async def act(here: Scene) -> None:
        here.authority.delay_s = 0.3
        asking = [asyncio.ensure_future(here.resolver.a(f"h{n}.plain.test")) for n in range(12)]
        await asyncio.sleep(0.15)
        assert len(here.authority.asked) == 5
        await asyncio.gather(*asking)
        assert len(here.authority.asked) == 12

    play(act, TREE, validate=False)


def test_a_server_that_stays_silent_is_told_of_once() -> None:
    def told() -> int:
        return log.counters.snapshot().get("dns.server_failed", 0)

    before = told()

    async def act(here: Scene) -> None:
        for name in ("a.test", "b.test", "c.test"):
            with pytest.raises(DnsFailure):
                await here.resolver.a(name)

    play(act, TREE, lambda query: None, validate=False, first_wait_s=0.01, question_s=0.5)
    assert told() == before + 1


def test_an_answer_too_long_for_a_datagram_comes_over_tcp() -> None:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "".join(f'big TXT "{n} {"x" * 200}"\n' for n in range(100)))

    async def act(here: Scene) -> int:
        answer = await here.resolver.txt("big.test")
        assert (len(answer.records), answer.secure) == (100, True)
        return here.authority.over_tcp

    assert play(act, tree.sign()) == 1


def test_a_server_that_knows_no_edns_is_asked_without() -> None:
    def answer(query: Message) -> Message:
        if query.edns >= 0:
            refused = failing(query, Rcode.FORMERR)
            refused.use_edns(False)
            return refused
        return stripped(query)

    async def act(here: Scene) -> None:
        assert (await here.resolver.a("web.signed.test")).records == ("192.0.2.80",)
        assert (await here.resolver.a("mx1.signed.test")).records == ("192.0.2.1",)
        assert here.authority.asked.count("web.signed.test. A") == 2
        assert here.authority.asked.count("mx1.signed.test. A") == 1

    play(act, TREE, answer)


def test_questions_ask_for_recursion_and_for_what_is_needed_to_check() -> None:
    seen: list[Message] = []

    def answer(query: Message) -> Message:
        seen.append(query)
        return TREE.answer(query)

    play(lambda here: here.resolver.a("a-long-name-with-many-letters.signed.test"), TREE, answer)
    (first, *_) = seen
    assert first.flags == dns.flags.RD | dns.flags.CD
    assert (first.edns, first.ednsflags, first.payload) == (0, dns.flags.DO, 1232)
    letters = first.question[0].name.to_text()
    assert letters not in (letters.lower(), letters.upper())
    assert len({query.id for query in seen}) > 1


def test_a_closed_resolver_says_so() -> None:
    async def act(here: Scene) -> None:
        waiting = asyncio.ensure_future(here.resolver.a("web.signed.test"))
        await asyncio.sleep(0.05)
        await here.resolver.close()
        with pytest.raises(DnsFailure):
            await waiting
        with pytest.raises(DnsFailure):
            await here.resolver.a("web.signed.test")

    play(act, TREE, lambda query: None)
