"""What people taught of junk: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from courriel.model.ids import AccountId, MessageId
from courriel.ports.marks import AccountMarks, Counted, Learnt, Mark
from courriel.store.memory.marks import MemoryMarks
from courriel.store.sqlite import marks as module
from courriel.store.sqlite.marks import SqliteMarks

ANN, BOB = AccountId(1), AccountId(2)
JUNK = Mark(ANN, MessageId(10), True, 100.0, frozenset({1, 2}))
GOOD = Mark(ANN, MessageId(11), False, 200.0, frozenset({2, 3}))


@pytest.fixture(params=["memory", "sqlite"])
def marks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccountMarks]:
    if request.param == "memory":
        yield MemoryMarks()
        return
    marks = SqliteMarks(tmp_path / "marks.db")
    yield marks
    marks.close()


def _counts(marks: AccountMarks, account: AccountId = ANN) -> dict[int, Counted]:
    return {feature: one for feature, one in marks.counts(account, range(10)).items() if one.junk or one.good}


async def test_each_account_learns_for_itself(runner: asyncio.Runner, marks: AccountMarks) -> None:
    await marks.learn([JUNK, GOOD], 7)
    assert _counts(marks) == {1: Counted(1, 0), 2: Counted(1, 1), 3: Counted(0, 1)}
    assert marks.learnt(ANN) == Learnt(1, 1, 200.0) and await marks.upto() == 7
    assert _counts(marks, BOB) == {} and marks.learnt(BOB) == Learnt()


async def test_a_content_counts_once_and_as_it_was_marked_last(runner: asyncio.Runner, marks: AccountMarks) -> None:
    await marks.learn([JUNK, JUNK], 1)
    assert marks.learnt(ANN) == Learnt(1, 0, 100.0)
    await marks.learn([msgspec.structs.replace(JUNK, is_junk=False, at=300.0)], 2)
    assert marks.learnt(ANN) == Learnt(0, 1, 300.0)
    assert _counts(marks) == {1: Counted(0, 1), 2: Counted(0, 1)}


async def test_what_was_taught_can_be_forgotten(runner: asyncio.Runner, marks: AccountMarks) -> None:
    await marks.learn([JUNK, msgspec.structs.replace(GOOD, account=BOB)], 3)
    await marks.forget(ANN)
    assert _counts(marks) == {} and marks.learnt(ANN) == Learnt() and marks.learnt(BOB) == Learnt(0, 1, 200.0)
    await marks.learn([JUNK], 4)
    assert marks.learnt(ANN) == Learnt(1, 0, 100.0), "it can be taught again"


async def test_on_disk_it_outlives_closing(runner: asyncio.Runner, tmp_path: Path) -> None:
    marks = SqliteMarks(tmp_path / "marks.db")
    await marks.learn([JUNK], 5)
    marks.close()
    marks = SqliteMarks(tmp_path / "marks.db")
    assert marks.learnt(ANN) == Learnt(1, 0, 100.0) and await marks.upto() == 5
    marks.close()


async def test_an_account_has_room_for_so_much(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEATURES", 4)
    marks = SqliteMarks(tmp_path / "marks.db")
    often = [Mark(ANN, MessageId(number), True, 1.0, frozenset({1, 2})) for number in range(4)]
    await marks.learn([*often, Mark(ANN, MessageId(9), True, 1.0, frozenset({5, 6, 7}))], 1)
    assert _counts(marks) == {1: Counted(2, 0), 2: Counted(2, 0)} and marks.learnt(ANN).junk == 2
    marks.close()
