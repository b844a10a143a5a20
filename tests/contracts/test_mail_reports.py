"""Reports of other servers: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import CourrielError
from courriel.model.mail_report import MailReport, Seen, TlsSeen
from courriel.ports.mail_reports import MailReports
from courriel.store.memory.mail_reports import MemoryMailReports
from courriel.store.sqlite.mail_reports import SqliteMailReports

DAY_S = 86_400.0
KEEP_S = 30 * DAY_S
ROWS = 5
DAY = "1970-02-20"
GOOD = Seen(DAY, "a.org", "192.0.2.1", "big.example", "none", True, False, "", 7)
BAD = Seen(DAY, "a.org", "2001:db8::1", "big.example", "reject", False, False, "spam.example", 2)
OF_B = Seen(DAY, "b.org", "192.0.2.1", "big.example", "none", True, True, "", 1)
TLS = TlsSeen(DAY, "a.org", "big.example", "sts", "", 20)
BROKEN = TlsSeen(DAY, "a.org", "big.example", "sts", "certificate-expired", 3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(51 * DAY_S)


@pytest.fixture(params=["memory", "sqlite"])
def reports(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[MailReports]:
    if request.param == "memory":
        yield MemoryMailReports(clock, KEEP_S, ROWS)
        return
    reports = SqliteMailReports(tmp_path / "reports.db", clock, KEEP_S, ROWS)
    yield reports
    reports.close()


async def test_what_is_alike_is_counted_together(runner: asyncio.Runner, reports: MailReports) -> None:
    assert await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD, BAD)))
    assert await reports.add(MailReport("big.example", "2", DAY, seen=(GOOD, OF_B)))
    twice = msgspec.structs.replace(GOOD, count=14)
    assert await reports.seen("a.org", DAY) == [twice, BAD]
    assert await reports.seen("", DAY) == [twice, BAD, OF_B]
    assert await reports.seen("", "1970-02-21") == []


async def test_a_report_counts_once(runner: asyncio.Runner, reports: MailReports) -> None:
    assert await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD,)))
    assert not await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD,)))
    assert await reports.add(MailReport("other.example", "1", DAY, seen=(BAD,)))
    assert await reports.seen("a.org", DAY) == [GOOD, BAD]


async def test_tls_sessions(runner: asyncio.Runner, reports: MailReports) -> None:
    assert await reports.add(MailReport("big.example", "1", DAY, tls=(TLS, BROKEN)))
    assert await reports.add(MailReport("big.example", "2", DAY, tls=(TLS,)))
    assert await reports.tls("a.org", DAY) == [msgspec.structs.replace(TLS, sessions=40), BROKEN]
    assert await reports.tls("b.org", DAY) == []


async def test_old_days_go_and_do_not_come_back(
    runner: asyncio.Runner, reports: MailReports, clock: ManualClock
) -> None:
    assert await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD,), tls=(TLS,)))
    clock.advance(KEEP_S)
    later = msgspec.structs.replace(GOOD, day="1970-03-20")
    assert not await reports.add(MailReport("big.example", "3", DAY, seen=(GOOD,)))
    assert await reports.add(MailReport("big.example", "4", later.day, seen=(later,)))
    assert await reports.seen("", "1970-01-01") == [later]
    assert await reports.tls("", "1970-01-01") == []


async def test_there_is_an_end_to_rows(runner: asyncio.Runner, reports: MailReports, clock: ManualClock) -> None:
    many = tuple([msgspec.structs.replace(GOOD, ip=f"192.0.2.{n}") for n in range(ROWS)])
    assert await reports.add(MailReport("big.example", "1", DAY, seen=many))
    assert not await reports.add(MailReport("big.example", "2", DAY, seen=(BAD,)))
    clock.advance(KEEP_S)
    later = msgspec.structs.replace(BAD, day="1970-03-20")
    assert await reports.add(MailReport("big.example", "2", later.day, seen=(later,))), "there is room again"


async def test_on_disk_they_outlive_closing(runner: asyncio.Runner, tmp_path: Path, clock: ManualClock) -> None:
    reports = SqliteMailReports(tmp_path / "reports.db", clock, KEEP_S, ROWS)
    assert await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD,)))
    reports.close()
    reports = SqliteMailReports(tmp_path / "reports.db", clock, KEEP_S, ROWS)
    assert not await reports.add(MailReport("big.example", "1", DAY, seen=(GOOD,)))
    assert await reports.seen("a.org", DAY) == [GOOD]
    reports._db.execute("DROP TABLE dmarc")
    with pytest.raises(CourrielError):
        await reports.seen("a.org", DAY)
    reports.close()
