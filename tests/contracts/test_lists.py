"""The contract of lists' books, over each there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from courriel.model.mailing_list import Asked, NoSuchMember, Question, bounce_key
from courriel.ports.lists import ListBook

DEV, OPS = "dev@courriel.test", "ops@courriel.test"
POST = Asked(0, DEV, Question.POST, "eve@far.test", 7.0, b"From: eve\r\n\r\n\x00\xff", "eve@far.test", "8BITMIME", True)


@pytest.fixture(params=["memory", "sqlite"])
def book(request: pytest.FixtureRequest, ram_path: Path) -> Iterator[ListBook]:
    if request.param == "memory":
        from courriel.store.memory.lists import MemoryLists

        yield MemoryLists()
        return
    from courriel.store.sqlite.lists import SqliteLists

    lists = SqliteLists(ram_path / "lists.db")
    yield lists
    lists.close()


async def test_members(runner: asyncio.Runner, book: ListBook) -> None:
    assert await book.add_members(DEV, ["a@x.test", "b@x.test", "a@x.test"], 5.0) == 2
    assert await book.add_members(OPS, ["a@x.test"], 6.0) == 1
    assert await book.add_members(DEV, ["b@x.test", "c@x.test"], 7.0) == 1
    a, b, c = await book.members(DEV)
    assert [(one.list, one.address, one.joined_at, one.suspended) for one in (a, b, c)] == [
        (DEV, "a@x.test", 5.0, False), (DEV, "b@x.test", 5.0, False), (DEV, "c@x.test", 7.0, False),
    ]  # fmt: skip
    assert await book.member(DEV, b.id) == b and await book.find_member(DEV, "b@x.test") == b
    assert await book.member(OPS, b.id) is None and await book.find_member(OPS, "b@x.test") is None
    await book.remove_member(DEV, "c@x.test")
    with pytest.raises(NoSuchMember):
        await book.remove_member(DEV, "c@x.test")
    await book.add_members(DEV, ["c@x.test"], 8.0)
    again = await book.find_member(DEV, "c@x.test")
    assert again is not None and again.id > c.id, "an old key is nobody's"
    await book.forget_list(DEV)
    assert await book.members(DEV) == [] and len(await book.members(OPS)) == 1


async def test_a_suspended_member_comes_back_with_a_clean_sheet(runner: asyncio.Runner, book: ListBook) -> None:
    await book.add_members(DEV, ["a@x.test"], 5.0)
    [a] = await book.members(DEV)
    assert await book.note_bounce(bounce_key(a.id), 100, 14) == 1
    await book.suspend(OPS, a.id)
    assert await book.members(DEV) == [a]
    await book.suspend(DEV, a.id)
    assert await book.members(DEV) == [msgspec.structs.replace(a, suspended=True)]
    assert await book.add_members(DEV, ["a@x.test"], 9.0) == 1
    assert await book.members(DEV) == [a]
    assert await book.note_bounce(bounce_key(a.id), 101, 14) == 1


async def test_bounces_count_days(runner: asyncio.Runner, book: ListBook) -> None:
    assert await book.note_bounce("k", 100, 14) == 1
    assert await book.note_bounce("k", 100, 14) == 0, "the same day tells nothing new"
    assert await book.note_bounce("k", 113, 14) == 2
    assert await book.note_bounce("k", 114, 14) == 2, "the first one is too old"
    assert await book.note_bounce("other", 114, 14) == 1
    await book.forget_bounces("k")
    assert await book.note_bounce("k", 114, 14) == 1


async def test_questions_wait_until_they_are_settled(runner: asyncio.Runner, book: ListBook) -> None:
    post = await book.ask(POST)
    join = await book.ask(Asked(0, DEV, Question.JOIN, "eve@far.test", 8.0))
    assert post == msgspec.structs.replace(POST, id=post.id) and join.id > post.id
    assert await book.question(DEV, post.id) == post and await book.question(OPS, post.id) is None
    assert await book.asked(DEV) == [msgspec.structs.replace(post, content=b""), join]
    assert await book.asked_about(DEV, Question.JOIN, "eve@far.test") == join
    assert await book.asked_about(DEV, Question.LEAVE, "eve@far.test") is None
    await book.settle(OPS, post.id)
    await book.settle(DEV, post.id)
    assert await book.question(DEV, post.id) is None
    later = await book.ask(Asked(0, DEV, Question.JOIN, "eve@far.test", 9.0))
    assert await book.asked_about(DEV, Question.JOIN, "eve@far.test") == later and later.id > join.id
    assert await book.forget_questions(9.0) == 1 and await book.asked(DEV) == [later]
