"""SPF beyond the published suites: limits, failures of the DNS, UTF-8, what is told of a check.  RFC 7208, RFC 8616."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from courriel.base.errors import FormatError
from courriel.mailauth import iprev, spf, spf_record
from courriel.mailauth.trace import received_spf
from courriel.model.envelope import NULL_PATH, Address, Client
from courriel.model.verdict import Result, SpfVerdict
from courriel.ports.resolver import Answer, DnsFailure
from tests.zone import Zone

IP = "192.0.2.1"


def _check(zone: Zone, sender: str = "a@d.example", ip: str = IP, helo: str = "h.example") -> SpfVerdict:
    local, _, domain = sender.rpartition("@")
    path = Address(local, domain) if sender else NULL_PATH
    return asyncio.run(spf.check(spf.of_mail(ip, helo, path, "me.example", 0.0), zone))


def _zone(record: str, **more: dict[str, list[Any]]) -> Zone:
    records: dict[str, dict[str, list[Any]]] = {"d.example": {"TXT": [record.encode()]}}
    return Zone(records | {name.replace("_dot_", "."): types for name, types in more.items()})


# --- limits -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("terms", "result"), [(10, Result.PASS), (11, Result.PERMERROR)])
def test_ten_terms_may_ask(terms: int, result: Result) -> None:
    names = [f"x{number}.example" for number in range(terms)]
    zone = _zone(f"v=spf1 {' '.join('a:' + name for name in names)} ip4:{IP} -all")
    zone.records |= {name: {"A": ["198.51.100.1"]} for name in names}
    assert _check(zone).result is result
    assert len(zone.asked) <= 11, "nothing is asked past the limit"


@pytest.mark.parametrize(("voids", "result"), [(2, Result.PASS), (3, Result.PERMERROR)])
def test_two_terms_may_be_void(voids: int, result: Result) -> None:
    zone = _zone(f"v=spf1 {' '.join(f'exists:x{number}.example' for number in range(voids))} ip4:{IP} -all")
    assert _check(zone).result is result


def test_hosts_of_an_mx_without_an_address_of_this_family_are_one_void_term() -> None:
    """An IPv6 client, and a domain whose MX hosts have IPv4 alone: no reason for a permerror (§4.6.4 counts terms)."""
    zone = _zone("v=spf1 mx ip6:2001:db8::1 -all")
    zone.records["d.example"]["MX"] = [(10, f"m{number}.example") for number in range(4)]
    zone.records |= {f"m{number}.example": {"A": [IP]} for number in range(4)}
    assert _check(zone, ip="2001:db8::1").result is Result.PASS


def test_one_message_costs_at_most_111_questions() -> None:
    names = [f"x{number}.example" for number in range(10)]
    zone = _zone(f"v=spf1 {' '.join('mx:' + name for name in names)} -all")
    for name in names:
        hosts = [f"h{number}.{name}" for number in range(10)]
        zone.records[name] = {"MX": [(10, host) for host in hosts]}
        zone.records |= {host: {"A": ["198.51.100.1"]} for host in hosts}
    assert _check(zone).result is Result.FAIL
    assert len(zone.asked) == 111


def test_an_include_loop_ends() -> None:
    zone = _zone("v=spf1 include:e.example -all", e_dot_example={"TXT": [b"v=spf1 redirect=d.example"]})
    verdict = _check(zone)
    assert verdict.result is Result.PERMERROR and "spf.lookups" in verdict.trace[-1]
    assert len(zone.asked) <= 11


class _Slow(Zone):
    async def txt(self, name: str) -> Answer[bytes]:
        await asyncio.sleep(3_600)
        raise AssertionError


def test_a_check_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spf, "CHECK_S", 0.01)
    verdict = _check(_Slow({}))
    assert verdict.result is Result.TEMPERROR and verdict.trace == ("temperror: limit spf.check",)


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 " + "ip4:1.2.3.4 " * 1_500 + "-all",
        "v=spf1 exists:" + "%{l}" * 4_000 + ".example -all",
        "v=spf1 a:" + "1" * 16_000 + " -all",
        "v=spf1 a:x." + "a1" * 8_000 + "- -all",
        "v=spf1 " + "a" * 16_000,
        "v=spf1 x=" + "%{d}" * 4_000,
        "v=spf1 a:" + "/" * 16_000,
        "v=spf1 " + "ip6:::1/128 " * 1_300,
    ],
)
def test_a_record_costs_what_its_length_is(record: str) -> None:
    """A check reads at most 11 records: 50 ms of processor time for a megabyte of them."""
    zone, began = _zone(record), time.process_time()
    for _ in range(10):
        spf_record._find_cached.cache_clear()
        _check(zone, "l" * 64 + "@d.example")
    assert time.process_time() - began < 0.5


def test_what_cannot_be_reached_is_not_kept() -> None:
    assert len(spf_record.parse(b"v=spf1 -all " + b"ip4:1.2.3.4 " * 100).terms) == 1
    assert len(spf_record.parse(b"v=spf1 " + b"ip4:1.2.3.4 " * 100 + b"-all").terms) == 2
    assert len(spf_record.parse(b"v=spf1 " + b"a " * 100).terms) == 11
    with pytest.raises(FormatError, match="no such mechanism"):
        spf_record.parse(b"v=spf1 -all foo")


def test_a_long_record_is_a_fault() -> None:
    verdict = _check(_zone("v=spf1 " + "ip4:192.0.2.1 " * 2_000 + "-all"))
    assert verdict.result is Result.PERMERROR and "spf.record_octets" in verdict.trace[-1]


@pytest.mark.parametrize(
    ("terms", "result"),
    [
        ("-ip4:192.0.2.1 ip4:192.0.2.0/24", "fail"),
        ("ip4:192.0.2.0/24 -ip4:192.0.2.1", "pass"),
        ("?ip4:192.0.2.0/23 ~ip4:192.0.2.1 ip4:192.0.2.1", "neutral"),
        ("~ip4:192.0.2.1 -ip4:192.0.2.1", "softfail"),
        ("ip6:::/0 ?ip4:0.0.0.0/0", "neutral"),
    ],
)
def test_of_several_networks_the_first_one_decides(terms: str, result: str) -> None:
    assert _check(_zone(f"v=spf1 {terms} +all")).result.value == result


# --- failures of the DNS ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("failing", "result"),
    [
        ("d.example", Result.TEMPERROR),
        (("x.example", "A"), Result.TEMPERROR),
        (("y.example", "MX"), Result.TEMPERROR),
        (("z.example", "TXT"), Result.TEMPERROR),
        (("1.2.0.192.in-addr.arpa", "PTR"), Result.FAIL),  # §5.5: then ptr does not match
        (("why.example", "TXT"), Result.FAIL),  # §6.2: then there is no explanation
    ],
)
def test_a_dns_that_does_not_answer(failing: str | tuple[str, str], result: Result) -> None:
    zone = _zone("v=spf1 a:x.example mx:y.example ptr include:z.example -all exp=why.example")
    zone.records |= {
        "x.example": {"A": ["198.51.100.1"]},
        "y.example": {"MX": [(10, "x.example")]},
        "z.example": {"TXT": [b"v=spf1 ?all"]},
        "why.example": {"TXT": [b"because"]},
    }
    zone.failing = {failing}
    verdict = _check(zone)
    assert verdict.result is result
    assert verdict.explanation == ("" if "why.example" in failing or result is not Result.FAIL else "because")


def test_a_bogus_answer_is_none() -> None:
    class Bogus(Zone):
        async def txt(self, name: str) -> Answer[bytes]:
            raise DnsFailure("signature does not hold", bogus=True)

    assert _check(Bogus({})).result is Result.TEMPERROR


# --- names ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sender", ["a@localhost", "a@[192.0.2.1]", f"a@{'x' * 64}.example", f"a@{'x.' * 126}xxx", "a@a..b"]
)
def test_what_is_no_domain_has_no_spf(sender: str) -> None:
    zone = Zone({"localhost": {"TXT": [b"v=spf1 +all"]}})
    assert _check(zone, sender).result is Result.NONE and zone.asked == []


def test_u_labels_are_asked_for_as_a_labels() -> None:
    zone = Zone({"xn--mller-kva.example": {"TXT": [b"v=spf1 exists:%{d}.x.example -all"]}})
    zone.records["xn--mller-kva.example.x.example"] = {"A": ["127.0.0.2"]}
    assert _check(zone, "a@müller.example").result is Result.PASS


def test_a_local_part_beyond_ascii_matches_nothing() -> None:
    """RFC 8616 §4; and nothing is asked for under another name."""
    zone = _zone("v=spf1 exists:%{l}.x.example -all")
    assert _check(zone, "é@d.example").result is Result.FAIL
    assert [name for name, _ in zone.asked] == ["d.example"]


def test_an_ipv4_client_over_ipv6_is_one() -> None:
    assert _check(_zone(f"v=spf1 ip4:{IP} -all"), ip=f"::ffff:{IP}").result is Result.PASS


def test_the_null_reverse_path_is_judged_by_helo() -> None:
    zone = Zone({"h.example": {"TXT": [b"v=spf1 exists:%{l}.%{o} -all"]}, "postmaster.h.example": {"A": ["127.0.0.2"]}})
    verdict = _check(zone, "")
    assert (verdict.result, verdict.domain, verdict.scope) == (Result.PASS, "h.example", "helo")


# --- what is told -----------------------------------------------------------------------------------------------
def test_the_trace_tells_how_it_came_about() -> None:
    zone = _zone("v=spf1 a:x.example include:e.example -all", e_dot_example={"TXT": [b"v=spf1 ip4:192.0.2.0/24 ~all"]})
    assert _check(zone).trace == (
        "d.example: v=spf1 a:x.example include:e.example -all",
        "a:x.example: no answer",
        "e.example: v=spf1 ip4:192.0.2.0/24 ~all",
        "ip4:192.0.2.0/24: pass",
        "include:e.example: pass",
    )


def test_an_explanation_cannot_break_a_reply() -> None:
    zone = _zone("v=spf1 -all exp=why.example", why_dot_example={"TXT": [b"%{l} says " + b"x" * 1_000]})
    verdict = _check(zone, "a\x07é@d.example")
    assert verdict.explanation.startswith("a?? says x") and len(verdict.explanation) == spf.EXPLANATION_CHARACTERS


def test_received_spf() -> None:
    """RFC 7208 §9.1; what a stranger says is quoted and cannot end the field."""
    client = Client(IP, 1, 'h"); receiver=x\r\n')
    verdict = SpfVerdict(Result.PERMERROR, "d.example", "mfrom", trace=("d.example: (bad) \\ record",))
    assert received_spf(verdict, client, Address("a b", "d.example"), "me.example") == (
        b"Received-SPF: permerror (me.example: the record of domain of d.example cannot be understood)\r\n"
        b"\tclient-ip=192.0.2.1;\r\n"
        b'\tenvelope-from="a b@d.example";\r\n'
        b'\thelo="h\\"); receiver=x??";\r\n'
        b"\tidentity=mailfrom;\r\n"
        b"\treceiver=me.example;\r\n"
        b'\tproblem="d.example: (bad) \\\\ record"\r\n'
    )


def test_iprev_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Zone):
        async def ptr(self, ip: str) -> Answer[str]:
            await asyncio.sleep(3_600)
            raise AssertionError

    monkeypatch.setattr(iprev, "CHECK_S", 0.01)
    assert asyncio.run(iprev.check(IP, Slow({}))).result is Result.TEMPERROR


@pytest.mark.parametrize(
    ("records", "failing", "result", "name"),
    [
        (
            {"1.2.0.192.in-addr.arpa": {"PTR": ["a.example", "b.example"]}, "b.example": {"A": [IP]}},
            "",
            "pass",
            "b.example",
        ),
        ({"1.2.0.192.in-addr.arpa": {"PTR": ["a.example"]}, "a.example": {"A": ["192.0.2.9"]}}, "", "fail", ""),
        ({}, "", "permerror", ""),
        ({"1.2.0.192.in-addr.arpa": {"PTR": ["a.example"]}}, "a.example", "temperror", ""),
        (
            {"1.2.0.192.in-addr.arpa": {"PTR": [*["x.example"] * 10, "b.example"]}, "b.example": {"A": [IP]}},
            "",
            "fail",
            "",
        ),
    ],
)
def test_iprev(records: dict[str, Any], failing: str, result: str, name: str) -> None:
    found = asyncio.run(iprev.check(IP, Zone(records, [failing] if failing else [])))
    assert (found.result.value, found.name) == (result, name)
