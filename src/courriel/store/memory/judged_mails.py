"""Counts of judged mail in memory.  Fulfils ``ports/judged_mails.py: JudgedMails``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from courriel.base.clock import Clock
from courriel.base.utc import utc_day
from courriel.model.judged_mail import JudgedMail
from courriel.model.sent_report import SentReport
from courriel.ports.judged_mails import JudgedCount


class MemoryJudgedMails:
    """Nothing is ever forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[tuple[str, JudgedMail]] = Counter()
        self._sent: dict[tuple[str, str, str, str], SentReport] = {}

    def note(self, mail: JudgedMail) -> None:
        self._counts[utc_day(self._clock.now()), mail] += 1

    async def counts(self, day: str) -> Sequence[JudgedCount]:
        found = [JudgedCount(mail, count) for (on, mail), count in self._counts.items() if on == day]
        return sorted(found, key=lambda one: (one.mail.domain, msgspec.msgpack.encode(one.mail)))

    async def note_sent(self, reports: Sequence[SentReport]) -> None:
        self._sent |= {(one.day, one.kind, one.domain, one.to): one for one in reports}

    async def sent(self, since: str) -> Sequence[SentReport]:
        return [one for key, one in sorted(self._sent.items()) if one.day >= since]
