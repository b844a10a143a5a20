"""The tests ``date`` and ``currentdate``.  RFC 5260 §4–5.

Without ``:zone`` times are those of UTC: a server does not know where its people are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from courriel.base.i18n import N_
from courriel.formats import dates
from courriel.sieve.core import check_fields
from courriel.sieve.headers import values_of
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage
from courriel.sieve.values import Text, Texts

_ZONE: Final = re.compile(r"([+-])([0-9]{2})([0-5][0-9])")
_MODIFIED_JULIAN: Final = 678_576
"""Proleptic ordinal of 17 November 1858, where modified Julian days begin."""


def _offset(moment: datetime) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}"


PARTS: Final[dict[str, Callable[[datetime], str]]] = {
    "year": lambda one: f"{one.year:04}",
    "month": lambda one: f"{one.month:02}",
    "day": lambda one: f"{one.day:02}",
    "date": lambda one: f"{one.year:04}-{one.month:02}-{one.day:02}",
    "julian": lambda one: str(one.toordinal() - _MODIFIED_JULIAN),
    "hour": lambda one: f"{one.hour:02}",
    "minute": lambda one: f"{one.minute:02}",
    "second": lambda one: f"{one.second:02}",
    "time": lambda one: f"{one.hour:02}:{one.minute:02}:{one.second:02}",
    "iso8601": lambda one: one.replace(microsecond=0).isoformat(),
    "std11": lambda one: dates.render(one).decode("ascii"),
    "zone": _offset,
    "weekday": lambda one: str(one.isoweekday() % 7),
}

Place = Callable[[Run, datetime], datetime]


def _zone(given: Given) -> Place:
    if given.has("originalzone"):
        return lambda _run, moment: moment
    asked, line = given.tag_text("zone"), given.line
    if asked is None:
        return lambda _run, moment: moment.astimezone(UTC)
    if asked.constant is not None and _ZONE.fullmatch(asked.constant) is None:
        given.compiler.wrong(line, N_("“{zone}” is no time zone: write +0100"), zone=asked.constant)
    zone = asked
    return lambda run, moment: moment.astimezone(_place(zone(run), line))


def _place(text: str, line: int) -> timezone:
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 23:
        raise RunError(Problem(line, N_("“{zone}” is no time zone: write +0100"), {"zone": text[:20]}))
    away = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-away if match[1] == "-" else away)


def _part(given: Given, text: Text) -> Callable[[Run], Callable[[datetime], str] | None]:
    if text.constant is not None and text.constant.lower() not in PARTS:
        given.compiler.wrong(given.line, N_("a date has no part “{part}”"), part=text.constant)
    return lambda run: PARTS.get(text(run).lower())


def _date(given: Given) -> TestFunction:
    names = Texts([given.text(0)])
    check_fields(given, names)
    part, match, place = _part(given, given.text(1)), matcher(given, given.texts(2)), _zone(given)
    values = values_of(given, decoded=True)

    def test(run: Run) -> bool:
        show, found = part(run), []
        for value in values(run, names(run)):
            # RFC 5260 §4: of Received and the like the date stands behind the last semicolon
            moment = dates.parse(value.rpartition(";")[2].encode("utf-8", "replace"))
            if moment is not None and show is not None:
                found.append(show(place(run, moment)))
        return match(run, found)

    return test


def _currentdate(given: Given) -> TestFunction:
    part, match, place = _part(given, given.text(0)), matcher(given, given.texts(1)), _zone(given)

    def test(run: Run) -> bool:
        show = part(run)
        moment = place(run, datetime.fromtimestamp(int(run.environment.now), UTC))
        return show is not None and match(run, (show(moment),))

    return test


ZONE: Final = TagUsage(Takes.STRING, group="zone")
COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {
    "date": Usage(
        _date,
        (Takes.STRING, Takes.STRING, Takes.STRINGS),
        {
            **MATCH_TAGS,
            "zone": ZONE,
            "originalzone": TagUsage(group="zone"),
            "index": TagUsage(Takes.NUMBER, "index"),
            "last": TagUsage(needs="index"),
        },
        ("date",),
    ),
    "currentdate": Usage(_currentdate, (Takes.STRING, Takes.STRINGS), {**MATCH_TAGS, "zone": ZONE}, ("date",)),
}
