"""What is kept of a mailbox follows what arrives and what goes, and sorts as Python's own sort does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.clock import ManualClock
from courriel.formats.message.summary import summarise
from courriel.imap.facts import Fact, FactCache, KnownFacts
from courriel.imap.view import Numbers
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage
from courriel.ports.store import MailStore
from courriel.store.memory.store import MemoryStore
from courriel.store.sqlite.store import SqliteStore

ALICE = AccountId(1)


def message(inbox: MailboxId, number: int, subject: str = "x", author: str = "bob", at: float = 0.0) -> NewMessage:
    date = f"Date: Mon, {number % 28 + 1} Jan 2024 10:00:00 +0000\r\n" if number % 3 else ""
    ids = f"Message-ID: <{number}@x>\r\nReferences: <{number - 1}@x>\r\n"
    raw = f"From: {author} <{author}@x>\r\nSubject: {subject}\r\n{date}{ids}\r\n{number}\r\n".encode()
    return NewMessage(ALICE, inbox, raw, summarise(raw), at)


async def inbox_of(store: MailStore) -> MailboxId:
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    return (await store.mailbox(ALICE, "INBOX")).id


Act = Callable[[MailStore, MailboxId], Awaitable[None]]


@pytest.fixture(params=["memory", "sqlite"])
def with_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Act], None]:
    def run(act: Act) -> None:
        async def main() -> None:
            clock = ManualClock()
            store: MailStore = (
                MemoryStore(clock) if request.param == "memory" else await SqliteStore.open(tmp_path, clock=clock)
            )
            try:
                await act(store, await inbox_of(store))
            finally:
                await store.close()

        asyncio.run(main())

    return run


CRITERIA = (
    [(Fact.BASE_SUBJECT, False)],
    [(Fact.BASE_SUBJECT, True)],
    [(Fact.FIRST_FROM, True), (Fact.SENT, False)],
    [(Fact.RECEIVED, True), (Fact.BASE_SUBJECT, True), (Fact.SIZE, False)],
)


async def check(facts: KnownFacts, found: Sequence[int]) -> None:
    for criteria in CRITERIA:
        expected = list(found)
        for fact, reverse in reversed(criteria):
            values = await facts.values(fact)
            expected.sort(key=values.__getitem__, reverse=reverse)
        assert list(await facts.sort(found, criteria)) == expected


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from("abcd"), st.sampled_from(["ann", "bob", "Cid"])),
        st.tuples(st.just("go"), st.integers(0, 30), st.integers(0, 30)),
        st.tuples(st.just("told"), st.none(), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_orders_follow_the_mailbox(steps: list[tuple[str, object, object]]) -> None:
    async def act() -> None:
        store = MemoryStore(ManualClock())
        inbox = await inbox_of(store)
        view = await store.view(ALICE, inbox)
        known = Numbers(view, [])
        cache = FactCache(1_000_000)
        for number, (what, first, second) in enumerate(steps):
            if what == "arrive":
                await store.append([message(inbox, number, str(first), str(second), float(number % 5))])
            elif what == "go":
                await store.expunge(ALICE, inbox, [int(str(first)), int(str(second))])
            else:
                known.news(expunges=True)
            facts = KnownFacts(store, cache, known)
            await check(facts, range(known.count))
            await check(facts, range(0, known.count, 2))
            subjects = await facts.values(Fact.SUBJECT)
            fresh = await KnownFacts(store, FactCache(0), known).values(Fact.SUBJECT)
            assert list(subjects[: known.count]) == list(fresh[: known.count])

    asyncio.run(act())


def test_few_of_many_are_read_alone(with_store: Callable[[Act], None]) -> None:
    async def act(store: MailStore, inbox: MailboxId) -> None:
        await store.append([message(inbox, number, f"s{number}") for number in range(40)])
        known = Numbers(await store.view(ALICE, inbox), [])
        cache = FactCache(1_000_000)
        some = await KnownFacts(store, cache, known).some(Fact.SUBJECT, [3, 7])
        assert some == {3: "s3", 7: "s7"} and not cache.of(known.view).octets
        assert len(await KnownFacts(store, cache, known).some(Fact.SUBJECT, range(40))) == 40
        assert cache.of(known.view).octets

    with_store(act)


def test_without_a_date_the_day_it_came_counts(with_store: Callable[[Act], None]) -> None:
    async def act(store: MailStore, inbox: MailboxId) -> None:
        await store.append([message(inbox, 3, at=5.0), message(inbox, 4), message(inbox, 6, at=7.0)])
        known = Numbers(await store.view(ALICE, inbox), [])
        facts = KnownFacts(store, FactCache(0), known)
        assert list(await facts.values(Fact.SENT)) == [5, 1_704_448_800, 7]
        assert [day > 0 for day in await facts.values(Fact.SENT_DAY)] == [False, True, False]

    with_store(act)


def test_mailboxes_asked_long_ago_are_let_go(with_store: Callable[[Act], None]) -> None:
    """``imap.fact_cache_octets``; the mailbox asked last stays, however large."""

    async def act(store: MailStore, inbox: MailboxId) -> None:
        trash = (await store.mailbox(ALICE, "Trash")).id
        await store.append([message(box, number) for number in range(30) for box in (inbox, trash)])
        cache = FactCache(1000)
        views = [Numbers(await store.view(ALICE, box), []) for box in (inbox, trash)]
        for known in views:
            await KnownFacts(store, cache, known).values(Fact.SENT)
        first, last = (cache.of(known.view) for known in views)
        assert not first.octets and last.octets == 30 * 52

    with_store(act)


def test_references_of_older_messages_are_read_from_them(with_store: Callable[[Act], None]) -> None:
    async def act(store: MailStore, inbox: MailboxId) -> None:
        new = message(inbox, 5)
        version, root, _ = msgspec.msgpack.decode(new.summary.parts)
        older = msgspec.structs.replace(new.summary, parts=msgspec.msgpack.encode([version, root]))
        await store.append([new, msgspec.structs.replace(new, summary=older, body=new.body + b"older")])
        known = Numbers(await store.view(ALICE, inbox), [])
        first, second = await KnownFacts(store, FactCache(0), known).values(Fact.RELATIVES)
        assert first == second and len(first) == 16

    with_store(act)


def test_links_are_kept_for_whole_mailboxes(with_store: Callable[[Act], None]) -> None:
    async def act(store: MailStore, inbox: MailboxId) -> None:
        await store.append([message(inbox, number) for number in range(20)])
        known = Numbers(await store.view(ALICE, inbox), [])
        facts = KnownFacts(store, FactCache(1_000_000), known)
        links = await facts.links(range(20))
        await store.append([message(inbox, 20)])
        assert links is not await facts.links(range(10))  # not the whole mailbox
        known.news(expunges=True)
        assert links is await facts.links(range(21)) and len(links.nodes) == 21
        await store.expunge(ALICE, inbox, [1])
        known.news(expunges=True)
        assert len((await facts.links(range(20))).nodes) == 20

    with_store(act)
