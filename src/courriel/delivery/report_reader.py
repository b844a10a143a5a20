"""Reports of other servers about our domains, read from the mail that brings them.  RFC 9990 §3.2, RFC 8460 §5.3.

The mail is delivered as all mail is; it is read after that, one at a time, in a thread.  Only reports of senders who
are proven count, and only what they say of domains of ours.  Reports that wait are lost in a crash, their mail is not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from courriel.base.errors import CourrielError, FormatError
from courriel.base.log import Level, log
from courriel.base.utc import utc_day
from courriel.delivery.judge import header_length
from courriel.formats.reports import dmarc_report, tls_report
from courriel.formats.reports.dmarc_report import DmarcReport, Row
from courriel.formats.reports.dsn import one_line
from courriel.formats.reports.tls_report import TlsReport
from courriel.model.mail_report import MailReport, Seen, TlsSeen
from courriel.model.transit import Transit
from courriel.model.verdict import Result
from courriel.ports.mail_reports import MailReports

WAITING: Final = 100
"""``reports.waiting``: messages that wait to be read."""

WAITING_OCTETS: Final = 67_108_864
"""``reports.waiting_octets``: of them together; beyond, they are delivered and not read."""

SOURCES: Final = 5_000
"""``reports.sources``: different rows kept of one report; the smallest of more are counted without their address."""

WORD_CHARACTERS: Final = 255
"""``reports.word``: of names in a row."""

COUNT: Final = 1_000_000_000
"""``reports.count``: messages or sessions of a row; more are a mistake, or a lie."""

FUTURE_S: Final = 86_400.0
"""A report of later than tomorrow has its clock wrong."""

_MARKS: Final = (b"report domain:", b"report-id:", b"application/gzip", b"application/zip", b"application/x-zip",
                 b"application/tlsrpt", b"tls-report-domain:", b"application/x-gzip", b"text/xml")  # fmt: skip
"""What a report has in its header or in the first parts.  RFC 9990 §3.2.2, RFC 8460 §5.3."""

MARKS_OCTETS: Final = 16_384
"""``reports.marks_octets``: where it is looked for, behind the header too, since parts say what they are."""

Owner = Callable[[str], str]
"""Our domain that a name is or lies below, "" where there is none."""


class ReportReader:
    """``local`` is the part before @ of the address that our records name; ``domains`` are ours."""

    def __init__(
        self, reports: MailReports, local: str, domains: Callable[[], Iterable[str]], now: Callable[[], float]
    ) -> None:
        self._reports = reports
        self._local = local.lower()
        self._domains = domains
        self._now = now
        self._waiting: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue(WAITING)
        self._octets = 0

    def taken(self, transit: Transit) -> None:
        """A message was delivered: if it looks like a report for us, it waits to be read.  Never waits itself."""
        if not self._is_for_us(transit) or not _looks_like_one(transit.content):
            return
        reporter = proven_sender(transit)
        if not reporter:
            log.event("reports.not_believed", msg=transit.id, sender=str(transit.envelope.reverse_path))
        elif self._waiting.full() or self._octets + len(transit.content) > WAITING_OCTETS:
            log.event("reports.not_read", Level.WARNING, msg=transit.id, why="too many wait")
        else:
            self._octets += len(transit.content)
            self._waiting.put_nowait((transit.id, reporter, transit.content))

    async def run(self) -> None:
        """Read what waits, for ever."""
        while True:
            id, reporter, content = await self._waiting.get()
            try:
                await self._read(id, reporter, content)
            except CourrielError as error:
                log.event("reports.not_read", Level.WARNING, msg=id, why=str(error))
            finally:
                self._octets -= len(content)
                self._waiting.task_done()

    async def drained(self) -> None:
        """Everything that waited has been read."""
        await self._waiting.join()

    async def _read(self, id: str, reporter: str, content: bytes) -> None:
        report = await asyncio.to_thread(_parsed, reporter, content, owner_of(self._domains()))
        if report.day > utc_day(self._now() + FUTURE_S):
            raise FormatError("report", 0, f"of {report.day}, a day to come")
        if not report.seen and not report.tls:
            raise FormatError("report", 0, "of no domain of ours")
        fresh = await self._reports.add(report)
        log.event("reports.read" if fresh else "reports.known", msg=id, reporter=reporter, report=report.id)

    def _is_for_us(self, transit: Transit) -> bool:
        """Mail to the one address; others may have it, too."""
        here = [
            one.address.domain.lower()
            for one in transit.envelope.recipients
            if one.address.local.lower().partition("+")[0] == self._local
        ]
        return bool(here) and not set(here).isdisjoint(self._domains())


def _parsed(reporter: str, content: bytes, owner: Owner) -> MailReport:
    try:
        return of_dmarc(dmarc_report.read_message(content), reporter, owner)
    except FormatError as no_dmarc:
        try:
            return of_tls(tls_report.read_message(content), reporter, owner)
        except FormatError as no_tls:
            raise (no_dmarc if no_tls.rule == "no JSON in it" else no_tls) from None


def _looks_like_one(content: bytes) -> bool:
    length = header_length(content) + MARKS_OCTETS
    start = content[:length].lower()
    return any(mark in start for mark in _MARKS)


def proven_sender(transit: Transit) -> str:
    """The domain a report is from, "" where that is not proven: by DMARC, or where its sender has none by SPF or DKIM.

    RFC 9990 §3.2.1 wants reports to pass.  Mail that nobody judged, from trusted networks, is believed.
    """
    judgement, back = transit.judgement, transit.envelope.reverse_path.domain.lower()
    if judgement is None:
        return back or transit.envelope.client.ip
    if judgement.dmarc.result is Result.PASS:
        return judgement.dmarc.domain
    return back if judgement.dmarc.result is Result.NONE and back and judgement.proves(back) else ""


def of_dmarc(report: DmarcReport, reporter: str, owner: Owner) -> MailReport:
    """A report as it is kept.  Its day is that of the middle of its span; ours are domains and all below them."""
    domain = owner(report.policy.domain)
    day = _day((report.begin + max(report.begin, report.end)) / 2)
    counts: Counter[Seen] = Counter()
    for row in report.rows if domain else ():
        counts[_seen(row, day, domain, reporter)] += min(row.count, COUNT)
    kept: Counter[Seen] = Counter()
    for number, (seen, count) in enumerate(counts.most_common()):
        kept[seen if number < SOURCES else msgspec.structs.replace(seen, ip="", other="")] += count
    rows = tuple([msgspec.structs.replace(seen, count=count) for seen, count in kept.items() if count])
    return MailReport(reporter, f"dmarc {report.report_id}", day, seen=rows)


def _seen(row: Row, day: str, domain: str, reporter: str) -> Seen:
    passed = [one.domain.lower() for one in row.dkim_results if one.result == "pass"]
    passed += [one.domain.lower() for one in row.spf_results if one.result == "pass"]
    other = "" if "pass" in (row.dkim, row.spf) else next((_word(one) for one in passed if one), "")
    disposition = row.disposition if row.disposition in ("none", "pass", "quarantine", "reject") else ""
    return Seen(day, domain, row.source_ip, reporter, disposition, row.dkim == "pass", row.spf == "pass", other, 0)


def of_tls(report: TlsReport, reporter: str, owner: Owner) -> MailReport:
    """A report as it is kept; policies of names that are not ours are left out."""
    span = report.date_range
    day = _day((span.start_datetime.timestamp() + span.end_datetime.timestamp()) / 2)
    counts: Counter[TlsSeen] = Counter()
    for one in report.policies:
        # RFC 8460 §4.4: of DANE it is the name of a server; that may be ours, too.
        domain = owner(one.policy.policy_domain.lower().removesuffix("."))
        if not domain:
            continue
        policy = _word(one.policy.policy_type)
        good = TlsSeen(day, domain, reporter, policy, "", 0)
        counts[good] += _count(one.summary.total_successful_session_count)
        for failure in one.failure_details:
            bad = TlsSeen(day, domain, reporter, policy, _word(failure.result_type) or "failed", 0)
            counts[bad] += _count(failure.failed_session_count)
    rows = [msgspec.structs.replace(seen, sessions=count) for seen, count in counts.most_common(SOURCES) if count]
    return MailReport(reporter, f"tls {one_line(report.report_id, WORD_CHARACTERS)}", day, tls=tuple(rows))


def _day(seconds: float) -> str:
    """Raises FormatError."""
    try:
        return utc_day(seconds)
    except (ValueError, OverflowError, OSError):
        raise FormatError("report", 0, "a date beyond all days") from None


def _count(sessions: int) -> int:
    return min(max(0, sessions), COUNT)


def _word(text: str) -> str:
    return one_line(text, WORD_CHARACTERS)


def owner_of(domains: Iterable[str]) -> Owner:
    """Which of ``domains`` a name belongs to, the longest first."""
    ours = frozenset(domains)

    def owner(name: str) -> str:
        labels = name.lower().removesuffix(".").split(".")
        return next((up for n in range(len(labels)) if (up := ".".join(labels[n:])) in ours), "")

    return owner
