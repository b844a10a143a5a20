"""Step ``scan``: what a message from elsewhere is after, and what follows from it.

    read → signals → report → a field before the message, an event for its journey
    malicious, and probability ≥ junk_at     among the junk of people here
    suspicious, and probability ≥ words_at   so, too
    malicious, and probability ≥ refuse_at   refused in the session, with the reason in plain words

Mail of this house, of devices and of trusted networks is not looked at.  The message is read on the loop where it is
short, and in a thread where that would take the loop longer than a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from courriel.base.log import Level as LogLevel
from courriel.base.log import log
from courriel.delivery import verdict_field
from courriel.delivery.acquaintance import author_of
from courriel.delivery.judge import header_length
from courriel.model.refusals import FilterVerdict
from courriel.model.threat import Channel, Kind, Level, Report
from courriel.model.transit import Transit
from courriel.threats.marks import Marks
from courriel.threats.scan import scan
from courriel.threats.view import Arrival, Context

SHORT_OCTETS: Final = 65_536
"""``threats.short``: up to this a message is read on the loop; 12 KB take about a millisecond."""

AT_ONCE: Final = 2
"""``threats.at_once``: longer ones that are read at the same time."""

EVERYWHERE: Final = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities; 0: never."""

    junk_at: float = 0.8
    """From here on a malicious message goes among the junk: 0.1 to 0.7 % of good mail in the corpora (4 % of the
    commercial kind), 70 % of trap mail."""
    words_at: float = 0.95
    """The same for what is only suspicious, mostly by its words: these know little of good newsletters yet, so that 1 %
    of ordinary good mail that was never learnt from and 10 % of the commercial kind are above it."""
    refuse_at: float = 0.0
    """From here on a malicious one is refused: the sender of a good one is told why, which the reader of a junk
    mailbox often is not; but nobody can look at what was refused."""


@dataclass(frozen=True, slots=True)
class ThreatSettings:
    """``by_domain``: thresholds of recipients' domains, "" for all others."""

    by_domain: Mapping[str, Thresholds] = field(default_factory=lambda: {EVERYWHERE: Thresholds()})

    def of(self, domains: set[str]) -> Thresholds:
        """Those that hold for all recipients of one message: of each the more careful one, which does less harm."""
        usual = self.by_domain.get(EVERYWHERE, Thresholds())
        held = [self.by_domain.get(domain, usual) for domain in domains] or [usual]
        return Thresholds(
            _highest([one.junk_at for one in held]),
            _highest([one.words_at for one in held]),
            _highest([one.refuse_at for one in held]),
        )


def _highest(values: list[float]) -> float:
    """0, never, is above all."""
    return 0.0 if 0.0 in values else max(values)


class ThreatScan:
    """``house`` tells what is known of the people here and by them, for recipients' addresses and the author's;
    ``marks`` what the one reader of a message has taught, None where there are several or nothing was taught."""

    def __init__(
        self,
        settings: ThreatSettings,
        house: Callable[[tuple[str, ...], str], Context],
        hostname: str,
        marks: Callable[[tuple[str, ...]], Marks | None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._house = house
        self._marks = marks
        self._hostname = hostname
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def scan(self, transit: Transit) -> None:
        """Write what is found into ``transit``.  Raises FilterVerdict."""
        transit.content = verdict_field.without(transit.content, header_length(transit.content))
        recipients = tuple([str(one.address) for one in transit.envelope.recipients])
        known = (
            _arrival(transit, recipients),
            self._house(recipients, author_of(transit.content)),
            Channel.MAIL,
            self._marks(recipients),
        )
        if len(transit.content) <= SHORT_OCTETS:
            report = scan(transit.content, *known)
        else:
            async with self._turns:
                report = await asyncio.to_thread(scan, transit.content, *known)
        transit.spam, transit.virus = levels(report)
        transit.verdict_fields += verdict_field.render(report, self._hostname)
        self._decide(transit, report)

    def _decide(self, transit: Transit, report: Report) -> None:
        domains = {one.address.domain.lower() for one in transit.envelope.recipients}
        thresholds = self._settings.of(domains)
        refused = report.level is Level.MALICIOUS and 0.0 < thresholds.refuse_at <= report.probability
        junk_at = thresholds.junk_at if report.level is Level.MALICIOUS else thresholds.words_at
        junk = 0.0 < junk_at <= report.probability and report.kind is not None
        _tell(transit, report, "refuse" if refused else "junk" if junk or transit.junk else "accept")
        if refused:
            raise FilterVerdict(_why(report), 550, "5.7.1", _lines(report, self._hostname))
        if junk and not transit.junk:
            transit.junk = _why(report)


def _arrival(transit: Transit, recipients: tuple[str, ...]) -> Arrival:
    client, judgement = transit.envelope.client, transit.judgement
    return Arrival(
        judgement.origin.iprev.ip if judgement is not None else client.ip,  # behind relays of ours, if there are any
        client.helo,
        judgement.origin.iprev.name if judgement is not None else "",
        str(transit.envelope.reverse_path),
        recipients,
        bool(client.tls),
        judgement,
    )


def levels(report: Report) -> tuple[int, int]:
    """For scripts (RFC 5235 §2, §3.2): spam 1 to 10; virus 0 where no file looked like one, 4 possible, 5 certain."""
    virus = 0
    if report.kind is Kind.MALWARE:
        virus = 5 if report.level is Level.MALICIOUS else 4
    return 1 + round(9 * report.probability), virus


def _why(report: Report) -> str:
    """For the log and the journey."""
    name = report.kind.value if report.kind is not None else report.level.value
    return f"{name}: {', '.join(reason.finding.signal for reason in report.deciding)}"


def _lines(report: Report, hostname: str) -> tuple[str, ...]:
    """What the sender of a good message has to know."""
    return f"Refused: {_why(report)}", f"If that is wrong, write to postmaster@{hostname} by another way"


def _tell(transit: Transit, report: Report, decision: str) -> None:
    """The journey has it too; a word of the message itself is in no log."""
    log.event(
        "delivery.scanned",
        LogLevel.INFO,
        msg=transit.id,
        found=report.level.value,
        kind=report.kind.value if report.kind is not None else "",
        probability=round(report.probability, 3),
        signals=",".join(reason.finding.signal for reason in report.deciding),
        decision=decision,
    )
