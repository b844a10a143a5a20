"""What was judged of other domains' mail, counted by UTC day until it is reported, and the reports that went out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from courriel.model.judged_mail import JudgedMail
from courriel.model.sent_report import SentReport


class JudgedCount(msgspec.Struct, frozen=True):
    """So many messages that were alike."""

    mail: JudgedMail
    count: int


class JudgedMails(Protocol):
    """They are statistics: what was counted in the last second may be gone after a crash."""

    def note(self, mail: JudgedMail) -> None:
        """Count a message for today.  Never waits, never raises; beyond the bounds of a day it is dropped."""
        ...

    async def counts(self, day: str) -> Sequence[JudgedCount]:
        """Those of a UTC day ("2026-11-24"), by domain.  Raises Unavailable, Damaged."""
        ...

    async def note_sent(self, reports: Sequence[SentReport]) -> None:
        """Durable when it returns: no report goes out twice.  Raises Unavailable, Damaged."""
        ...

    async def sent(self, since: str) -> Sequence[SentReport]:
        """Reports that tell of this UTC day or a later one, by day, kind, domain.  Raises Unavailable, Damaged."""
        ...
