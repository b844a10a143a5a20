"""Reports of other servers in memory.  Fulfils ``ports/mail_reports.py: MailReports``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from courriel.base.clock import Clock
from courriel.base.utc import utc_day
from courriel.model.mail_report import MailReport, Seen, TlsSeen


class MemoryMailReports:
    """``keep_s`` is how long days are kept, ``rows`` how many different ones."""

    def __init__(self, clock: Clock, keep_s: float, rows: int) -> None:
        self._clock, self._keep_s, self._rows = clock, keep_s, rows
        self._known: set[tuple[str, str]] = set()
        self._seen: Counter[Seen] = Counter()
        self._tls: Counter[TlsSeen] = Counter()

    async def add(self, report: MailReport) -> bool:
        key = (report.reporter, report.id)
        oldest = utc_day(max(0.0, self._clock.now() - self._keep_s))
        self._seen = Counter({row: count for row, count in self._seen.items() if row.day >= oldest})
        self._tls = Counter({row: count for row, count in self._tls.items() if row.day >= oldest})
        kept = len(self._seen) + len(self._tls)
        if key in self._known or report.day < oldest or kept + len(report.seen) + len(report.tls) > self._rows:
            return False
        self._known.add(key)
        for row in report.seen:
            self._seen[msgspec.structs.replace(row, count=0)] += row.count
        for one in report.tls:
            self._tls[msgspec.structs.replace(one, sessions=0)] += one.sessions
        return True

    async def seen(self, domain: str, since: str) -> Sequence[Seen]:
        rows = [msgspec.structs.replace(row, count=count) for row, count in self._seen.items()]
        wanted = [row for row in rows if row.day >= since and domain in ("", row.domain)]
        return sorted(wanted, key=lambda row: msgspec.structs.astuple(row))

    async def tls(self, domain: str, since: str) -> Sequence[TlsSeen]:
        rows = [msgspec.structs.replace(row, sessions=count) for row, count in self._tls.items()]
        wanted = [row for row in rows if row.day >= since and domain in ("", row.domain)]
        return sorted(wanted, key=lambda row: msgspec.structs.astuple(row))
