"""Fuzz targets for the DNS: whatever the servers answer, a question has an answer or DnsFailure.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from functools import lru_cache

import dns.message
import dns.name
from dns.name import Name
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.clock import ManualClock
from courriel.net.dns import records
from courriel.net.dns.budget import Budget
from courriel.net.dns.chain import Chain, parse_anchors
from courriel.net.dns.query import read
from courriel.net.dns.reading import Reading, read_answer
from courriel.ports.resolver import DnsFailure
from tests.net.dns.tree import NOW, Tree, mail_tree

QUESTIONS = (
    ("signed.test.", RdataType.MX),
    ("nope.hashed.test.", RdataType.A),
    ("x.wild.optout.test.", RdataType.A),
    ("web.plain.test.", RdataType.A),
)

Change = Callable[[bytes], bytes]

the_tree = lru_cache(maxsize=1)(mail_tree)


async def _judge(tree: Tree, name: Name, rdtype: RdataType, changes: list[Change]) -> None:
    """All that one question needs, each answer changed by the next of ``changes``."""
    asked = itertools.count()

    async def ask(name: Name, rdtype: RdataType, budget: Budget) -> Reading:
        budget.spend_query()
        wire = tree.answer(dns.message.make_query(name, rdtype)).to_wire()
        message = read(changes[next(asked) % len(changes)](wire))
        if message is None:
            raise DnsFailure("malformed")
        return read_answer(message, name, rdtype)

    chain = Chain(ask, parse_anchors([tree.anchor()]), ManualClock(NOW), zone_s=5.0)
    budget = Budget()
    reading = await ask(name, rdtype, budget)
    await chain.judge(name, rdtype, reading, budget)
    if reading.found is not None and reading.target is None:
        assert records.of(reading.found.records)


def _question(changes: list[Change], number: int) -> None:
    text, rdtype = QUESTIONS[number % len(QUESTIONS)]
    with contextlib.suppress(DnsFailure):
        asyncio.run(_judge(the_tree(), dns.name.from_text(text), rdtype, changes))


def _same(wire: bytes) -> bytes:
    return wire


def fuzz_dns_answer(data: bytes) -> None:
    """Any octets behind a right header and question, in one answer of several."""
    turn = data[0] if data else 0
    changes: list[Change] = [_same] * (turn % 7)
    _question([*changes, lambda wire: wire[:40] + data[1:]], turn // 7)


def fuzz_dns_answer_changed(data: bytes) -> None:
    """Right answers with some octets overwritten: three of the data say which answer and where, one what."""

    def overwrite(wire: bytes) -> bytes:
        changed = bytearray(wire)
        for at in range(0, len(data) - 3, 4):
            if data[at] % 4 == 0:
                changed[int.from_bytes(data[at + 1 : at + 3], "big") % len(wire)] = data[at + 3]
        return bytes(changed)

    _question([overwrite, _same], len(data))


@given(st.binary(max_size=300))
def test_any_octets_are_an_answer_or_a_failure(data: bytes) -> None:
    fuzz_dns_answer(data)


@given(st.binary(max_size=64))
def test_changed_octets_are_an_answer_or_a_failure(data: bytes) -> None:
    fuzz_dns_answer_changed(data)
