"""Warnings, giving up, reports: when, for whom, once; and again after a crash rather than never."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import Unavailable
from courriel.delivery.relay.ageing import Ageing, Kind
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Entry, Mark, Progress, Queued, State
from courriel.model.retry import DAY_S, HOUR_S, RetrySettings
from courriel.store.memory.queue import MemoryQueue

START = 1_800_000_000.0
DEAD = Attempt(Result.DEFERRED, "4.4.1", "connection refused", Stage.CONNECT)
LATER = Attempt(Result.DEFERRED, "4.7.1", "450 4.7.1 greylisted", Stage.RCPT)
UNKNOWN = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 no such user", Stage.RCPT)
TAKEN = Attempt(Result.DELIVERED, "2.0.0", "250 ok", Stage.CONTENT)


class Reports:
    def __init__(self) -> None:
        self.made: list[tuple[str, str, tuple[int, ...], tuple[str, ...]]] = []
        self.failing = False

    async def report(self, kind: Kind, entry: Entry, places: Sequence[int]) -> None:
        if self.failing:
            raise Unavailable("disk full")
        lasts = [entry.progress[place].last for place in places]
        why = tuple(last.reply if last is not None else "" for last in lasts)
        self.made.append((entry.message.id, kind.value, tuple(places), why))


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.queue = MemoryQueue()
        self.reports = Reports()
        self.ageing = Ageing(self.queue, self.reports, RetrySettings(), self.clock, lambda _domain: DEAD)

    async def put(self, id: str, *notify: str | None, **fields: object) -> None:
        people = tuple(
            Recipient(Address(f"u{n}", "x.org"), None if one is None else frozenset(one.split(",")))
            for n, one in enumerate(notify or (None,))
        )
        kept: dict[str, object] = {"look_at": START + 4 * HOUR_S, "expire_at": START + 5 * DAY_S}
        sender = str(fields.pop("sender", "alice@courriel.test"))
        await self.queue.put(Queued(id, sender, people, START, 5, **(kept | fields)), b"hello")  # type: ignore[arg-type]

    async def at(self, seconds: float) -> list[tuple[str, str, tuple[int, ...], tuple[str, ...]]]:
        """The reports of a round at that time after the start."""
        self.clock.advance(START + seconds - self.clock.now())
        self.reports.made.clear()
        await self.ageing.round()
        return list(self.reports.made)

    async def states(self, id: str) -> list[State]:
        entry = await self.queue.entry(id)
        return [] if entry is None else [one.state for one in entry.progress]


async def test_a_warning_after_four_hours_once(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("a")
    await s.queue.mark([Mark("a", 0, Progress(State.WAITING, START + 9 * HOUR_S, 3, LATER))])
    assert await s.at(4 * HOUR_S - 1) == []
    assert await s.at(4 * HOUR_S) == [("a", "delayed", (0,), ("450 4.7.1 greylisted",))]
    assert await s.at(30 * HOUR_S) == []


async def test_who_is_warned(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("a", None, "FAILURE", "DELAY", "NEVER", "SUCCESS,DELAY")
    await s.put("report", sender="")
    assert await s.at(5 * HOUR_S) == [("a", "delayed", (0, 2, 4), ("connection refused",) * 3)]


async def test_it_gives_up_what_was_never_tried(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("a", None, "NEVER")
    await s.at(5 * HOUR_S)
    assert await s.at(5 * DAY_S - 1) == []
    assert await s.at(5 * DAY_S) == [("a", "failed", (0,), ("connection refused",))]
    assert await s.states("a") == []


async def test_what_is_under_way_or_held_is_not_given_up(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("held", held=True)
    await s.put("tried")
    await s.at(5 * HOUR_S)
    now = START + 5 * DAY_S
    [claim] = await s.queue.claim("x.org", now, now + 600.0, 10)
    assert await s.at(5 * DAY_S) == []
    assert await s.states("held") == [State.HELD] and await s.states("tried") == [State.WAITING]
    s.queue.give_back([claim])
    assert await s.at(6 * DAY_S + 1) == [("tried", "failed", (0,), ("connection refused",))]
    assert await s.states("held") == [State.HELD]


async def test_reports_of_what_is_owed(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("a", None, None, "SUCCESS")
    await s.queue.mark(
        [
            Mark("a", 0, Progress(State.FAILED, 0.0, 1, UNKNOWN, owes=True)),
            Mark("a", 2, Progress(State.DELIVERED, 0.0, 1, TAKEN, owes=True)),
        ]
    )
    assert await s.at(1.0) == [
        ("a", "failed", (0,), ("550 5.1.1 no such user",)),
        ("a", "succeeded", (2,), ("250 ok",)),
    ]
    assert await s.at(2.0) == []
    assert await s.states("a") == [State.FAILED, State.WAITING, State.DELIVERED]
    await s.queue.mark([Mark("a", 1, Progress(State.DELIVERED, 0.0, 1, TAKEN))])
    assert await s.states("a") == []


async def test_a_report_that_could_not_be_taken_comes_later(runner: asyncio.Runner) -> None:
    s = Scene()
    await s.put("a")
    await s.queue.mark([Mark("a", 0, Progress(State.FAILED, 0.0, 1, UNKNOWN, owes=True))])
    s.reports.failing = True
    with pytest.raises(Unavailable):
        await s.at(1.0)
    s.reports.failing = False
    assert [kind for _, kind, _, _ in await s.at(61.0)] == ["failed"]


async def test_a_debt_that_comes_while_a_round_goes_on_is_not_forgotten(runner: asyncio.Runner) -> None:
    s = Scene()
    owes = Progress(State.FAILED, 0.0, 1, UNKNOWN, owes=True)
    real, first = s.queue.owing, True

    async def owing(most: int) -> Sequence[Entry]:
        """The second message comes between a round's last look and its end."""
        nonlocal first
        found = await real(most)
        if not found and first:
            first = False
            await s.queue.mark([Mark("b", 0, owes)])
            s.ageing.hurry()
        return found

    s.queue.owing = owing  # type: ignore[method-assign]
    await s.put("a")
    await s.put("b")
    task = asyncio.ensure_future(s.ageing.run())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    assert [id for id, _, _, _ in s.reports.made] == ["b"]


async def test_a_debt_is_paid_at_once(runner: asyncio.Runner) -> None:
    s = Scene()
    task = asyncio.ensure_future(s.ageing.run())
    await asyncio.sleep(0)
    await s.put("a")
    await s.queue.mark([Mark("a", 0, Progress(State.FAILED, 0.0, 1, UNKNOWN, owes=True))])
    s.ageing.hurry()
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    assert [id for id, _, _, _ in s.reports.made] == ["a"]
