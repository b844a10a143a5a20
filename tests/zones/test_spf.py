"""The one SPF record: grown from what stands there, and counted."""

from __future__ import annotations

import asyncio

import pytest

from courriel.ports.resolver import DnsFailure
from courriel.zones import spf
from tests.zones.names import Names

MERGES = [
    ("", ["mx"], "v=spf1 mx ~all"),
    ("v=spf1 -all", ["mx"], "v=spf1 mx -all"),
    ("v=spf1 include:a.example -all", ["mx", "ip4:192.0.2.1"], "v=spf1 include:a.example mx ip4:192.0.2.1 -all"),
    ("v=spf1 +mx ~all", ["mx"], "v=spf1 +mx ~all"),
    ("v=spf1 MX ~all", ["mx"], "v=spf1 MX ~all"),
    ("v=spf1 ip4:192.0.2.0/24 ~all", ["ip4:192.0.2.7"], "v=spf1 ip4:192.0.2.0/24 ~all"),
    ("v=spf1 ip4:198.51.100.0/24 ~all", ["ip4:192.0.2.7"], "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.7 ~all"),
    ("v=spf1 ip6:2001:db8::/32 ~all", ["ip6:2001:db8::7"], "v=spf1 ip6:2001:db8::/32 ~all"),
    ("v=spf1 redirect=_spf.example.net", ["mx"], "v=spf1 mx redirect=_spf.example.net"),
    ("v=spf1 a", ["mx"], "v=spf1 a mx ~all"),
    ("v=spf1 -mx ~all", ["mx"], "v=spf1 -mx mx ~all"),
]  # fmt: skip


@pytest.mark.parametrize(("existing", "needed", "merged"), MERGES)
def test_what_stands_there_is_kept_and_ours_comes_before_its_end(existing: str, needed: list[str], merged: str) -> None:
    assert spf.merge(existing, needed) == merged
    assert spf.merge(merged, needed) == merged


def test_the_cost_counts_what_includes_ask_too() -> None:
    names = Names({
        ("_spf.example.net", "TXT"): ("v=spf1 include:a.example.net mx -all", "something else"),
        ("a.example.net", "TXT"): ("v=spf1 a ptr exists:%{i}.example.net ip4:192.0.2.0/24 -all",),
    })  # fmt: skip
    cost = asyncio.run(spf.cost("v=spf1 mx include:_spf.example.net include:none.example ~all", names))
    # mx, two includes; include and mx; a, ptr, exists
    assert cost.lookups == 3 + 2 + 3
    assert cost.includes[0] == ("_spf.example.net", 2)
    assert cost.unknown == ("none.example",)


def test_a_ring_of_includes_ends() -> None:
    names = Names({("a.example", "TXT"): ("v=spf1 include:a.example -all",)})
    assert asyncio.run(spf.cost("v=spf1 include:a.example", names)).lookups == 2


def test_a_tree_without_end_is_cut() -> None:
    class Endless(Names):
        async def txt(self, name: str):  # type: ignore[no-untyped-def]
            return Names.answer((f"v=spf1 include:x.{name}".encode(),), name)

    assert len(asyncio.run(spf.cost("v=spf1 include:e.example", Endless({}))).includes) == spf.INCLUDES


def test_no_answer_is_no_cost_but_is_told() -> None:
    class Dead(Names):
        async def txt(self, name: str):  # type: ignore[no-untyped-def]
            raise DnsFailure("nobody answers")

    assert asyncio.run(spf.cost("v=spf1 include:a.example", Dead({}))) == spf.Cost(
        1, (("a.example", 0),), ("a.example",)
    )
