"""Answers of forgers, of broken servers, and of zones made to exhaust us.

"Bogus" is DnsFailure with ``bogus``; other failures say that no answer could be had.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.net.dns import budget
from courriel.net.dns.reading import read_answer
from courriel.ports.resolver import DnsFailure, Status
from tests.net.dns.authority import Scene, scene, serving
from tests.net.dns.test_resolver import failing, play
from tests.net.dns.tree import DAY, NOW, Key, Tree, mail_tree

TREE = mail_tree()
CPU_S = 0.5
"""Most processor time that one hostile answer may cost, the server's share in this process included."""


def name_of(text: str) -> Name:
    return dns.name.from_text(text)


def about(query: Message) -> str:
    """The question as ``name type``."""
    (question,) = query.question
    return f"{question.name.to_text().lower()} {RdataType(question.rdtype).name}"


def changing(question: str, change: Callable[[Message], Any]) -> Callable[[Message], Any]:
    """The tree's answers, save one."""
    return lambda query: change(query) if about(query) == question else TREE.answer(query)


def fails(answering: Callable[[Message], Any], kind: str, name: str, tree: Tree = TREE, **given: Any) -> DnsFailure:
    async def act(here: Scene) -> DnsFailure:
        with pytest.raises(DnsFailure) as failed:
            await getattr(here.resolver, kind)(name)
        return failed.value

    failure: DnsFailure = play(act, tree, answering, **given)
    return failure


def is_bogus(answering: Callable[[Message], Any], kind: str, name: str, tree: Tree = TREE) -> bool:
    return fails(answering, kind, name, tree).bogus


# ------------------------------------------------------------------------------------------ datagrams


def forged(query: Message, ip: str = "203.0.113.66") -> Message:
    answer = dns.message.make_response(query, recursion_available=True)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 86_400, "IN", "A", ip))
    return answer


def wrong_id(query: Message) -> bytes:
    answer = forged(query)
    answer.id ^= 1
    return answer.to_wire()


def wrong_question(query: Message) -> bytes:
    other = dns.message.make_query("other.test", "A", id=query.id)
    return forged(other).to_wire()


def own_question(query: Message) -> bytes:
    return query.to_wire()


def cut_short(query: Message) -> bytes:
    return forged(query).to_wire()[:-3]


def trailing(query: Message) -> bytes:
    return forged(query).to_wire() + b"\0"


def two_questions(query: Message) -> bytes:
    answer = forged(query)
    answer.question.append(answer.question[0])
    return answer.to_wire()


def garbage(query: Message) -> bytes:
    return query.to_wire()[:2] + b"\x84\x00" + os.urandom(60)


def pointer_loop(query: Message) -> bytes:
    wire = forged(query).to_wire()
    at = 12 + len(query.question[0].name.to_wire()) + 4
    return wire[:at] + bytes([0xC0 | at >> 8, at & 0xFF]) + wire[at + 2 :]


STRANGE = [wrong_id, wrong_question, own_question, cut_short, trailing, two_questions, garbage, pointer_loop]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_datagram_that_does_not_fit_is_dropped_and_the_right_one_taken(strange: Callable[[Message], bytes]) -> None:
    def answer(query: Message) -> list[bytes]:
        return [strange(query)] * 3 + [TREE.answer(query).to_wire()]

    async def act(here: Scene) -> None:
        told = await here.resolver.a("web.plain.test")
        assert told.records == ("192.0.2.80",)
        assert here.authority.over_tcp == 0

    play(act, TREE, answer)


@pytest.mark.parametrize("strange", STRANGE)
def test_where_nothing_fits_there_is_no_answer(strange: Callable[[Message], bytes]) -> None:
    assert not fails(strange, "a", "web.plain.test", first_wait_s=0.02, question_s=0.3).bogus


def test_an_answer_from_somewhere_else_is_not_heard() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        elsewhere, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        async with scene(TREE, validate=False, first_wait_s=0.2, question_s=0.2) as here:

            def answer(query: Message) -> None:
                _, source = here.authority.heard_from[-1]
                elsewhere.sendto(forged(query).to_wire(), source)

            here.authority.answering = answer
            with pytest.raises(DnsFailure):
                await here.resolver.a("web.plain.test")
        elsewhere.close()

    asyncio.run(run())


def test_an_answer_in_other_letters_is_asked_for_again_over_tcp() -> None:
    """A forger who guesses id and port still has the case of the letters to guess; a server that changes it may."""

    async def act(here: Scene) -> tuple[tuple[str, ...], int]:
        def answer(query: Message) -> Message:
            if here.authority.over_tcp:
                return TREE.answer(query)
            lower = dns.message.make_query(query.question[0].name.to_text().lower(), "A", id=query.id)
            return forged(lower)

        here.authority.answering = answer
        return (await here.resolver.a("a-name-with-letters.wild.plain.test")).records, here.authority.over_tcp

    assert play(act, TREE, validate=False) == (("192.0.2.99",), 1)


def test_a_flood_of_guesses_ends_in_tcp() -> None:
    async def act(here: Scene) -> int:
        def answer(query: Message) -> Any:
            return TREE.answer(query) if here.authority.over_tcp else [wrong_id(query)] * 150

        here.authority.answering = answer
        assert (await here.resolver.a("web.plain.test")).records == ("192.0.2.80",)
        return here.authority.over_tcp

    assert play(act, TREE, validate=False) == 1


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.YXDOMAIN])
def test_an_error_is_no_answer(rcode: Rcode) -> None:
    failure = fails(changing("web.plain.test. A", lambda query: failing(query, rcode)), "a", "web.plain.test")
    assert not failure.bogus
    assert rcode.name in str(failure)


def test_a_referral_is_no_answer() -> None:
    def refer(query: Message) -> Message:
        answer = dns.message.make_response(query)
        answer.authority.append(dns.rrset.from_text("test.", 3_600, "IN", "NS", "ns.test."))
        return answer

    assert not fails(changing("web.plain.test. A", refer), "a", "web.plain.test").bogus


def test_a_server_that_breaks_off_over_tcp_is_no_answer() -> None:
    def cut(query: Message) -> bytes:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.TC
        return answer.to_wire()  # and the same over TCP, where nothing may be cut

    assert not fails(cut, "a", "web.plain.test", first_wait_s=0.05, question_s=0.5).bogus


def test_a_slow_server_costs_no_more_than_the_time_of_a_question() -> None:
    async def act(here: Scene) -> float:
        here.authority.delay_s = 5.0
        began = time.monotonic()
        with pytest.raises(DnsFailure):
            await here.resolver.a("web.signed.test")
        return time.monotonic() - began

    assert 0.2 < play(act, TREE, first_wait_s=0.1, question_s=0.25) < 3.0


def test_many_slow_aliases_cost_no_more_than_the_time_of_a_question() -> None:
    async def act(here: Scene) -> float:
        here.authority.delay_s = 0.3
        began = time.monotonic()
        with pytest.raises(DnsFailure):
            await here.resolver.a("a1.test")
        return time.monotonic() - began

    tree = aliases("".join(f"a{n} CNAME a{n + 1}\n" for n in range(8)))
    assert play(act, tree, validate=False, question_s=0.4) < 1.5


def test_nobody_there_is_no_answer() -> None:
    async def run() -> int:
        async with serving(lambda query: None) as gone:
            return gone.port

    port = asyncio.run(run())
    assert not fails(TREE.answer, "a", "web.plain.test", servers=(f"127.0.0.1:{port}",)).bogus


# -------------------------------------------------------------------------------------------- poison


def test_records_of_other_names_and_the_additional_section_are_not_looked_at() -> None:
    def poison(query: Message) -> Message:
        answer = TREE.answer(query)
        for section in (answer.answer, answer.authority, answer.additional):
            section.append(dns.rrset.from_text("mx1.plain.test.", 86_400, "IN", "A", "203.0.113.66"))
        return answer

    async def act(here: Scene) -> tuple[str, ...]:
        await here.resolver.mx("plain.test")
        return (await here.resolver.a("mx1.plain.test")).records

    assert play(act, TREE, changing("plain.test. MX", poison)) == ("192.0.2.1",)


def test_records_of_another_class_are_not_looked_at() -> None:
    answer = dns.message.make_response(dns.message.make_query("mx1.plain.test", "TXT"))
    answer.answer.append(dns.rrset.from_text("mx1.plain.test.", 86_400, "CH", "TXT", "forged"))
    reading = read_answer(answer, name_of("mx1.plain.test."), RdataType.TXT)
    assert (reading.status, reading.found) == (Status.NO_DATA, None)


def test_the_end_of_an_alias_is_asked_for_itself() -> None:
    def poison(query: Message) -> Message:
        answer = TREE.answer(query)
        answer.answer.append(dns.rrset.from_text("mx1.plain.test.", 86_400, "IN", "A", "203.0.113.66"))
        return answer

    answer = play(lambda here: here.resolver.a("alias.plain.test"), TREE, changing("alias.plain.test. A", poison))
    assert answer.records == ("192.0.2.1",)


def aliases(text: str) -> Tree:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", text, "")
    return tree.sign()


def test_a_loop_of_aliases_ends() -> None:
    tree = aliases("one CNAME two\ntwo CNAME one\nself CNAME self\n")
    for name in ("one.test", "self.test"):
        assert not fails(tree.answer, "a", name, tree).bogus


def test_eight_aliases_are_followed_and_nine_are_not() -> None:
    tree = aliases("".join(f"a{n} CNAME a{n + 1}\n" for n in range(9)) + "a9 A 192.0.2.1\n")
    assert play(lambda here: here.resolver.a("a1.test"), tree).records == ("192.0.2.1",)
    assert "dns.aliases" in str(fails(tree.answer, "a", "a0.test", tree))


# ---------------------------------------------------------------------------------------- signatures


def without(*rdtypes: RdataType) -> Callable[[Message], Message]:
    def strip(query: Message) -> Message:
        answer = TREE.answer(query)
        for section in (answer.answer, answer.authority):
            section[:] = [rrset for rrset in section if rrset.rdtype not in rdtypes]
        return answer

    return strip


def replaced(*rrsets: RRset) -> Callable[[Message], Message]:
    def replace(query: Message) -> Message:
        answer = TREE.answer(query)
        answer.answer = list(rrsets)
        return answer

    return replace


WEB = dns.rrset.from_text("web.signed.test.", 3_600, "IN", "A", "192.0.2.80")
EVIL = dns.rrset.from_text("web.signed.test.", 3_600, "IN", "A", "203.0.113.66")
SIGNED = TREE.zones[name_of("signed.test.")]
TEST = TREE.zones[name_of("test.")]
WEB_SIGNATURE = SIGNED.signatures[name_of("web.signed.test."), RdataType.A]
QUESTION = "web.signed.test. A"


def signed_by(key: Key | None, rrset: RRset, zone: Name, **times: int) -> RRset:
    assert key is not None
    return key.sign(rrset, zone, **times)


FORGERIES = {
    "other records under a right signature": (EVIL, WEB_SIGNATURE),
    "no signature": (EVIL,),
    "a key that is not the zone's": (EVIL, signed_by(Key(13), EVIL, SIGNED.origin)),
    "expired": (WEB, signed_by(SIGNED.key, WEB, SIGNED.origin, inception=NOW - 9 * DAY, expiration=NOW - 1)),
    "not yet valid": (WEB, signed_by(SIGNED.key, WEB, SIGNED.origin, inception=NOW + 60, expiration=NOW + DAY)),
    "the key of another zone": (WEB, signed_by(TREE.zones[name_of("hashed.test.")].key, WEB, SIGNED.origin)),
    "a signer who is no zone": (EVIL, signed_by(Key(13), EVIL, name_of("web.signed.test."))),
    "a signer elsewhere": (EVIL, signed_by(Key(13), EVIL, name_of("plain.test."))),
    "the root in another's name": (EVIL, signed_by(Key(13), EVIL, dns.name.root)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_record_in_a_signed_zone_is_bogus(forgery: str) -> None:
    assert is_bogus(changing(QUESTION, replaced(*FORGERIES[forgery])), "a", "web.signed.test")


def test_the_same_record_rightly_signed_is_not() -> None:
    """What makes the forgeries above fail is what is forged in them."""
    answering = changing(QUESTION, replaced(WEB, signed_by(SIGNED.key, WEB, SIGNED.origin)))
    assert play(lambda here: here.resolver.a("web.signed.test"), TREE, answering).secure


def test_one_wrong_signature_among_right_ones_does_no_harm() -> None:
    both = signed_by(Key(13), WEB, SIGNED.origin)
    both.update(WEB_SIGNATURE)
    answer = play(lambda here: here.resolver.a("web.signed.test"), TREE, changing(QUESTION, replaced(WEB, both)))
    assert answer.secure


CHAIN = ["test. DS", "test. DNSKEY", "signed.test. DS", "signed.test. DNSKEY"]


@pytest.mark.parametrize("question", CHAIN)
def test_a_chain_without_one_of_its_signatures_is_bogus(question: str) -> None:
    assert is_bogus(changing(question, without(RdataType.RRSIG)), "a", "web.signed.test")


@pytest.mark.parametrize("question", CHAIN)
def test_a_chain_with_one_answer_empty_is_bogus(question: str) -> None:
    def empty(query: Message) -> Message:
        return dns.message.make_response(query, recursion_available=True)

    assert is_bogus(changing(question, empty), "a", "web.signed.test")


def test_keys_that_no_ds_names_are_bogus() -> None:
    forger = Key(13)
    keys = dns.rrset.from_rdata("signed.test.", 3_600, forger.public)
    answering = changing("signed.test. DNSKEY", replaced(keys, forger.sign(keys, SIGNED.origin)))
    assert is_bogus(answering, "a", "web.signed.test")


def test_a_forgers_key_beside_the_right_one_is_bogus() -> None:
    """The set is signed by the new key only: the key that the DS names has not agreed to it."""
    forger = Key(13)
    keys = dns.rrset.from_rdata("signed.test.", 3_600, SIGNED.key.public, forger.public)
    answering = changing("signed.test. DNSKEY", replaced(keys, forger.sign(keys, SIGNED.origin)))
    assert is_bogus(answering, "a", "web.signed.test")


def test_a_root_with_other_keys_is_bogus_not_stripped() -> None:
    other = mail_tree()
    failure = fails(TREE.answer, "a", "web.signed.test", anchors=(other.anchor(),))
    assert failure.bogus


def test_a_signer_above_an_anchor_of_ones_own_cannot_make_what_is_below_insecure() -> None:
    """Nobody vouches for the zone above it, so that its name on a forged signature says nothing."""
    forgery = (EVIL, signed_by(Key(13), EVIL, name_of("test.")))
    answering = changing(QUESTION, replaced(*forgery))
    assert fails(answering, "a", "web.signed.test", anchors=(TREE.anchor("signed.test."),)).bogus


# ------------------------------------------------------------------------------------------- absence


def says(status: Status, *rrsets: RRset) -> Callable[[Message], Message]:
    """An answer that denies, with a true SOA and these proofs."""

    def deny(query: Message) -> Message:
        answer = dns.message.make_response(query, recursion_available=True)
        answer.set_rcode(Rcode.NXDOMAIN if status is Status.NO_NAME else Rcode.NOERROR)
        soa = SIGNED.sets[SIGNED.origin, RdataType.SOA], SIGNED.signatures[SIGNED.origin, RdataType.SOA]
        answer.authority += [*soa, *rrsets]
        return answer

    return deny


def proof(zone: str, owner: str) -> tuple[RRset, RRset]:
    """The true NSEC of a name, signed."""
    key = name_of(owner), RdataType.NSEC
    return TREE.zones[name_of(zone)].sets[key], TREE.zones[name_of(zone)].signatures[key]


def hashed_proofs(zone: str) -> list[RRset]:
    """Every true NSEC3 of a zone, signed."""
    kept = TREE.zones[name_of(zone)]
    return [
        one for sets in (kept.sets, kept.signatures) for (_, rdtype), one in sets.items() if rdtype == RdataType.NSEC3
    ]


NO_PROOF = {
    "nothing": (),
    "the NSEC of a name far away": proof("signed.test.", "www.signed.test."),
    "the NSEC of the parent's side": proof("test.", "signed.test."),
    "its own NSEC, which has the type": proof("signed.test.", "web.signed.test."),
}


@pytest.mark.parametrize("status", [Status.NO_NAME, Status.NO_DATA])
@pytest.mark.parametrize("given", NO_PROOF)
def test_denying_a_signed_record_needs_a_proof(given: str, status: Status) -> None:
    answering = changing(QUESTION, says(status, *NO_PROOF[given]))
    assert is_bogus(answering, "a", "web.signed.test")


@pytest.mark.parametrize("status", [Status.NO_NAME, Status.NO_DATA])
@pytest.mark.parametrize("zone", ["hashed.test.", "optout.test."])
def test_all_hashes_of_a_zone_do_not_deny_what_it_has(zone: str, status: Status) -> None:
    answering = changing(f"web.{zone} A", says(status, *hashed_proofs(zone)[:8]))
    assert is_bogus(answering, "a", f"web.{zone}")


def test_absence_without_the_proof_for_the_wildcard_is_bogus() -> None:
    cover = TREE.answer(dns.message.make_query("nope.signed.test", "A")).authority
    only = [rrset for rrset in cover if rrset.name != SIGNED.origin]
    assert only != cover
    assert is_bogus(changing("nope.signed.test. A", says(Status.NO_NAME, *only)), "a", "nope.signed.test")


@pytest.mark.parametrize("zone", ["signed.test", "hashed.test"])
def test_a_wildcard_must_not_answer_where_the_name_may_exist(zone: str) -> None:
    strip = without(RdataType.NSEC, RdataType.NSEC3)
    assert is_bogus(changing(f"x.wild.{zone}. A", strip), "a", f"x.wild.{zone}")


def test_a_wildcard_must_not_stand_in_for_a_name_of_its_own() -> None:
    """The true signature of the wildcard, and a true proof about another name."""
    tree = Tree()
    tree.add(".", "")
    zone = tree.add("test.", "* A 203.0.113.66\nweb A 192.0.2.80\n")
    tree.sign()

    def answer(query: Message) -> Message:
        if about(query) != "web.test. A":
            return tree.answer(query)
        other = tree.answer(dns.message.make_query("zzz.test", "A"))
        expanded = dns.message.make_response(query, recursion_available=True)
        expanded.answer = [
            dns.rrset.from_rdata_list(name_of("web.test."), 3_600, list(zone.sets[name_of("*.test."), rdtype]))
            for rdtype in (RdataType.A,)
        ]
        signature = zone.signatures[name_of("*.test."), RdataType.A]
        expanded.answer.append(dns.rrset.from_rdata_list(name_of("web.test."), 3_600, list(signature)))
        expanded.authority = other.authority
        return expanded

    assert is_bogus(answer, "a", "web.test", tree)
    assert play(lambda here: here.resolver.a("zzz.test"), tree, answer).secure


def test_the_proof_of_a_wildcard_does_not_speak_for_a_name_of_its_own() -> None:
    """Under a name that the wildcard might have answered for, its NSEC keeps a true signature."""
    tree = Tree()
    tree.add(".", "")
    zone = tree.add("test.", "* A 203.0.113.66\nweb TXT here\n")
    tree.sign()

    def answer(query: Message) -> Message:
        if about(query) != "web.test. TXT":
            return tree.answer(query)
        denial = dns.message.make_response(query, recursion_available=True)
        for kept in (zone.sets, zone.signatures):
            nsec = kept[name_of("*.test."), RdataType.NSEC]
            denial.authority.append(dns.rrset.from_rdata_list(name_of("web.test."), 3_600, list(nsec)))
        return denial

    assert is_bogus(answer, "txt", "web.test", tree)
    assert play(lambda here: here.resolver.txt("other.test"), tree, answer).secure


def test_a_delegation_cannot_be_made_insecure_by_the_childs_own_proof() -> None:
    """The NSEC at the apex of the child has no DS bit either, but the child cannot speak of it (RFC 6840 §4.4)."""
    child = proof("signed.test.", "signed.test.")
    assert is_bogus(changing("signed.test. DS", says(Status.NO_DATA, *child)), "a", "web.signed.test")


def test_a_signed_zone_cannot_be_hidden_in_an_opt_out_gap() -> None:
    tree = Tree()
    tree.add(".", "")
    zone = tree.add("test.", "ns A 127.0.0.1\n", "optout")
    for n in range(4):
        tree.add(f"plain{n}.test.", "", "")
    tree.add("signed.test.", "web A 192.0.2.80\n")
    tree.sign()
    all_of = [
        one for sets in (zone.sets, zone.signatures) for (_, kind), one in sets.items() if kind == RdataType.NSEC3
    ]

    def answer(query: Message) -> Message:
        if about(query) == "signed.test. DS":
            denial = dns.message.make_response(query, recursion_available=True)
            denial.authority = list(all_of)
            return denial
        if about(query) == "web.signed.test. A":
            return forged(query)
        return tree.answer(query)

    assert is_bogus(answer, "a", "web.signed.test", tree)


def test_aliases_at_a_cut_do_not_unsign_what_is_below() -> None:
    alias = dns.rrset.from_text("signed.test.", 3_600, "IN", "CNAME", "plain.test.")
    assert is_bogus(changing("signed.test. DS", replaced(alias)), "a", "web.signed.test")


def test_more_rounds_of_hashing_than_anyone_needs_make_an_answer_insecure() -> None:
    """RFC 9276 §3.2; what needs no proof of absence stays secure."""

    async def act(here: Scene) -> None:
        assert not (await here.resolver.a("nope.slow.test")).secure
        assert (await here.resolver.a("web.slow.test")).secure

    play(act)


# ------------------------------------------------------------------------------------------ exhaustion


def cpu_s(act: Callable[[], Any]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def many_keys(count: int) -> list[Any]:
    """RSA keys with one and the same tag: octets of the modulus grow and shrink by pairs, so that the sum stays."""
    key = Key(8).public
    made = [key]
    for at in itertools.count(10, 2):
        octets = bytearray(key.key)
        if octets[at] < 255 and octets[at + 30] > 0:
            octets[at] += 1
            octets[at + 30] -= 1
            made.append(key.replace(key=bytes(octets)))
        if len(made) == count:
            break
    assert {dns.dnssec.key_id(one) for one in made} == {dns.dnssec.key_id(key)}
    return made


def key_trap() -> Callable[[Message], Message]:
    """CVE-2023-50387: each signature may be of each key, and none is."""
    keys = many_keys(90)
    zone = name_of("signed.test.")
    dnskeys = dns.rrset.from_rdata(zone, 3_600, SIGNED.key.public, *keys)
    own = SIGNED.key.sign(dnskeys, zone)
    tag = dns.dnssec.key_id(keys[0])
    (template,) = WEB_SIGNATURE
    wrong = [template.replace(key_tag=tag, algorithm=8, signature=os.urandom(256)) for _ in range(150)]
    signatures = dns.rrset.from_rdata_list(WEB.name, 3_600, wrong)

    def answer(query: Message) -> Message:
        if about(query) == "signed.test. DNSKEY":
            return replaced(dnskeys, own)(query)
        return replaced(WEB, signatures)(query) if about(query) == QUESTION else TREE.answer(query)

    return answer


def test_many_keys_and_many_signatures_cost_little() -> None:
    answering = key_trap()
    failures: list[DnsFailure] = []
    spent_s = cpu_s(lambda: failures.append(fails(answering, "a", "web.signed.test")))
    assert failures[0].bogus
    assert "dns.wrong_signatures" in str(failures[0])
    assert spent_s < CPU_S


def test_more_keys_than_any_zone_has_are_bogus() -> None:
    keys = dns.rrset.from_rdata("signed.test.", 3_600, SIGNED.key.public, *many_keys(105))
    answering = changing("signed.test. DNSKEY", replaced(keys, SIGNED.key.sign(keys, SIGNED.origin)))
    failures: list[DnsFailure] = []
    assert cpu_s(lambda: failures.append(fails(answering, "a", "web.signed.test"))) < CPU_S
    assert "dns.keys_per_zone" in str(failures[0])


def test_many_ds_records_cost_little() -> None:
    (right,) = SIGNED.ds()
    ds_set = dns.rrset.from_rdata_list(
        SIGNED.origin, 3_600, [right.replace(digest=os.urandom(32)) for _ in range(1_000)]
    )
    answering = changing("signed.test. DS", replaced(ds_set, TEST.key.sign(ds_set, TEST.origin)))
    failures: list[DnsFailure] = []
    assert cpu_s(lambda: failures.append(fails(answering, "a", "web.signed.test"))) < CPU_S
    assert failures[0].bogus


def test_a_long_name_and_slow_hashes_cost_little() -> None:
    """CVE-2023-50868: 100 rounds for each of 120 labels."""
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "", "nsec3", iterations=100)
    tree.sign()
    name = "a." * 100 + "test"
    told: list[Any] = []
    assert cpu_s(lambda: told.append(play(lambda here: here.resolver.a(name), tree))) < CPU_S
    assert told[0].status is Status.NO_NAME


def test_each_limit_of_a_question_is_kept() -> None:
    spent = budget.Budget()
    for spend, times, limit in (
        (spent.spend_query, budget.QUERIES, "dns.queries"),
        (spent.spend_signature, budget.SIGNATURES, "dns.signatures"),
        (spent.spend_wrong_signature, budget.WRONG_SIGNATURES, "dns.wrong_signatures"),
        (lambda: spent.spend_hashes(budget.HASHES // 10), 10, "dns.hashes"),
    ):
        for _ in range(times):
            spend()
        with pytest.raises(DnsFailure, match=limit):
            spend()


def test_a_huge_answer_is_read_whole() -> None:
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "".join(f"many A 10.0.{n // 250}.{n % 250}\n" for n in range(3_000)))
    tree.sign()
    told: list[Any] = []
    spent_s = cpu_s(lambda: told.append(play(lambda here: here.resolver.a("many.test"), tree)))
    assert (len(told[0].records), told[0].secure) == (3_000, True)
    assert spent_s < 2.0


# ------------------------------------------------------------------------------------------------ fuzz


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_any_datagram_is_an_answer_or_dropped(octets: bytes) -> None:
    def answer(query: Message) -> list[bytes]:
        return [octets, query.to_wire()[:2] + octets, TREE.answer(query).to_wire()]

    assert play(lambda here: here.resolver.a("web.plain.test"), TREE, answer, validate=False).status is Status.FOUND
