"""SEARCH with an index, with one that is often in doubt, and without: the same answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.imap.client import ImapClient
from courriel.imap.server import ImapService
from courriel.ports.index import IndexState, Matches, Place
from courriel.ports.store import View
from courriel.store.memory.index import MemoryIndex
from tests.dialogues.runner import MemoryLink
from tests.imap.house import PASSWORD, listening, make_house

CONTENT = """\
From: {sender}
To: alice@courriel.test
Subject: {subject}
Content-Type: text/plain; charset=utf-8

{text}
"""
MAIL = [
    ("bob@example.org", "Réunion lundi", "ordre du jour"),
    ("carol@example.org", "Facture 12", "montant dû: 12 EUR, facture jointe"),
    ("bob@example.net", "jour férié", "rien à signaler"),
    ("Jour <dave@example.org>", "hello", "bob says hello"),
]
TEXTS = ["jour", "bob", "facture", "12", "ré", "du jour", "example.org", "o", "zz", "12 eur, f"]


class Doubtful:
    """A true index that sometimes does not know."""

    def __init__(self, sure: MemoryIndex, seed: int) -> None:
        self._sure = sure
        self._chance = random.Random(seed)

    async def find(self, view: View, place: Place, text: str, loose: bool = False) -> Matches:
        hits = (await self._sure.find(view, place, text, loose)).hits
        doubts = {uid for uid in view.uids if self._chance.random() < 0.5}
        return Matches(hits - doubts, doubts)

    async def state(self) -> Sequence[IndexState]:
        return ()

    async def rebuild(self) -> None: ...


ASTRING = st.sampled_from(TEXTS).map(lambda text: f"{{{len(text.encode())}+}}\r\n{text}")
LEAF = st.one_of(
    ASTRING.map("FUZZY BODY {}".format),
    ASTRING.map("FUZZY TEXT {}".format),
    ASTRING.map("FUZZY (NOT SUBJECT {})".format),
    ASTRING.map("BODY {}".format),
    ASTRING.map("TEXT {}".format),
    ASTRING.map("SUBJECT {}".format),
    ASTRING.map("FROM {}".format),
    ASTRING.map("HEADER To {}".format),
    ASTRING.map("HEADER Subject {}".format),
    st.sampled_from(['HEADER Subject ""', 'BODY ""', "SEEN", "1:2", "LARGER 120", "SENTBEFORE 1-Jan-2020"]),
)
KEY = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.tuples(inner, inner).map(lambda pair: f"OR ({pair[0]}) ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} {pair[1]})"),
    ),
    max_leaves=5,
)


async def ask_all(key: str, seed: int) -> list[list[int]]:
    """What SEARCH answers without an index, with one, and with a doubtful one."""
    house = await make_house()
    for sender, subject, text in MAIL:
        content = CONTENT.format(sender=sender, subject=subject, text=text).replace("\n", "\r\n")
        await house.deliver("alice", content.encode())
    sure = MemoryIndex(house.store)
    answers = []
    for index in (None, sure, Doubtful(sure, seed)):
        service = ImapService(house.store, house.gate, clock=house.clock, index=index)
        async with listening(replace(house, service=service)) as port:
            client = await ImapClient.connect("127.0.0.1", port)
            await client.login("alice", PASSWORD)
            await client.select("INBOX")
            answers.append(await search(client, key))
            await client.close()
    return answers


async def search(client: ImapClient, key: str) -> list[int]:
    return await client.search(f"CHARSET UTF-8 {key}".encode())


@settings(max_examples=150, deadline=None)
@given(KEY, st.integers(0, 1_000))
def test_an_index_changes_no_answer(key: str, seed: int) -> None:
    without, sure, doubtful = asyncio.run(ask_all(key, seed))
    assert without == sure == doubtful


def test_what_is_expunged_but_not_told_is_still_found() -> None:
    """RFC 9051 §7.5.1: a number stays until the client is told; the index no longer knows the message."""

    async def run() -> list[int]:
        house = await make_house()
        for text in ("one word", "two words", "three"):
            await house.deliver("alice", f"Subject: x\r\n\r\n{text}\r\n".encode())
        service = ImapService(house.store, house.gate, clock=house.clock, index=MemoryIndex(house.store))
        async with listening(replace(house, service=service)) as port:
            client = await ImapClient.connect("127.0.0.1", port)
            await client.login("alice", PASSWORD)
            await client.select("INBOX")
            box = await house.store.mailbox(house.gate.accounts["alice"].id, "INBOX")
            await house.store.expunge(house.gate.accounts["alice"].id, box.id, [1])
            found = await search(client, "BODY word")
            await client.close()
        return found

    assert asyncio.run(run()) == [1, 2]


@pytest.mark.parametrize(
    ("command", "answer", "read"),
    [
        (b"SORT (SUBJECT) UTF-8 TEXT jour", [b"4", b"3", b"1"], 0),
        (b"UID SORT (REVERSE SUBJECT) UTF-8 TEXT jour FROM bob", [b"1", b"3"], 0),
        (b"SORT (ARRIVAL) UTF-8 OR BODY facture SUBJECT hello", [b"2", b"4"], 0),
        (b"SORT (ARRIVAL) UTF-8 SUBJECT lundi HEADER To alice", [b"1"], 1),
        (b"UID THREAD ORDEREDSUBJECT UTF-8 BODY facture", [b"(2)"], 0),
    ],
)
def test_the_index_serves_sort_and_thread(command: bytes, answer: list[bytes], read: int) -> None:
    """What columns and envelopes leave is asked of the index; only what it cannot say is read."""

    async def run() -> tuple[list[bytes], int]:
        house = await make_house()
        for sender, subject, text in MAIL:
            content = CONTENT.format(sender=sender, subject=subject, text=text).replace("\n", "\r\n")
            await house.deliver("alice", content.encode())
        index = MemoryIndex(house.store)
        service = ImapService(house.store, house.gate, clock=house.clock, index=index)
        link = MemoryLink(service)
        link.send(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n")
        while not (await link.line() or b"").startswith(b"b OK"):
            pass
        reads = 0
        record = house.store.record

        async def counted(*arguments: Any) -> Any:
            nonlocal reads
            reads += 1
            return await record(*arguments)

        house.store.record = counted  # type: ignore[method-assign]
        link.send(b"c " + command + b"\r\n")
        return (await link.line() or b"").split()[2:], reads

    assert asyncio.run(run()) == (answer, read)
