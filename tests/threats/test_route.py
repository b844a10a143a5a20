"""The way of a message: true and false examples."""

from __future__ import annotations

import pytest

from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.verdict import DmarcVerdict, Result, SpfVerdict
from courriel.threats.signals import route
from courriel.threats.signals.route import is_dynamic
from courriel.threats.view import Arrival, Context
from tests.threats.views import found, hop, view

DAY = 86_400.0
OURS = Context(own_domains=frozenset({"house.example"}))


@pytest.mark.parametrize(
    ("helo", "reverse", "strength"),
    [
        ("mail.shop.example", "mail.shop.example", 0),
        ("mail.shop.example", "", 0),
        ("[192.0.2.9]", "", 0),  # RFC 5321 §4.1.3
        ("[10.0.0.7]", "", 0.5),
        ("192.0.2.9", "", 1),
        ("localhost", "", 1),
        ("WIN-4711", "", 1),
        ("box.local", "", 0.5),
        ("paypal.com", "vps7.host.example", 1),
        ("mail.paypal.com", "mx1.paypal.com", 0),
        ("smtp.gmail.com", "", 0),  # nobody looked
        ("mail-x.google.com", "mail-x.googlemail.com", 0),  # one owner
        ("mx.house.example", "vps7.host.example", 1),
        ("mx.house.example", "", 0),
    ],
)
def test_greetings(helo: str, reverse: str, strength: float) -> None:
    arrival = Arrival(client_ip="192.0.2.9", helo=helo, reverse_name=reverse)
    findings = found((route.greeting,), view(arrival=arrival, context=OURS))
    assert sum(finding.strength for finding in findings.values()) == strength


@pytest.mark.parametrize(
    ("name", "dynamic"),
    [
        ("ip-203-0-113-7.isp.example", True),
        ("7.113.0.203.pool.isp.example", True),
        ("lfbn-par-1-203-7.w203-0.abo.wanadoo.fr", True),
        ("dyn203007.isp.example", True),
        ("host-203-0-113-007.isp.example", True),
        ("adsl-7.isp.example", True),
        ("mail.isp.example", False),
        ("smtp-203-0-113-7.isp.example", False),  # a server, numbered
        ("static-203-0-113-7.isp.example", False),
        ("mx7.shop.example", False),
        ("o203.e.sendgrid.net", False),
    ],
)
def test_home_connections(name: str, dynamic: bool) -> None:
    assert is_dynamic(name, "203.0.113.7") is dynamic


def test_a_machine_without_a_name() -> None:
    def came(result: Result) -> Arrival:
        origin = Origin(SpfVerdict(Result.NONE, "x", "mfrom"), None, Iprev(result, "192.0.2.9"))
        judgement = Judgement(origin, DkimFindings(), DmarcVerdict(Result.NONE, "x", "none", "none"))
        return Arrival(client_ip="192.0.2.9", judgement=judgement)

    assert found((route.machine,), view(arrival=came(Result.FAIL))).keys() == {"route.no-name"}
    for result in (Result.PASS, Result.TEMPERROR, Result.NONE):
        assert not found((route.machine,), view(arrival=came(result)))


@pytest.mark.parametrize(
    ("hours", "back"),
    [
        ((3, 2, 1), False),
        ((3, None, 1), False),
        ((3, 5, 1), False),
        ((3, 60, 1), True),
        ((100, 3, 50), True),
        ((), False),
    ],
)
def test_times(hours: tuple[float | None, ...], back: bool) -> None:
    """Newest first, in hours; clocks may be wrong by a day."""
    hops = tuple(hop(at=None if hour is None else hour * 3600.0) for hour in hours)
    assert ("route.times-go-back" in found((route.times,), view(hops=hops))) is back


@pytest.mark.parametrize(
    ("date", "off"),
    [
        ("Thu, 01 Jan 1970 10:00:00 +0000", False),
        ("Sat, 03 Jan 1970 10:00:00 +0000", False),
        ("Sat, 10 Jan 1970 10:00:00 +0000", True),
        ("Mon, 01 Dec 1969 10:00:00 +0000", True),
        ("yesterday", False),
    ],
)
def test_dates(date: str, off: bool) -> None:
    message = view(headers=(("date", date),), hops=(hop(at=DAY / 2),))
    assert ("route.date-off" in found((route.times,), message)) is off
