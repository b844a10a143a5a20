"""Journeys on disk: kept, found by Message-ID, forgotten after their time, never in anybody's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.log import EventLog
from courriel.ports.journeys import Step
from courriel.store.sqlite import journeys as module
from courriel.store.sqlite.journeys import KEPT_S, SWEEP_S, SqliteJourneys


async def test_steps_come_back_in_order_and_outlive_closing(runner: asyncio.Runner, tmp_path: Path) -> None:
    clock = ManualClock(100.0)
    journeys = SqliteJourneys(tmp_path / "journeys.db", clock)
    journeys.note("m1", "delivery.accepted", {"msg": "m1", "message_id": "<a@x.org>", "octets": 7, "tls": ""})
    clock.advance(1.5)
    journeys.note("m2", "delivery.accepted", {"msg": "m2", "message_id": "<a@x.org>"})
    journeys.note("m1", "delivery.stored", {"msg": "m1", "to": "é@x.org", "good": True, "none": None})
    expected = [
        Step("delivery.accepted", 100.0, {"msg": "m1", "message_id": "<a@x.org>", "octets": 7, "tls": ""}),
        Step("delivery.stored", 101.5, {"msg": "m1", "to": "é@x.org", "good": True, "none": None}),
    ]
    assert await journeys.steps("m1") == expected and await journeys.steps("m3") == []
    assert await journeys.find("<a@x.org>") == ["m1", "m2"] and await journeys.find("<b@x.org>") == []
    journeys.note("m1", "last", {})
    journeys.close()
    again = SqliteJourneys(tmp_path / "journeys.db", clock)
    assert [step.event for step in await again.steps("m1")] == ["delivery.accepted", "delivery.stored", "last"]
    again.close()


async def test_what_is_old_is_forgotten(runner: asyncio.Runner, tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    journeys = SqliteJourneys(tmp_path / "journeys.db", clock)
    for id in ("a1", "b1"):
        journeys.note(id, "delivery.accepted", {"message_id": f"<{id}@x.org>"})
        assert await journeys.steps(id)
        clock.advance(SWEEP_S)
    clock.advance(KEPT_S - SWEEP_S - 1.0)
    journeys.note("c1", "delivery.accepted", {})
    assert await journeys.steps("a1") == [] and await journeys.find("<a1@x.org>") == []
    assert len(await journeys.steps("b1")) == 1 and await journeys.find("<b1@x.org>") == ["b1"]
    journeys.close()


async def test_too_many_at_once_are_dropped(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    journeys = SqliteJourneys(tmp_path / "journeys.db", ManualClock())
    for _ in range(5):
        journeys.note("m1", "step", {})
    assert len(await journeys.steps("m1")) == 3
    journeys.close()


async def test_a_disk_that_fails_stops_nobody(runner: asyncio.Runner, tmp_path: Path) -> None:
    journeys = SqliteJourneys(tmp_path / "journeys.db", ManualClock())
    journeys._file._connection.execute("DROP TABLE step")
    journeys.note("m1", "step", {})
    journeys.close()


def test_only_events_about_messages_are_watched() -> None:
    seen: list[tuple[str, str, object]] = []
    log = EventLog()
    log.watch(lambda msg, event, fields: seen.append((msg, event, fields.get("to"))))
    log.event("smtp.login", login="alice")
    log.event("delivery.stored", msg="m1", to="b@x.org")
    log.watch(None)
    log.event("delivery.stored", msg="m2")
    assert seen == [("m1", "delivery.stored", "b@x.org")]
