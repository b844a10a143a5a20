"""Counts what was judged, for reports to those who asked for them.  RFC 9990 §3.1.1."""

from __future__ import annotations

import re
from typing import Final

from courriel.delivery.failure_reports import FailureReports
from courriel.delivery.judge import header_length
from courriel.model.judged_mail import judged_mail
from courriel.model.judgement import Judgement, Ruling
from courriel.model.transit import Transit
from courriel.ports.judged_mails import JudgedMails

_REPORT: Final = re.compile(rb"^subject[ \t]*+:[^\n]*?report domain:", re.IGNORECASE | re.MULTILINE)
"""The subject of a report by mail.  RFC 9990 §3.2.3, RFC 8460 §5.3."""


def is_report(content: bytes) -> bool:
    """Of reports nobody is told, or two servers that report to each other would never be done."""
    return _REPORT.search(content, 0, header_length(content)) is not None


class ReportTally:
    """``failures`` None: single failures are not told."""

    def __init__(self, mails: JudgedMails, failures: FailureReports | None = None) -> None:
        self._mails = mails
        self._failures = failures

    def note(self, transit: Transit, judgement: Judgement, ruling: Ruling) -> None:
        """A message was judged; what was done with it is in ``ruling``."""
        if not judgement.dmarc.record or is_report(transit.content):
            return
        if self._failures is not None:
            self._failures.note(transit, judgement, ruling)
        if not judgement.dmarc.rua:
            return
        envelope = transit.envelope
        self._mails.note(
            judged_mail(judgement, ruling, judgement.origin.iprev.ip, envelope.reverse_path.domain.lower())
        )
