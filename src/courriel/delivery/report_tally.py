"""Counts what was judged, for reports to those who asked for them.  RFC 9990 §3.1.1."""

from __future__ import annotations

from collections.abc import Callable

from courriel.delivery.failure_reports import FailureReports
from courriel.model.judged_mail import judged_mail
from courriel.model.judgement import Judgement, Ruling
from courriel.model.transit import Transit
from courriel.ports.judged_mails import JudgedMails


class ReportTally:
    """``is_report`` says whether a message is a report for us: of reports nobody is told, or two servers that report to
    each other would never be done.  ``failures`` None: single failures are not told."""

    def __init__(
        self, mails: JudgedMails, is_report: Callable[[Transit], bool], failures: FailureReports | None = None
    ) -> None:
        self._mails = mails
        self._is_report = is_report
        self._failures = failures

    def note(self, transit: Transit, judgement: Judgement, ruling: Ruling) -> None:
        """A message was judged; what was done with it is in ``ruling``."""
        if not judgement.dmarc.record or self._is_report(transit):
            return
        if self._failures is not None:
            self._failures.note(transit, judgement, ruling)
        if not judgement.dmarc.rua:
            return
        envelope = transit.envelope
        self._mails.note(
            judged_mail(judgement, ruling, judgement.origin.iprev.ip, envelope.reverse_path.domain.lower())
        )
