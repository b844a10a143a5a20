"""Counts of TLS sessions in memory.  Fulfils ``ports/tls_reports.py: TlsReports``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from courriel.base.clock import Clock
from courriel.base.utc import utc_day
from courriel.model.tls_session import TlsSession
from courriel.ports.tls_reports import Tally


class MemoryTlsReports:
    """Nothing is ever forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[tuple[str, TlsSession]] = Counter()

    def note(self, session: TlsSession) -> None:
        self._counts[utc_day(self._clock.now()), session] += 1

    async def tallies(self, day: str) -> Sequence[Tally]:
        found = [Tally(session, count) for (on, session), count in self._counts.items() if on == day]
        return sorted(found, key=_order)


def _order(tally: Tally) -> tuple[str, ...]:
    session = tally.session
    subject = session.subject
    return (subject.domain, subject.type.value, "\n".join(subject.policy), session.result, session.mx, session.ip)
