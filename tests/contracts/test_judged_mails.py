"""Counts of judged mail and reports that went out: the same in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.model.judged_mail import JudgedMail, Signature
from courriel.model.sent_report import SentReport
from courriel.ports.judged_mails import JudgedCount, JudgedMails
from courriel.store.memory.judged_mails import MemoryJudgedMails
from courriel.store.sqlite import judged_mails as module
from courriel.store.sqlite.judged_mails import KEPT_S, SqliteJudgedMails

GOOD = JudgedMail(
    "a.org", "mail.a.org", "192.0.2.1", "a.org", "pass", True, True, "",
    (Signature("a.org", "s", "pass"),), "a.org", "mfrom", "pass",
)  # fmt: skip
BAD = msgspec.structs.replace(GOOD, ip="192.0.2.9", disposition="reject", dkim=False, spf=False, spf_result="fail")
OTHER = msgspec.structs.replace(GOOD, domain="b.org", author="b.org")
SENT = SentReport("1970-01-02", "dmarc", "a.org", "mailto:r@a.org", 90_000.0, 2, 700)
REFUSED = SentReport("1970-01-02", "tls", "a.org", "", 90_000.0, 0, 0, "nobody may have it")
MIDNIGHT = 86_400.0
"""Of 1970-01-02."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MIDNIGHT)


@pytest.fixture(params=["memory", "sqlite"])
def mails(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[JudgedMails]:
    if request.param == "memory":
        yield MemoryJudgedMails(clock)
        return
    mails = SqliteJudgedMails(tmp_path / "judged.db", clock)
    yield mails
    mails.close()


async def test_alike_mail_is_counted_together_by_day_and_domain(
    runner: asyncio.Runner, mails: JudgedMails, clock: ManualClock
) -> None:
    for mail in (OTHER, GOOD, BAD, GOOD):
        mails.note(mail)
    found = await mails.counts("1970-01-02")
    assert sorted(found[:2], key=lambda one: one.count) == [JudgedCount(BAD, 1), JudgedCount(GOOD, 2)]
    assert found[2:] == [JudgedCount(OTHER, 1)]
    clock.advance(86_400.0)
    mails.note(OTHER)
    assert await mails.counts("1970-01-03") == [JudgedCount(OTHER, 1)]
    assert await mails.counts("1970-01-04") == []


async def test_what_went_out_is_told_once_and_for_all(runner: asyncio.Runner, mails: JudgedMails) -> None:
    await mails.note_sent([SENT, REFUSED])
    again = msgspec.structs.replace(SENT, octets=800)
    await mails.note_sent([again])
    assert await mails.sent("1970-01-02") == [again, REFUSED]
    assert await mails.sent("1970-01-03") == []


async def test_on_disk_they_outlive_closing_and_are_forgotten_in_time(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock
) -> None:
    mails = SqliteJudgedMails(tmp_path / "judged.db", clock)
    mails.note(GOOD)
    await mails.note_sent([SENT])
    mails.close()
    mails = SqliteJudgedMails(tmp_path / "judged.db", clock)
    assert await mails.sent("1970-01-01") == [SENT]
    clock.advance(KEPT_S)
    mails.note(BAD)
    assert await mails.counts("1970-01-02") == [JudgedCount(GOOD, 1)]
    clock.advance(86_400.0)
    mails.note(BAD)
    assert await mails.counts("1970-01-10") == [JudgedCount(BAD, 1)]
    assert await mails.counts("1970-01-02") == []
    mails.close()


async def test_a_day_has_room_for_so_much(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    monkeypatch.setattr(module, "DOMAINS", 1)
    mails = SqliteJudgedMails(tmp_path / "judged.db", clock)
    for mail in (GOOD, BAD, OTHER, GOOD):
        mails.note(mail)
    assert {one.count for one in await mails.counts("1970-01-02")} == {1, 2}
    mails.note(OTHER)
    assert len(await mails.counts("1970-01-02")) == 2, "a second domain has no room"
    mails.close()


@pytest.mark.parametrize("limit", ["DOMAIN_ROWS", "ROWS"])
async def test_a_domain_with_names_without_end_takes_room_from_no_other(
    runner: asyncio.Runner, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 2)
    mails = SqliteJudgedMails(tmp_path / "judged.db", clock)
    for number in range(5):
        mails.note(msgspec.structs.replace(BAD, envelope=f"{number}.a.org"))
    assert len(await mails.counts("1970-01-02")) == 2
    mails.note(msgspec.structs.replace(BAD, envelope="0.a.org"))
    mails.note(OTHER)
    found = await mails.counts("1970-01-02")
    assert max(one.count for one in found) == 2, "what is known counts on when a day is full"
    assert (JudgedCount(OTHER, 1) in found) is (limit == "DOMAIN_ROWS")
    mails.close()
