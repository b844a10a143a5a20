"""``courriel reports``: what is kept, put together with what the DNS knows of the addresses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from courriel.app import config
from courriel.app.installation import Installation
from courriel.app.report_desk import ReportDesk
from courriel.base.utc import utc_day
from courriel.cli.reports import percent, plot
from courriel.model.directory_refusals import NoSuchDomain
from courriel.model.mail_report import MailReport, Seen, TlsSeen
from tests.app.test_checkup import OFF
from tests.trial import courriel
from tests.zone import Zone


class Reader(Zone):
    """The zone, for whoever reads records of any type."""

    async def records(self, name: str, type: str) -> object:
        return self._find(name, type)


ZONE = {
    "example.org": {"TXT": [b"v=spf1 ip4:198.51.100.0/24 -all"]},
    "7.100.51.198.in-addr.arpa": {"PTR": ["out.esp.example"]},
    "mx.example.org": {"A": ["192.0.2.25"]},
}


def _report(day: str) -> MailReport:
    def seen(ip: str, count: int, aligned: bool = False, other: str = "") -> Seen:
        return Seen(day, "example.org", ip, "big.example", "none", aligned, False, other, count)

    rows = (
        seen("192.0.2.25", 5),
        seen("198.51.100.7", 8),
        seen("203.0.113.1", 100, aligned=True),
        seen("203.0.113.2", 3, other="esp.example"),
        seen("203.0.113.3", 2),
    )
    tls = (TlsSeen(day, "example.org", "big.example", "sts", "", 40),)
    return MailReport("big.example", "1", day, rows, tls)


async def _home(data: Path) -> Installation:
    home = await Installation.open(data, config.load(None, {}, OFF))
    await home.directory.add_domain("example.org")
    await home.directory.add_domain("example.net")
    assert await home.mail_reports.add(_report(utc_day(home.clock.now())))
    return home


def test_addresses_are_known_unknown_or_forged(tmp_path: Path) -> None:
    async def run() -> None:
        home = await _home(tmp_path / "data")
        try:
            desk = ReportDesk(home, Reader(ZONE))  # type: ignore[arg-type]
            [found, empty] = sorted(await desk.show("", 7), key=lambda one: -one["messages"])
            with pytest.raises(NoSuchDomain):
                await desk.show("other.test", 7)
        finally:
            await home.close()
        assert [(one["ip"], one["name"], one["standing"]) for one in found["sources"]] == [
            ("203.0.113.1", "", "known"),
            ("198.51.100.7", "out.esp.example", "known"),
            ("192.0.2.25", "", "known"),
            ("203.0.113.2", "", "unknown"),
            ("203.0.113.3", "", "forged"),
        ]
        assert (found["messages"], found["aligned"], found["reporters"]) == (118, 100, ["big.example"])
        assert found["tls"] == [{"policy": "sts", "result": "", "sessions": 40}]
        assert (empty["domain"], empty["sources"], empty["days"]) == ("example.net", [], [])

    asyncio.run(run())


def test_senders_that_no_record_names_are_in_the_inventory(tmp_path: Path) -> None:
    async def run() -> None:
        home = await _home(tmp_path / "data")
        try:
            day = utc_day(home.clock.now())
            row = Seen(day, "example.org", "203.0.113.9", "b.example", "none", False, False, "mail.google.com", 4)
            assert await home.mail_reports.add(MailReport("b.example", "1", day, (row,)))
            desk = ReportDesk(home, Reader(ZONE))  # type: ignore[arg-type]
            strangers = await desk.strangers("example.org")
        finally:
            await home.close()
        assert [(one["mechanism"], one["sender"], one["name"]) for one in strangers] == [
            ("203.0.113.9", "reported", "google"),
            ("203.0.113.2", "reported", "esp.example"),
        ]

    asyncio.run(run())


def test_a_dns_that_does_not_answer_leaves_names_out(tmp_path: Path) -> None:
    async def run() -> None:
        home = await _home(tmp_path / "data")
        try:
            zone = Reader(ZONE, failing=["example.org", "7.100.51.198.in-addr.arpa", "mx.example.org"])
            [found] = await ReportDesk(home, zone).show("example.org", 7)  # type: ignore[arg-type]
        finally:
            await home.close()
        assert {one["ip"]: one["standing"] for one in found["sources"]}["198.51.100.7"] == "forged"

    asyncio.run(run())


@pytest.mark.slow
def test_the_command_in_both_languages(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def fill() -> None:
        await (await _home(data)).close()

    asyncio.run(fill())
    nobody = ("COURRIEL_DNS_SERVERS", "127.0.0.1:1")
    english = courriel("reports", "example.org", data=data, **dict([nobody]))
    assert english.returncode == 0, english.stderr
    assert "203.0.113.3" in english.stdout and "forged" in english.stdout and "█" in english.stdout
    assert "118 messages, passed: 84.7 %" in english.stdout and "big.example" in english.stdout
    french = courriel("--lang", "fr", "reports", data=data, **dict([nobody]))
    assert "falsifié" in french.stdout and "Pas encore de rapport" in french.stdout
    rows = json.loads(courriel("reports", "example.org", "--json", data=data, **dict([nobody])).stdout)
    assert rows[0]["days"][0]["messages"] == 118
    assert courriel("reports", "other.test", data=data, **dict([nobody])).returncode == 1


def test_no_share_is_rounded_up() -> None:
    assert [percent(*pair) for pair in ((9999, 10000), (1, 1), (0, 0), (985, 1000))] == [
        "99.9 %", "100.0 %", "0.0 %", "98.5 %",
    ]  # fmt: skip


def test_bars_are_as_long_as_the_days_are_busy() -> None:
    lines = plot(
        [
            {"day": "2026-11-20", "messages": 80, "aligned": 40},
            {"day": "2026-11-21", "messages": 1, "aligned": 1},
        ]
    )
    assert lines[0] == "2026-11-20 " + "█" * 20 + "░" * 20 + " 80"
    assert lines[1].rstrip() == "2026-11-21 █" + " " * 39 + " 1"
