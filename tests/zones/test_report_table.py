"""Who an address is to a domain, by what receivers saw of its mail."""

from __future__ import annotations

import pytest

from courriel.model.mail_report import Seen
from courriel.zones.report_table import Day, Source, Standing, days, sources


def _seen(ip: str, count: int, *, aligned: bool = False, other: str = "", day: str = "2026-11-20") -> Seen:
    return Seen(day, "a.org", ip, "big.example", "none", aligned, False, other, count)


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        ([_seen("192.0.2.1", 9, aligned=True)], Standing.KNOWN),
        ([_seen("192.0.2.1", 5, aligned=True), _seen("192.0.2.1", 5)], Standing.KNOWN),
        ([_seen("192.0.2.1", 4, aligned=True), _seen("192.0.2.1", 6)], Standing.UNKNOWN),
        ([_seen("192.0.2.1", 6, other="esp.example")], Standing.UNKNOWN),
        ([_seen("192.0.2.1", 6)], Standing.FORGED),
        ([_seen("192.0.2.1", 0)], Standing.KNOWN),
    ],
)
def test_an_address_by_its_mail(rows: list[Seen], standing: Standing) -> None:
    [found] = sources(rows, ())
    assert found.standing is standing


def test_an_address_of_ours_is_known_whatever_was_seen() -> None:
    [found] = sources([_seen("192.0.2.1", 6)], {"192.0.2.1"})
    assert found == Source("192.0.2.1", Standing.KNOWN, 6, 0)


def test_the_busiest_come_first_and_the_commonest_other_domain_is_named() -> None:
    rows = [
        _seen("192.0.2.1", 1, other="rare.example"),
        _seen("192.0.2.1", 2, other="esp.example"),
        _seen("192.0.2.2", 9, aligned=True),
    ]
    assert [(one.ip, one.other) for one in sources(rows, ())] == [("192.0.2.2", ""), ("192.0.2.1", "esp.example")]


def test_days_in_order() -> None:
    rows = [_seen("x", 2, day="2026-11-21"), _seen("x", 3, aligned=True), _seen("y", 1)]
    assert days(rows) == [Day("2026-11-20", 4, 3), Day("2026-11-21", 2, 0)]
