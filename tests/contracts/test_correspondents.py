"""Whom an account knows: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from courriel.base.clock import ManualClock
from courriel.model.ids import AccountId
from courriel.ports.correspondents import ENOUGH, Correspondents, Known
from courriel.store.memory.correspondents import MemoryCorrespondents
from courriel.store.sqlite import correspondents as module
from courriel.store.sqlite.correspondents import SqliteCorrespondents

ANN, BOB = AccountId(1), AccountId(2)


@pytest.fixture(params=["memory", "sqlite"])
def known(request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path: Path) -> Iterator[Correspondents]:
    if request.param == "memory":
        yield MemoryCorrespondents()
        return
    known = SqliteCorrespondents(tmp_path / "correspondents.db", ManualClock(1.0))
    yield known
    known.close()


async def _settled(known: Correspondents) -> None:
    if isinstance(known, SqliteCorrespondents):
        await known._file.flush()


async def test_an_address_and_its_domain_are_counted(runner: asyncio.Runner, known: Correspondents) -> None:
    known.note(ANN, "eve@x.example", Known(received=1))
    known.note(ANN, "eve@x.example", Known(answered=1))
    known.note(ANN, "max@x.example", Known(received=1, marked_junk=1))
    known.note(ANN, "max@x.example", Known(marked_junk=-1, marked_good=1))
    await _settled(known)
    assert known.known(ANN, ["eve@x.example", "max@x.example", "x.example", "y.example"]) == {
        "eve@x.example": Known(1, 1),
        "max@x.example": Known(1, 0, 1, 0),
        "x.example": Known(2, 1, 1, 0),
    }
    assert known.known(BOB, ["eve@x.example"]) == {}


async def test_an_account_remembers_once_it_knows_enough(runner: asyncio.Runner, known: Correspondents) -> None:
    for number in range(ENOUGH - 1):
        known.note(ANN, f"a{number}@x.example", Known(received=1))
    await _settled(known)
    assert known.remembers(ANN) and not known.remembers(BOB)
    await known.forget(ANN)
    assert not known.remembers(ANN) and known.known(ANN, ["x.example"]) == {}


async def test_on_disk_they_outlive_closing_and_those_not_seen_for_longest_go(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NAMES", 10)
    clock = ManualClock(1.0)
    known = SqliteCorrespondents(tmp_path / "correspondents.db", clock)
    for number in range(12):
        clock.advance(1.0)
        known.note(ANN, f"a{number}@x.example", Known(received=1))
        await known._file.flush()
    known.close()
    known = SqliteCorrespondents(tmp_path / "correspondents.db", clock)
    assert known.known(ANN, ["a0@x.example"]) == {} and known.known(ANN, ["a11@x.example", "x.example"])
    known.close()


async def test_on_disk_asking_does_not_wait_for_who_writes(runner: asyncio.Runner, tmp_path: Path) -> None:
    known = SqliteCorrespondents(tmp_path / "correspondents.db", ManualClock(1.0))
    known.note(ANN, "eve@x.example", Known(received=1))
    await known._file.flush()

    def while_writing(db: apsw.Connection) -> None:
        with db:
            db.execute("DELETE FROM known")
            assert known.known(ANN, ["eve@x.example"]) == {"eve@x.example": Known(1)}

    await asyncio.wait_for(asyncio.to_thread(known._file.read, while_writing), 5.0)
    assert known.known(ANN, ["eve@x.example"]) == {}
    known.close()
