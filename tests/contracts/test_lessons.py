"""What people taught of junk: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import CourrielError
from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act, Lesson
from courriel.ports.lessons import Lessons
from courriel.store.memory.lessons import MemoryLessons
from courriel.store.sqlite import lessons as module
from courriel.store.sqlite.lessons import SqliteLessons

ALICE, BOB = AccountId(1), AccountId(2)
Pairs = list[tuple[MessageId, MessageId]]


def pairs(*numbers: int) -> Pairs:
    """Contents with these numbers, each read as the message with a number 100 higher."""
    return [(MessageId(number), MessageId(number + 100)) for number in numbers]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000.0)


@pytest.fixture(params=["memory", "sqlite"])
def lessons(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[Lessons]:
    if request.param == "memory":
        yield MemoryLessons(clock)
        return
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    yield lessons
    lessons.close()


async def contents(lessons: Lessons, number: int = 0, limit: int = 100) -> list[tuple[int, int, bool]]:
    return [(one.account, one.content, one.is_junk) for _, one in await lessons.after(number, limit)]


async def test_they_are_told_in_order_with_all_that_is_known(
    runner: asyncio.Runner, lessons: Lessons, clock: ManualClock
) -> None:
    lessons.note(ALICE, pairs(7, 5), True, Act.MOVED)
    clock.advance(10.0)
    lessons.note(BOB, pairs(7), False, Act.FLAGGED)
    numbers, found = zip(*await lessons.after(0, 10), strict=True)
    assert list(numbers) == sorted(set(numbers)) and numbers[0] > 0
    assert found == (
        Lesson(ALICE, MessageId(7), MessageId(107), True, Act.MOVED, 1_000.0),
        Lesson(ALICE, MessageId(5), MessageId(105), True, Act.MOVED, 1_000.0),
        Lesson(BOB, MessageId(7), MessageId(107), False, Act.FLAGGED, 1_010.0),
    )


async def test_a_reader_goes_on_where_he_was(runner: asyncio.Runner, lessons: Lessons) -> None:
    lessons.note(ALICE, pairs(1, 2, 3), True, Act.MOVED)
    first = await lessons.after(0, 2)
    assert [one.content for _, one in first] == [1, 2]
    assert await contents(lessons, first[-1][0]) == [(ALICE, 3, True)]
    last = (await lessons.after(0, 9))[-1][0]
    assert await contents(lessons, last) == []
    lessons.note(ALICE, pairs(4), True, Act.MOVED)
    assert await contents(lessons, last) == [(ALICE, 4, True)]


async def test_the_last_word_on_a_content_counts(runner: asyncio.Runner, lessons: Lessons) -> None:
    lessons.note(ALICE, pairs(1, 2), True, Act.MOVED)
    read = (await lessons.after(0, 9))[-1][0]
    lessons.note(ALICE, [(MessageId(1), MessageId(200))], False, Act.FLAGGED)
    [(_, changed)] = await lessons.after(read, 9)
    assert (changed.content, changed.message, changed.is_junk) == (1, 200, False)
    assert await contents(lessons) == [(ALICE, 2, True), (ALICE, 1, False)]


async def test_an_account_s_lessons_go_with_it(runner: asyncio.Runner, lessons: Lessons) -> None:
    lessons.note(ALICE, pairs(1), True, Act.MOVED)
    lessons.note(BOB, pairs(1), True, Act.MOVED)
    last = (await lessons.after(0, 9))[-1][0]
    await lessons.forget(BOB)
    assert await contents(lessons) == [(ALICE, 1, True)]
    lessons.note(ALICE, pairs(2), True, Act.MOVED)
    assert await contents(lessons, last) == [(ALICE, 2, True)], "numbers are not given twice"


async def test_on_disk_they_outlive_closing_and_the_oldest_give_way(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    lessons.note(ALICE, pairs(1, 2), True, Act.MOVED)
    lessons.close()
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    lessons.note(ALICE, pairs(3, 4), True, Act.MOVED)
    lessons.note(BOB, pairs(9), True, Act.MOVED)
    assert await contents(lessons) == [(ALICE, 2, True), (ALICE, 3, True), (ALICE, 4, True), (BOB, 9, True)]
    assert (tmp_path / "lessons.db").stat().st_mode & 0o777 == 0o600
    lessons.close()


async def test_too_many_at_once_are_dropped_not_waited_for(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    lessons.note(ALICE, pairs(1, 2), True, Act.MOVED)
    lessons.note(ALICE, pairs(3, 4), True, Act.MOVED)
    lessons.note(ALICE, pairs(5), True, Act.MOVED)
    assert await contents(lessons) == [(ALICE, 1, True), (ALICE, 2, True), (ALICE, 3, True)]
    lessons.close()


async def test_they_are_synced(runner: asyncio.Runner, tmp_path: Path, clock: ManualClock) -> None:
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    assert lessons._file.read(lambda db: db.execute("PRAGMA synchronous").fetchall()) == [(2,)]
    lessons.close()


async def test_a_disk_that_fails_stops_nobody(runner: asyncio.Runner, tmp_path: Path, clock: ManualClock) -> None:
    lessons = SqliteLessons(tmp_path / "lessons.db", clock)
    lessons._file._connection.execute("DROP TABLE lesson")
    lessons.note(ALICE, pairs(1), True, Act.MOVED)
    with pytest.raises(CourrielError):
        await lessons.after(0, 9)
    lessons.note(ALICE, pairs(1), True, Act.MOVED)
    lessons.close()
