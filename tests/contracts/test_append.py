"""Appending: together or not at all, in one order, over several accounts; what was given is what is read."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from courriel.base.errors import Damaged
from courriel.model.flags import DRAFT, FLAGGED, KEYWORDS_PER_ACCOUNT, SEEN
from courriel.model.ids import MailboxId, MessageId
from courriel.model.message import NewMessage, Summary
from courriel.model.refusals import NoSuchMailbox, TooManyKeywords
from courriel.ports.store import Column, MailStore
from tests.contracts.place import ALICE, BOB, LEAF, fill, inbox, letter, picture, uid_list


async def test_what_was_given_is_what_is_read(store: MailStore) -> None:
    mailbox = await inbox(store)
    summary = Summary(
        envelope=b'("Mon, 7 Feb 1994" {3}\r\n\xff\x00\x80 NIL)',
        bodystructure=b"(NIL)",
        parts=b"\x01\x00\xff",
        preview="first line\n日本 \U0001f4e8",
        message_id=b"<a@b>",
        references=(b"<r1@b>", b"<r2@b>"),
        sent_at=760_000_000.5,
    )
    body = bytes(range(256)) * 40
    new = NewMessage(ALICE, mailbox, body, summary, 1_790_000_000.25, b"X: \xe9\r\n", SEEN | DRAFT, ("$Work",))
    [stored] = await store.append([new])
    view = await store.view(ALICE, mailbox)
    assert (stored.account, stored.mailbox, stored.uid, stored.uidvalidity) == (ALICE, mailbox, 1, view.uidvalidity)
    assert await store.read(ALICE, stored.id) == b"X: \xe9\r\n" + body
    record = await store.record(ALICE, mailbox, 1)
    assert record is not None
    assert (record.uid, record.id, record.size_octets, record.prefix_octets) == (1, stored.id, 10247 - 1, 6)
    assert (record.parts, record.preview) == (summary.parts, summary.preview)
    assert record.received_at == pytest.approx(1_790_000_000.25, abs=1.0)
    assert record.sent_at == pytest.approx(760_000_000.5, abs=1.0)
    assert list(await store.column(view, Column.ENVELOPE, 0, 1)) == [summary.envelope]
    bit = await store.keyword_bits(ALICE, ["$work"], create=False)
    assert bit and list(view.flags) == [SEEN | DRAFT | bit]
    assert list(view.modseqs) == [stored.modseq] and stored.modseq == view.modseq


async def test_relatives_come_with_the_parts(store: MailStore) -> None:
    mailbox = await inbox(store)
    letters = [letter(mailbox, "first"), letter(mailbox, "second")]
    older = msgspec.structs.replace(letters[0].summary, parts=msgspec.msgpack.encode([1, LEAF]))
    letters.append(msgspec.structs.replace(letters[0], summary=older, body=b"stored before they were kept"))
    view = await store.view(ALICE, mailbox)
    for _ in range(100):  # enough for the whole column to be kept
        await store.append(letters)
    expected = [b"first", b"second", b""] * 100
    assert list(await store.column(view, Column.RELATIVES, 0, 300)) == expected
    await store.append(letters)  # ... and to follow
    assert list(await store.column(view, Column.RELATIVES, 300, 3)) == expected[:3]
    assert list(await store.values(view, Column.RELATIVES, [2, 999])) == [b"second", None]


@pytest.mark.parametrize("octets", [0, 1, 4095, 4096, 4097, 70_000, 1_500_000])
async def test_bodies_of_every_size(store: MailStore, octets: int) -> None:
    mailbox = await inbox(store)
    summary = Summary(envelope=b"()", bodystructure=b"()", parts=b"", preview="")
    body = (b"0123456789abcde\n" * (octets // 16 + 1))[:octets]
    new = NewMessage(ALICE, mailbox, body, summary, 0.0)
    stored = await store.append([new, new])
    assert [await store.read(ALICE, one.id) for one in stored] == [body, body]
    record = await store.record(ALICE, mailbox, 2)
    assert record is not None and record.size_octets == octets and record.sent_at is None


async def test_many_are_read_in_order_until_there_is_enough(store: MailStore) -> None:
    mailbox = await inbox(store)
    summary = Summary(envelope=b"()", bodystructure=b"()", parts=b"", preview="")
    bodies = [bytes([65 + n]) * octets for n, octets in enumerate((100, 6000, 0, 50))]
    ids = [one.id for one in await store.append([NewMessage(ALICE, mailbox, body, summary, 0.0) for body in bodies])]
    assert list(await store.read_many(ALICE, ids, 1_000_000)) == bodies
    assert list(await store.read_many(ALICE, ids, 6100)) == bodies[:2]
    assert list(await store.read_many(ALICE, ids, 1)) == bodies[:1], "one at least, however large"
    assert list(await store.read_many(ALICE, ids[::-1], 1_000_000)) == bodies[::-1]
    with pytest.raises(Damaged):
        await store.read_many(ALICE, [*ids, MessageId(max(ids) + 999)], 1_000_000)


async def test_one_call_one_body_many_accounts(store: MailStore) -> None:
    """One delivery: the same body for several recipients, each with a prefix of his own."""
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    trash = (await store.mailbox(BOB, "Trash")).id
    news = [
        letter(alice, account=ALICE, prefix=b"Delivered-To: alice\r\n", flags=FLAGGED),
        letter(bob, account=BOB, prefix=b"Delivered-To: bob\r\n"),
        letter(trash, account=BOB),
        letter(alice, account=ALICE, prefix=b"Delivered-To: alice too\r\n"),
    ]
    stored = await store.append(news)
    assert [(one.account, one.mailbox) for one in stored] == [(new.account, new.mailbox) for new in news]
    assert uid_list(stored) == [1, 1, 1, 2]
    for one, new in zip(stored, news, strict=True):
        assert await store.read(one.account, one.id) == new.prefix + new.body
    assert stored[0].id != stored[3].id and stored[0].modseq < stored[3].modseq
    assert list((await store.view(ALICE, alice)).flags) == [FLAGGED, 0]


async def test_all_or_none(store: MailStore) -> None:
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    await fill(store, alice, 1)
    await store.keyword_bits(ALICE, [f"k{n}" for n in range(KEYWORDS_PER_ACCOUNT - 1)], create=True)
    before = await picture(store, ALICE), await picture(store, BOB)
    modseqs = await store.modseq(ALICE), await store.modseq(BOB)
    good = [letter(alice), letter(bob, account=BOB)]
    batches: list[tuple[list[NewMessage], type[Exception]]] = [
        ([*good, letter(MailboxId(10**9))], NoSuchMailbox),
        ([*good, letter(bob + alice * 1000, account=BOB)], NoSuchMailbox),  # type: ignore[arg-type]
        ([letter(alice, keywords=("new1",)), letter(alice, keywords=("new2",)), *good], TooManyKeywords),
    ]
    for batch, error in batches:
        with pytest.raises(error):
            await store.append(batch)
    assert (await picture(store, ALICE), await picture(store, BOB)) == before
    assert (await store.modseq(ALICE), await store.modseq(BOB)) == modseqs
    await store.append([letter(alice, keywords=("new1", "NEW1"))])


async def test_one_bad_append_does_not_hurt_its_neighbours(store: MailStore) -> None:
    """Many at once (a group commit): those that can be done are done, the other is refused."""
    alice = await inbox(store)
    batches = [[letter(alice, str(n))] for n in range(20)]
    batches[7] = [letter(alice, "bad"), letter(MailboxId(10**9))]
    results = await asyncio.gather(*(store.append(batch) for batch in batches), return_exceptions=True)
    assert isinstance(results[7], NoSuchMailbox)
    view = await store.view(ALICE, alice)
    assert list(view.uids) == list(range(1, 20))
    given = [result[0] for result in results if not isinstance(result, BaseException)]
    assert sorted(one.uid for one in given) == list(range(1, 20))
    assert all(not isinstance(result, BaseException) or result is results[7] for result in results)


async def test_order_of_numbers_is_order_of_visibility(store: MailStore) -> None:
    """Whoever looks at any moment sees every number up to the highest he sees: UID FETCH n:* can never skip."""
    alice = await inbox(store)
    sent = (await store.mailbox(ALICE, "Sent")).id
    views = [await store.view(ALICE, alice), await store.view(ALICE, sent)]
    moments: list[tuple[int, list[list[int]], list[list[int]]]] = []

    async def look() -> None:
        while len(moments) < 10_000:
            number = await store.modseq(ALICE)
            moments.append((number, [list(v.uids) for v in views], [list(v.modseqs) for v in views]))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(look())
    await asyncio.gather(*(store.append([letter((alice, sent)[n % 2], str(n))]) for n in range(60)))
    watcher.cancel()
    final = [list(view.uids) for view in views], [list(view.modseqs) for view in views]
    for number, uids, modseqs in moments:
        for seen, last in zip([*uids, *modseqs], [*final[0], *final[1]], strict=True):
            assert seen == last[: len(seen)]
        assert all(m <= number for column in modseqs for m in column), "nothing visible has a higher number"
        highest = max((m for column in modseqs for m in column), default=0)
        below = [m for column in final[1] for m in column if m <= highest]
        assert sorted(m for column in modseqs for m in column) == sorted(below)


async def test_numbers_grow_and_are_given_once(store: MailStore) -> None:
    alice = await inbox(store)
    numbers: list[int] = []
    for _ in range(3):
        stored = await fill(store, alice, 3)
        numbers += [one.modseq for one in stored]
        await store.expunge(ALICE, alice, [stored[-1].uid])
    assert numbers == sorted(set(numbers))
    assert await store.modseq(ALICE) >= numbers[-1]
    view = await store.view(ALICE, alice)
    assert list(view.uids) == [1, 2, 4, 5, 7, 8], "a UID is not given again"


async def test_threads(store: MailStore) -> None:
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    sent = (await store.mailbox(ALICE, "Sent")).id
    root, other = b"<root@x>", b"<other@x>"
    stored = await store.append(
        [
            letter(alice, "root", message_id=root),
            letter(alice, "other", message_id=other),
            letter(sent, "reply", message_id=b"<r1@x>", references=(root,)),
            letter(alice, "reply to reply", message_id=b"<r2@x>", references=(root, b"<r1@x>")),
            letter(alice, "root missing", message_id=b"<m1@x>", references=(b"<lost@x>",)),
            letter(alice, "the same root missing", message_id=b"<m2@x>", references=(b"<lost@x>",)),
            letter(alice, "no ids"),
            letter(alice, "none either"),
            letter(alice, "root twice", message_id=root),
        ]
    )
    [elsewhere] = await store.append([letter(bob, "root", account=BOB, message_id=root)])
    threads = {}
    for one in [*stored, elsewhere]:
        record = await store.record(one.account, one.mailbox, one.uid)
        assert record is not None
        threads[one.account, one.id] = record.thread
    a = [threads[ALICE, one.id] for one in stored]
    assert a[0] == a[2] == a[3] == a[8] and a[4] == a[5]
    assert len({a[0], a[1], a[4], a[6], a[7]}) == 5
    [late] = await store.append([letter(alice, "the lost one", message_id=b"<lost@x>")])
    record = await store.record(ALICE, alice, late.uid)
    assert record is not None and record.thread == a[4]
