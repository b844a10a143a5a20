"""Folded text kept from one search for the next: bounded, and never the reason for another answer."""

from __future__ import annotations

import asyncio

import pytest

from courriel.imap.client import ImapClient
from courriel.imap.commands import text_keys
from courriel.imap.folded import Folded, FoldedTexts, answers
from courriel.imap.wire.search import Header, InBody, InText
from courriel.model.ids import AccountId, MailboxId
from tests.imap.house import PASSWORD, listening, make_house

ALICE = AccountId(1)
MAIL = b"From: Bob <bob@courriel.test>\r\nSubject: %b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%b\r\n"


def box(number: int) -> MailboxId:
    return MailboxId(number)


def test_what_folded_text_can_answer() -> None:
    assert answers(InBody("word")) and answers(InText("word"))
    assert not answers(InBody("")) and not answers(InBody("a\0b")) and not answers(InBody("word", loose=True))
    assert not answers(Header(b"SUBJECT", "word"))


def test_the_header_counts_for_text_only() -> None:
    text = Folded.of("body", "header")
    assert text.holds(InText("head")) and not text.holds(InBody("head")) and text.holds(InText("bod"))


def test_a_mailbox_that_is_too_large_keeps_what_it_has() -> None:
    texts = FoldedTexts(10_000)
    for id in range(100):
        texts.keep(ALICE, box(1), id, Folded.of("x" * 500, None))
        assert texts.octets <= 10_000
    assert 0 in texts.of(ALICE, box(1)) and 99 not in texts.of(ALICE, box(1))


def test_mailboxes_searched_longest_ago_make_room() -> None:
    texts = FoldedTexts(10_000)
    texts.keep(ALICE, box(1), 1, Folded.of("x" * 4_000, None))
    texts.keep(ALICE, box(2), 1, Folded.of("x" * 4_000, None))
    texts.of(ALICE, box(1))
    texts.keep(ALICE, box(3), 1, Folded.of("x" * 4_000, None))
    assert [bool(texts.of(ALICE, box(number))) for number in (1, 2, 3)] == [True, False, True]


def test_the_same_message_again_counts_once() -> None:
    texts = FoldedTexts(10_000)
    texts.keep(ALICE, box(1), 1, Folded.of("x" * 4_000, None))
    before = texts.octets
    texts.keep(ALICE, box(1), 1, Folded.of("x" * 4_000, None))
    assert texts.octets == before


def test_the_second_search_reads_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    read = text_keys.decoded_text

    def counted(raw: bytes, parts: bytes, prefix_octets: int) -> list[str]:
        decoded.append(1)
        return list(read(raw, parts, prefix_octets))

    monkeypatch.setattr(text_keys, "decoded_text", counted)
    asyncio.run(search_again(decoded))


async def search_again(decoded: list[int]) -> None:
    house = await make_house()
    for number in range(4):
        await house.deliver("alice", MAIL % (b"subject%d" % number, "Facture d'été %d".encode() % number))
    async with listening(house) as port:
        client = await ImapClient.connect("127.0.0.1", port)
        await client.login("alice", PASSWORD)
        await client.select("INBOX")
        assert await client.search(b"BODY facture") == [1, 2, 3, 4]
        assert len(decoded) == 4
        assert await client.search(b"NOT BODY 2") == [1, 2, 4]
        assert await client.search(b"OR BODY 0 BODY 3") == [1, 4]
        assert len(decoded) == 4, "nothing was read again"
        assert await client.search(b"TEXT subject1") == [2], "headers were not asked for before"
        assert len(decoded) == 8
        assert await client.search(b"TEXT subject3") == [4]
        assert await client.search(b"BODY subject3") == []
        assert len(decoded) == 8
        await client.command(b"STORE 2 +FLAGS.SILENT (\\Deleted)")
        await client.command(b"EXPUNGE")
        await house.deliver("alice", MAIL % (b"late", b"facture 9"))
        await client.command(b"NOOP")
        assert await client.search(b"BODY facture") == [1, 2, 3, 4]
        assert await client.search(b"BODY 9") == [4]
        assert len(decoded) == 9
        await client.close()
