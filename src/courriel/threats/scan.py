"""The one way to a verdict: a message, how it came, what is known → a report.  Pure; no clock, no network, no disk.

The server, the command line and the web page all call this.
"""

from __future__ import annotations

from courriel.formats.message.parse import Part
from courriel.model.threat import Channel, Finding, Report
from courriel.threats.read import read
from courriel.threats.signals import catalogue, looks
from courriel.threats.view import Arrival, Context, View
from courriel.threats.weigh import NOTHING, WordScores, weigh
from courriel.threats.weights import Weights

__all__ = ["findings", "judge", "scan"]

_NOBODY = Arrival()
_NO_CONTEXT = Context()


def scan(
    raw: bytes,
    arrival: Arrival = _NOBODY,
    context: Context = _NO_CONTEXT,
    channel: Channel = Channel.MAIL,
    part: Part | None = None,
    marks: WordScores = NOTHING,
) -> Report:
    """``part`` is ``raw`` parsed, where somebody has done that already.  Never raises for what a message is."""
    return judge(read(raw, arrival, context, channel, part), marks)


def judge(
    view: View, marks: WordScores = NOTHING, words: WordScores = NOTHING, weights: Weights | None = None
) -> Report:
    """The report on a message that was read."""
    return weigh(view.channel, findings(view), catalogue(), words, marks, weights)


def findings(view: View) -> list[Finding]:
    """What all signals see."""
    return [finding for look in looks() for finding in look(view) if finding.strength > 0]
