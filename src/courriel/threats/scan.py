"""The one way in: a message and what is known go in, a report comes out.  Pure: no network, clock, or chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from courriel.formats.message.parse import Part
from courriel.model.threat import Channel, Evidence, Finding, Reason, Report
from courriel.threats import marks as account
from courriel.threats import words
from courriel.threats.read import read
from courriel.threats.signal import Look
from courriel.threats.signals import catalogue, looks
from courriel.threats.view import Arrival, Context, View
from courriel.threats.weigh import SUSPICIOUS_FROM, WORDS, weigh
from courriel.threats.weights import weights

__all__ = ["judge", "scan"]


def scan(
    raw: bytes,
    arrival: Arrival | None = None,
    context: Context | None = None,
    channel: Channel = Channel.MAIL,
    marks: account.Marks | None = None,
    part: Part | None = None,
) -> Report:
    """Never raises.  ``part``: ``raw`` as already parsed.  ``marks``: what the account's reader has marked before."""
    return judge(read(raw, arrival or Arrival(), context or Context(), channel, part), marks)


def judge(view: View, marks: account.Marks | None = None, deep: Iterable[Look] = ()) -> Report:
    """As ``scan``, of a message that is read already.  ``deep`` look as well: they take longer than a server has."""
    found = (*findings(view), *(one for look in deep for one in look(view)))
    table = words.model(view.channel)
    features = words.features(view)
    opinion = words.opinion(features, table)
    own = account.opinion(marks, features) if marks is not None else None
    report = weigh(view.channel, found, opinion, catalogue(), weights(view.channel), own)
    if report.probability < SUSPICIOUS_FROM:
        return report
    return _quoting(report, words.telling(view, table, "malicious"))


def _quoting(report: Report, telling: tuple[Evidence, ...]) -> Report:
    """With the words of the message in the reason of the words."""
    reasons = tuple(
        Reason(replace(one.finding, evidence=telling), one.weight) if one.finding.signal == WORDS else one
        for one in report.reasons
    )
    return replace(report, reasons=reasons)


def findings(view: View) -> Iterator[Finding]:
    """What all signals find, in the order of their list."""
    for look in looks():
        yield from look(view)
