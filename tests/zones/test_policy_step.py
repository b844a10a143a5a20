"""From none to reject: each step is earned by reports, and what hinders it is named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from courriel.zones.policy_step import DAYS, MESSAGES, Standstill, step, stricter
from courriel.zones.report_table import Day, Source, Standing

RECORD = "v=DMARC1; p=none; rua=mailto:r@a.org"
LONG = [Day(f"2026-11-{number + 1:02}", 100, 100) for number in range(DAYS)]
OURS = Source("192.0.2.1", Standing.KNOWN, 1_000, 990)
FORGED = Source("192.0.2.66", Standing.FORGED, 5_000, 0)
SERVICE = Source("192.0.2.2", Standing.UNKNOWN, 100, 0, "esp.example")
FORWARDER = Source("192.0.2.3", Standing.UNKNOWN, 15, 3, "list.example")
BROKEN = Source("192.0.2.4", Standing.KNOWN, 100, 60)


@pytest.mark.parametrize(
    ("record", "sources", "days", "standstill", "hinder"),
    [
        ("", [OURS], LONG, Standstill.NO_RECORD, []),
        (RECORD, [], [], Standstill.NO_REPORTS, []),
        (RECORD, [OURS], LONG[1:], Standstill.DAYS, []),
        (RECORD, [Source("192.0.2.1", Standing.KNOWN, MESSAGES - 1, MESSAGES - 1)], LONG, Standstill.MESSAGES, []),
        (RECORD, [OURS, BROKEN], LONG, Standstill.FAILING, [BROKEN]),
        (RECORD, [OURS, SERVICE, FORWARDER], LONG, Standstill.UNKNOWN, [SERVICE, FORWARDER]),
        (RECORD, [OURS, FORWARDER], LONG, Standstill.NOTHING, []),
        (RECORD, [OURS, FORGED], LONG, Standstill.NOTHING, []),
        (RECORD.replace("none", "quarantine"), [OURS], LONG, Standstill.NOTHING, []),
        (RECORD.replace("none", "reject") + "; t=y", [OURS], LONG, Standstill.NOTHING, []),
        (RECORD.replace("none", "reject") + "; t=y", [OURS, BROKEN], LONG, Standstill.FAILING, [BROKEN]),
        (RECORD.replace("none", "reject"), [OURS, BROKEN], LONG, Standstill.ARRIVED, []),
    ],
)
def test_what_the_next_step_waits_for(
    record: str, sources: Sequence[Source], days: Sequence[Day], standstill: Standstill, hinder: Sequence[Source]
) -> None:
    found = step(record, sources, days)
    assert (found.standstill, list(found.hinder)) == (standstill, list(hinder))
    assert found.earned is (standstill is Standstill.NOTHING)


def test_what_is_counted() -> None:
    found = step(RECORD, [OURS, FORWARDER, FORGED], LONG)
    assert (found.now, found.next, found.days, found.own, found.passing, found.forged) == (
        *("none", "quarantine", DAYS),
        *(1_000, 990, 5_000),
    )
    assert found.text == "v=DMARC1; p=quarantine; rua=mailto:r@a.org"


@pytest.mark.parametrize(
    ("policy", "upcoming"), [("none", "quarantine"), ("quarantine", "quarantine"), ("reject",) * 2]
)
def test_what_is_only_tried_is_meant_before_it_is_stricter(policy: str, upcoming: str) -> None:
    """RFC 9989 §4.7: with t=y quarantine does what none does; from there to reject are two steps."""
    found = step(f"v=DMARC1; p={policy}; t=y", [OURS], LONG)
    assert (found.next, found.text, found.earned) == (upcoming, f"v=DMARC1; p={upcoming}", True)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ("v=DMARC1;p=none", "v=DMARC1; p=reject"),
        ("v=DMARC1; P = quarantine ; sp=none; t=y;", "v=DMARC1; p=reject; sp=none"),
    ],
)
def test_all_else_in_the_record_stays(record: str, text: str) -> None:
    assert stricter(record, "reject") == text
