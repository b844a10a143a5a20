"""SPF beside pyspf: any record gives the same result, but for what is known to differ."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.mailauth import spf
from courriel.model.envelope import Address
from courriel.ports.resolver import DnsFailure
from tests.zone import Zone

pyspf = pytest.importorskip("spf")

NAMES = ["a.example", "b.example", "c.example", "none.example", "slow.example"]
TARGETS = [*NAMES, "%{d}", "%{d2}", "x.%{d}", "%{ir}.%{v}.%{d}", "%{l}.a.example", "%{o1r}.example", "%%.example"]
CLIENTS = ["192.0.2.1", "192.0.2.200", "2001:db8::1"]

EXCUSES = (
    "void lookup",  # counted by hosts of an mx; RFC 7208 §4.6.4 counts terms
    "trivial recursion",  # found by reading; we find the loop when it is evaluated, if it is
)
"""In what pyspf says where it differs."""

domains = st.sampled_from(TARGETS)
qualifiers = st.sampled_from(["", "+", "-", "~", "?"])
prefixes = st.sampled_from(["", "/24", "/32", "//64", "/24//128", "/0"])
mechanisms = st.one_of(
    st.sampled_from(["all", "a", "mx", "ptr"]),
    st.builds("ip4:192.0.2.{}{}".format, st.integers(0, 260), st.sampled_from(["", "/24", "/31", "/33"])),
    st.builds("ip6:2001:db8::{}{}".format, st.integers(0, 3), st.sampled_from(["", "/64", "/129"])),
    st.builds("a:{}{}".format, domains, prefixes),
    st.builds("mx:{}{}".format, domains, prefixes),
    st.builds("include:{}".format, domains),
    st.builds("exists:{}".format, domains),
    st.builds("ptr:{}".format, domains),
)
modifiers = st.one_of(
    st.builds("redirect={}".format, domains), st.builds("x{}={}".format, st.uuids().map(str), domains)
)
terms = st.one_of(st.builds("{}{}".format, qualifiers, mechanisms), modifiers)
records = st.lists(terms, max_size=5).map(lambda words: " ".join(["v=spf1", *words]))


@settings(max_examples=300)
@given(st.lists(records, min_size=3, max_size=3), st.sampled_from(CLIENTS))
def test_the_same_result(texts: list[str], ip: str) -> None:
    zone = _zone(texts)
    ours = asyncio.run(spf.check(spf.of_mail(ip, "a.example", Address("joe", "a.example"), "me", 0.0), zone))
    theirs = _theirs(zone, ip)
    if "spf.voids" in ours.trace[-1] or any(excuse in theirs[1].lower() for excuse in EXCUSES):
        return
    assert ours.result.value == theirs[0], (ours.trace, theirs)


def _zone(texts: list[str]) -> Zone:
    table: dict[str, dict[str, list[Any]]] = {
        name: {"TXT": [text.encode()], "A": [f"192.0.2.{number}"], "AAAA": [f"2001:db8::{number}"]}
        for number, (name, text) in enumerate(zip(NAMES, texts, strict=False), 1)
    }
    table["a.example"]["MX"] = [(10, "b.example"), (20, "c.example")]
    table["b.example"]["MX"] = [(10, "a.example")]
    table["1.2.0.192.in-addr.arpa"] = {"PTR": ["a.example", "x.b.example"]}
    table["x.b.example"] = {"A": ["192.0.2.1"]}
    table["joe.a.example"] = {"A": ["127.0.0.2"]}
    return Zone(table, ["slow.example"])


def _theirs(zone: Zone, ip: str) -> tuple[str, str]:
    def answers(name: str, rdtype: str, *_: object, **__: object) -> list[Any]:
        try:
            found = zone._find(name, rdtype).records
        except DnsFailure:
            raise pyspf.TempError("DNS") from None
        made = [(one,) if rdtype == "TXT" else one for one in found]
        return [((name, rdtype), one) for one in made]

    pyspf.DNSLookup = answers
    result, explanation = pyspf.check2(i=ip, s="joe@a.example", h="a.example", querytime=0)
    return result, explanation
