"""How far a domain is on the way none → quarantine → reject, and whether reports have earned the next step.  Pure.

RFC 9989 §7.1 (how a domain comes to a policy): watch with p=none, set up all who send rightfully, then be stricter.  A
step is earned when reports cover enough days and mail, nearly all mail of the domain's own senders passes, and next to
nothing comes from senders of whom it is not known whether they are the domain's.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from courriel.zones import dmarc
from courriel.zones.report_table import Day, Source, Standing

DAYS: Final = 14
"""``dmarc_step.days``: with reports; two weeks have what is sent weekly twice."""

MESSAGES: Final = 30
"""``dmarc_step.messages``: of the domain's own senders; of fewer nothing can be said."""

PASSING: Final = 0.98
"""``dmarc_step.passing``: of the own senders' mail.  Forwarders and lists break one or two in a hundred."""

UNKNOWN: Final = 0.02
"""``dmarc_step.unknown``: mail of senders that pass for another domain, as a share of all that passes for some."""

_NEXT: Final = {"": "none", "none": "quarantine", "quarantine": "reject", "reject": ""}


class Standstill(Enum):
    """What the next step waits for."""

    NOTHING = "nothing"
    NO_RECORD = "no record"
    NO_REPORTS = "no reports"
    DAYS = "days"
    MESSAGES = "messages"
    FAILING = "failing"
    """Own senders whose mail does not pass."""
    UNKNOWN = "unknown"
    """Senders that may be the domain's."""
    ARRIVED = "arrived"


class Step(msgspec.Struct, frozen=True):
    """Where a domain stands.  ``own`` and ``passing`` are messages of its own senders; ``text`` is the record of the
    next step, "" where there is none; ``hinder`` are the sources that stand in its way, the busiest first."""

    now: str
    next: str
    text: str
    standstill: Standstill
    days: int
    own: int
    passing: int
    forged: int
    hinder: tuple[Source, ...] = ()

    @property
    def earned(self) -> bool:
        return self.standstill is Standstill.NOTHING


def step(record: str, sources: Sequence[Source], days: Sequence[Day]) -> Step:
    """``record`` is what stands at ``_dmarc``, "" for nothing; the rest is what reports said of the last weeks."""
    tags = dmarc.tags(record) if record else {}
    now = tags.get("p", "").lower()
    # With t=y receivers do what is one step milder (RFC 9989 §4.7): the next step is that it is meant.
    is_test = tags.get("t", "").lower() == "y" and now in ("quarantine", "reject")
    upcoming = now if is_test else _NEXT.get(now, "none")
    own = [one for one in sources if one.standing is Standing.KNOWN]
    unknown = [one for one in sources if one.standing is Standing.UNKNOWN]
    failing = [one for one in own if one.aligned < one.messages * PASSING]
    messages, passing = sum(one.messages for one in own), sum(one.aligned for one in own)
    strangers = sum(one.messages for one in unknown)
    hinder: Sequence[Source] = ()
    if not now:
        why = Standstill.NO_RECORD
    elif not upcoming:
        why = Standstill.ARRIVED
    elif not days:
        why = Standstill.NO_REPORTS
    elif passing < messages * PASSING:
        why, hinder = Standstill.FAILING, failing
    elif strangers > (messages + strangers) * UNKNOWN:
        why, hinder = Standstill.UNKNOWN, unknown
    elif len(days) < DAYS:
        why = Standstill.DAYS
    elif messages < MESSAGES:
        why = Standstill.MESSAGES
    else:
        why = Standstill.NOTHING
    forged = sum(one.messages for one in sources if one.standing is Standing.FORGED)
    text = stricter(record, upcoming) if now and upcoming else ""
    return Step(now, upcoming, text, why, len(days), messages, passing, forged, tuple(hinder))


def stricter(record: str, policy: str) -> str:
    """The record with another p; all else in it stays, but for t=y, which would take the step back (RFC 9989 §4.7)."""
    kept = [part.strip() for part in record.split(";") if part.strip()]
    said = [f"p={policy}" if part.partition("=")[0].strip().lower() == "p" else part for part in kept]
    return "; ".join([part for part in said if part.partition("=")[0].strip().lower() != "t"])
