"""What people teach becomes counts of words of their own account, once and in measure."""

from __future__ import annotations

import asyncio

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import Damaged
from courriel.delivery import learning
from courriel.delivery.learning import Memory, Teacher
from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act
from courriel.store.memory.lessons import MemoryLessons
from courriel.store.memory.marks import MemoryMarks
from courriel.threats.scan import scan

ANN = AccountId(1)
JUNK = b"Subject: %d pills\r\n\r\nCheap watches and pills, order today number %d\r\n"
GOOD = b"Subject: minutes %d\r\n\r\nThe minutes of the garden club, meeting %d\r\n"


class Shelf:
    """Reads messages; 99 is gone."""

    async def read(self, account: AccountId, message: MessageId) -> bytes:
        if message == 99:
            raise Damaged("gone")
        return (JUNK if message < 50 else GOOD) % (message, message)


def _taught(*lessons: tuple[int, bool]) -> tuple[MemoryLessons, MemoryMarks, Teacher]:
    kept, marks = MemoryLessons(ManualClock(1_000.0)), MemoryMarks()
    for message, is_junk in lessons:
        kept.note(ANN, [(MessageId(message), MessageId(message))], is_junk, Act.MOVED)
    return kept, marks, Teacher(kept, Shelf(), marks)  # type: ignore[arg-type]


def test_lessons_become_counts_once() -> None:
    _, marks, teacher = _taught((1, True), (2, True), (51, False), (99, True))
    assert asyncio.run(teacher.catch_up()) == 3
    assert (marks.learnt(ANN).junk, marks.learnt(ANN).good) == (2, 1)
    assert asyncio.run(teacher.catch_up()) == 0


def test_what_is_marked_the_other_way_is_learnt_anew() -> None:
    lessons, marks, teacher = _taught((1, True))
    asyncio.run(teacher.catch_up())
    lessons.note(ANN, [(MessageId(1), MessageId(1))], False, Act.MOVED)
    asyncio.run(teacher.catch_up())
    assert (marks.learnt(ANN).junk, marks.learnt(ANN).good) == (0, 1)


def test_a_flood_teaches_in_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "DAILY", 3)
    _, marks, teacher = _taught(*[(number, True) for number in range(1, 9)])
    assert asyncio.run(teacher.catch_up()) == 3 and marks.learnt(ANN).junk == 3


def test_the_account_that_taught_it_is_judged_by_it() -> None:
    _, marks, teacher = _taught(*[(n, True) for n in range(1, 31)], *[(n, False) for n in range(51, 81)])
    asyncio.run(teacher.catch_up())
    fresh, before = JUNK % (44, 44), scan(JUNK % (44, 44))
    assert scan(fresh, marks=Memory(marks, ANN)).score > before.score + 0.5
    assert scan(GOOD % (90, 90), marks=Memory(marks, ANN)).score < scan(GOOD % (90, 90)).score - 0.5
    assert scan(fresh, marks=Memory(marks, AccountId(2))).score == before.score
