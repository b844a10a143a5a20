"""Dates: RFC 5322 §3.3, §4.3 and appendix A; RFC 9051 §9."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats import dates


def at(minutes: int, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone(timedelta(minutes=minutes)))  # type: ignore[arg-type, misc]


PARSED = [
    (b"Fri, 21 Nov 1997 09:55:06 -0600", at(-360, 1997, 11, 21, 9, 55, 6)),  # appendix A.1.1
    (b"Tue, 1 Jul 2003 10:52:37 +0200", at(120, 2003, 7, 1, 10, 52, 37)),  # A.1.2
    (
        b"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
        at(-210, 1969, 2, 13, 23, 32),
    ),  # A.5
    (b"21 Nov 97 09:55:06 GMT", at(0, 1997, 11, 21, 9, 55, 6)),  # A.6.2
    (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", at(-360, 1997, 11, 21, 9, 55, 6)),  # A.6.3
    # §4.3: years of two and three digits, old zones
    (b"1 Jan 49 00:00 EST", at(-300, 2049, 1, 1)),
    (b"1 Jan 50 00:00 PDT", at(-420, 1950, 1, 1)),
    (b"1 Jan 103 00:00 Z", at(0, 2003, 1, 1)),
    (b"1 Jan 2003 00:00 A", at(0, 2003, 1, 1)),
    (b"1 Jan 2003 00:00:00 +9999", at(0, 2003, 1, 1)),
    # leap second; missing zone; C's asctime; dashes; a named zone after the offset
    (b"Sat, 31 Dec 2016 23:59:60 +0000", at(0, 2016, 12, 31, 23, 59, 59)),
    (b"Mon, 24 Nov 2026 05:53:58", at(0, 2026, 11, 24, 5, 53, 58)),
    (b"Tue Nov 24 05:53:58 2026", at(0, 2026, 11, 24, 5, 53, 58)),
    (b"Tue Nov 24 05:53:58 EST 2026", at(-300, 2026, 11, 24, 5, 53, 58)),
    (b"24-Nov-2026 05:53:58 -0100", at(-60, 2026, 11, 24, 5, 53, 58)),
    (b"Tue, 24 November 2026 5:53 -0100 (CET)", at(-60, 2026, 11, 24, 5, 53)),
    (b" Tue, 24 Nov 2026 05.53.58 +0000", at(0, 2026, 11, 24, 5, 53, 58)),
]


@pytest.mark.parametrize(("raw", "moment"), PARSED)
def test_parse(raw: bytes, moment: datetime) -> None:
    found = dates.parse(raw)
    assert found == moment
    assert found is not None and found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"now",
        b"31 Feb 2020 01:01:01 +0000",
        b"1 Foo 2020 01:01:01 +0000",
        b"1 Jan 2020",
        b"1 Jan 2020 25:00 +0000",
        b"Jan 2020 10:00",
        b"1 Jan 1899 10:00 Z",
        b"1 Jan 9999 10:00 Z",
        b"1 Jan 20200 10:00",
        b"((((((",
        b"1" * 10000,
        b"1 Jan 2020 10:00 +0000" + b" " * 300,
    ],
)
def test_no_date(raw: bytes) -> None:
    assert dates.parse(raw) is None


_MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30)).map(lambda found: found.replace(microsecond=0))
_OFFSETS = st.integers(-23 * 60, 23 * 60)


@given(_MOMENTS, _OFFSETS)
@settings(max_examples=150)
def test_rendered_dates_come_back(moment: datetime, offset: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    found = dates.parse(dates.render(aware))
    assert found == aware
    assert found is not None and found.utcoffset() == aware.utcoffset()
    assert dates.parse_internal(dates.render_internal(aware.timestamp(), offset)) == aware
    assert dates.parse_date(dates.render_date(aware.date())) == aware.date()


def test_render() -> None:
    assert dates.render(datetime(2026, 11, 24, 5, 53, 58, tzinfo=UTC)) == b"Tue, 24 Nov 2026 05:53:58 +0000"
    assert dates.render(datetime(2026, 11, 4, 5, 3, 8)) == b"Wed, 4 Nov 2026 05:03:08 -0000"
    assert dates.render_internal(0.9) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert dates.render_internal(-1, -90) == b'"31-Dec-1969 22:29:59 -0130"'
    assert dates.render_internal(1e18).startswith(b'"31-Dec-9999')
    assert dates.render_internal(-1e18).startswith(b'" 1-Jan-0001')


def test_imap_dates() -> None:
    # RFC 9051 §6.3.12 and §6.4.4
    assert dates.parse_internal(b'" 7-Feb-1994 21:52:25 -0800"') == at(-480, 1994, 2, 7, 21, 52, 25)
    assert dates.parse_internal(b"17-Jul-1996 02:44:25 -0700") == at(-420, 1996, 7, 17, 2, 44, 25)
    assert dates.parse_date(b"1-Feb-1994") == dates.parse_date(b'"01-feb-1994"') == date(1994, 2, 1)
    assert dates.render_date(date(1994, 2, 1)) == b"1-Feb-1994"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'"',
        b"7-Feb-1994 21:52:25 -0800",
        b"07-Feb-94 21:52:25 -0800",
        b"32-Jan-1994 21:52:25 -0800",
        b"07-Foo-1994 21:52:25 -0800",
        b"07-Feb-1994 24:52:25 -0800",
        b"07-Feb-1994 21:52:25 0800",
        b"07-Feb-1994 21:52:25 -0860",
        b"07-Feb-1994 21:52:25 -0800 ",
        b"  -Feb-1994 21:52:25 -0800",
    ],
)
def test_no_internal_date(raw: bytes) -> None:
    with pytest.raises(FormatError):
        dates.parse_internal(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"1-Foo-1994", b"31-Feb-1994", b"1-Feb-94", b"1 Feb 1994", b"0-Feb-1994", b"1-Feb-0000"]
)
def test_no_imap_date(raw: bytes) -> None:
    with pytest.raises(FormatError):
        dates.parse_date(raw)
