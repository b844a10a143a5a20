"""The contract of what POP3 remembers, over each book there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from courriel.model.ids import AccountId
from courriel.ports.maildrops import MaildropBook

ALICE, BOB = AccountId(1), AccountId(2)

Open = Callable[[], AbstractContextManager[MaildropBook]]


@pytest.fixture(params=["memory", "sqlite"])
def open_book(request: pytest.FixtureRequest, ram_path: Path) -> Open:
    @contextmanager
    def opened() -> Iterator[MaildropBook]:
        if request.param == "memory":
            from courriel.store.memory.maildrops import MemoryMaildrops

            yield MemoryMaildrops()
            return
        from courriel.store.sqlite.maildrops import SqliteMaildrops

        book = SqliteMaildrops(ram_path / "maildrops.db")
        yield book
        book.close()

    return opened


async def test_the_first_login_is_the_first(runner: asyncio.Runner, open_book: Open) -> None:
    with open_book() as book:
        assert await book.first_login(ALICE, 5.5) == 5.5
        assert await book.first_login(ALICE, 9.0) == 5.5
        assert await book.first_login(BOB, 7.0) == 7.0
        await book.begin_anew(ALICE)
        assert await book.first_login(ALICE, 11.0) == 11.0
        await book.forget(BOB)
        assert await book.first_login(BOB, 12.0) == 12.0


async def test_a_carried_unique_id_stays(runner: asyncio.Runner, open_book: Open) -> None:
    with open_book() as book:
        assert await book.carried(ALICE) == {}
        await book.carry(ALICE, {})
        await book.carry(ALICE, {1: b"one", 2: b"two"})
        await book.carry(ALICE, {2: b"other", 3: b"three"})
        assert await book.carried(ALICE) == {1: b"one", 2: b"two", 3: b"three"}
        assert await book.carried(BOB) == {}
        await book.forget(ALICE)
        assert await book.carried(ALICE) == {}


async def test_it_is_there_after_a_restart(runner: asyncio.Runner, open_book: Open) -> None:
    with open_book() as book:
        await book.carry(ALICE, {1: b"one"})
        await book.first_login(ALICE, 5.0)
        durable = not type(book).__name__.startswith("Memory")
    with open_book() as book:
        assert await book.carried(ALICE) == ({1: b"one"} if durable else {})
        assert await book.first_login(ALICE, 6.0) == (5.0 if durable else 6.0)
