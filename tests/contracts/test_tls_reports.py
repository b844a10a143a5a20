"""Counts of TLS sessions: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import CourrielError
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.ports.tls_reports import Tally, TlsReports
from courriel.store.memory.tls_reports import MemoryTlsReports
from courriel.store.sqlite import tls_reports as module
from courriel.store.sqlite.tls_reports import KEPT_S, SqliteTlsReports

STS = TlsSubject("a.org", PolicyType.STS, ("version: STSv1", "mode: enforce", "mx: mx.a.org", "max_age: 86400"))
BARE = TlsSubject("b.org", PolicyType.NONE)
GOOD = TlsSession(STS, "", "mx.a.org", "192.0.2.1")
BAD = TlsSession(STS, "certificate-expired", "mx.a.org", "2001:db8::1")
CLEAR = TlsSession(BARE, "starttls-not-supported", "mx.b.org", "192.0.2.2")
MIDNIGHT = 86_400.0
"""Of 1970-01-02."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MIDNIGHT)


@pytest.fixture(params=["memory", "sqlite"])
def reports(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[TlsReports]:
    if request.param == "memory":
        yield MemoryTlsReports(clock)
        return
    reports = SqliteTlsReports(tmp_path / "tls.db", clock)
    yield reports
    reports.close()


async def test_alike_sessions_are_counted_together_and_in_order(runner: asyncio.Runner, reports: TlsReports) -> None:
    for session in (CLEAR, BAD, GOOD, GOOD):
        reports.note(session)
    assert await reports.tallies("1970-01-02") == [Tally(GOOD, 2), Tally(BAD, 1), Tally(CLEAR, 1)]
    reports.note(BAD)
    assert await reports.tallies("1970-01-02") == [Tally(GOOD, 2), Tally(BAD, 2), Tally(CLEAR, 1)]


async def test_days_begin_at_midnight_utc(runner: asyncio.Runner, reports: TlsReports, clock: ManualClock) -> None:
    clock.advance(86_399.5)
    reports.note(GOOD)
    clock.advance(0.5)
    reports.note(BAD)
    assert await reports.tallies("1970-01-02") == [Tally(GOOD, 1)]
    assert await reports.tallies("1970-01-03") == [Tally(BAD, 1)]
    assert await reports.tallies("1970-01-01") == []


async def test_on_disk_they_outlive_closing_and_are_forgotten_in_time(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock
) -> None:
    reports = SqliteTlsReports(tmp_path / "tls.db", clock)
    reports.note(GOOD)
    reports.close()
    reports = SqliteTlsReports(tmp_path / "tls.db", clock)
    clock.advance(KEPT_S)
    reports.note(BAD)
    assert await reports.tallies("1970-01-02") == [Tally(GOOD, 1)]
    clock.advance(86_400.0)
    reports.note(BAD)
    assert await reports.tallies("1970-03-04") == [Tally(BAD, 1)]
    assert await reports.tallies("1970-01-02") == []
    reports.close()


async def test_too_many_kinds_are_dropped_not_waited_for(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 1)
    reports = SqliteTlsReports(tmp_path / "tls.db", clock)
    for session in (GOOD, BAD, GOOD):
        reports.note(session)
    assert await reports.tallies("1970-01-02") == [Tally(GOOD, 2)]
    reports.close()


async def test_a_disk_that_fails_stops_nobody(runner: asyncio.Runner, tmp_path: Path, clock: ManualClock) -> None:
    reports = SqliteTlsReports(tmp_path / "tls.db", clock)
    reports._file._connection.execute("DROP TABLE tally")
    reports.note(GOOD)
    with pytest.raises(CourrielError):
        await reports.tallies("1970-01-02")
    reports.note(GOOD)
    reports.close()
