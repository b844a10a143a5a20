"""Reports of ours to the owners of other domains: what was judged of their mail, how TLS sessions with them went.

    counts of a day → record asked anew → who may have it → document → message → queue → noted as sent

RFC 9990 §3 (DMARC, daily, by mail), §4 (whether an address of somebody else's wants it); RFC 8460 §3, §5.3.  They leave
with the null reverse-path, so that nothing comes back for them, and signed.  A domain whose DNS does not answer, or
whose report cannot be taken now, has its turn at the next try of the day; the others do not wait for it.  Reports over
HTTPS are not made: nobody's record makes this server call an address.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, Protocol

import msgspec

from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.base.utc import utc_span
from courriel.delivery.report_letter import Letter, dmarc_letter, tls_letter
from courriel.delivery.report_target import willing
from courriel.delivery.tls_report import tls_reports
from courriel.formats.report_uri import Mailbox, mailboxes, tls_rua
from courriel.formats.reports.dmarc_report import DkimRow, DmarcReport, Published, Reason, Row, SpfRow
from courriel.formats.reports.dmarc_report_write import render
from courriel.mailauth import dmarc_record
from courriel.mailauth.dmarc_record import Policy
from courriel.model.envelope import Address, Recipient
from courriel.model.notify import NEVER
from courriel.model.sent_report import SentReport
from courriel.model.transit import Fate, Receipt
from courriel.ports.judged_mails import JudgedCount, JudgedMails
from courriel.ports.resolver import Resolver
from courriel.ports.tls_reports import TlsReports

DMARC, TLS = "dmarc", "tls"

ROWS: Final = 10_000
"""``reports.sent_rows``: of one report; the rarest of more are left out, and the report says so."""

NOBODY: Final = "no address that may have it"


class HandIn(Protocol):
    async def __call__(self, recipient: Recipient, content: bytes, *, tls_optional: bool = False) -> Receipt: ...


class ReportSender:
    """``author`` is the address reports are from, None while there is no domain of ours; to ``spared`` domains none are
    sent."""

    def __init__(
        self,
        mails: JudgedMails,
        sessions: TlsReports,
        resolver: Resolver,
        hand_in: HandIn,
        hostname: str,
        author: Callable[[], Address | None],
        now: Callable[[], float],
        spared: Iterable[str] = (),
    ) -> None:
        self._mails, self._sessions = mails, sessions
        self._resolver = resolver
        self._hand_in = hand_in
        self._hostname = hostname
        self._author = author
        self._now = now
        self._spared = frozenset(one.lower() for one in spared)

    async def send(self, day: str) -> Sequence[SentReport]:
        """All that is to be told of a UTC day that is over, and was not yet.  Raises Unavailable, Damaged."""
        author = self._author()
        if author is None:
            return []
        done = {(one.kind, one.domain) for one in await self._mails.sent(day) if one.day == day}
        sent: list[SentReport] = []
        for domain, counts in groupby(await self._mails.counts(day), key=lambda one: one.mail.domain):
            if (DMARC, domain) not in done and domain not in self._spared:
                sent += await self._try(DMARC, domain, self._dmarc(day, domain, list(counts), author))
        for domain, report in tls_reports(await self._sessions.tallies(day), day, self._hostname).items():
            if (TLS, domain) not in done and domain not in self._spared:
                sent += await self._try(TLS, domain, self._tls(day, domain, report, author))
        return sent

    async def _try(
        self, kind: str, domain: str, work: Coroutine[Any, Any, Sequence[SentReport]]
    ) -> Sequence[SentReport]:
        try:
            sent = await work
        except CourrielError as failure:
            log.event("reports.not_sent", Level.WARNING, kind=kind, domain=domain, why=str(failure))
            return []
        await self._mails.note_sent(sent)
        for one in sent:
            log.event("reports.sent", kind=kind, domain=domain, to=one.to, rows=one.rows, problem=one.problem)
        return sent

    async def _dmarc(
        self, day: str, domain: str, counts: Sequence[JudgedCount], author: Address
    ) -> Sequence[SentReport]:
        answer = await self._resolver.txt(f"_dmarc.{domain}")
        policy = dmarc_record.find(answer.records)
        if policy is None:
            return [self._nothing(day, DMARC, domain, "its record is gone")]
        wanted = [await willing(domain, one, self._resolver) for one in mailboxes(policy.rua)]
        boxes = [one for one in wanted if one is not None]
        report = dmarc_report(counts, policy, domain, day, self._hostname, author)
        packed = gzip.compress(render(report), mtime=0)
        letter = dmarc_letter(report, packed, self._hostname, author, self._moment())
        return await self._post(day, DMARC, domain, boxes, letter, len(report.rows))

    async def _tls(self, day: str, domain: str, report: Mapping[str, Any], author: Address) -> Sequence[SentReport]:
        answer = await self._resolver.txt(f"_smtp._tls.{domain}")
        boxes = tls_rua(answer.records)
        if not boxes:
            return [self._nothing(day, TLS, domain, NOBODY)]
        packed = gzip.compress(msgspec.json.encode(report), mtime=0)
        letter = tls_letter(report, packed, domain, day, self._hostname, author, self._moment())
        return await self._post(day, TLS, domain, boxes, letter, len(report["policies"]))

    async def _post(
        self, day: str, kind: str, domain: str, boxes: Sequence[Mailbox], letter: Letter, rows: int
    ) -> Sequence[SentReport]:
        """To each address.  Raises what kept it from the last, where none was settled: then all have another turn."""
        sent, not_now = list[SentReport](), list[CourrielError]()
        for box in boxes:
            content = letter.to(box.path)
            try:
                problem = await self._put(box, content, kind)
            except CourrielError as error:
                not_now.append(error)
                problem = str(error)
            sent.append(SentReport(day, kind, domain, box.uri, self._now(), rows, len(content), problem))
        if not_now and len(not_now) == len(sent):
            raise not_now[-1]
        return sent or [self._nothing(day, kind, domain, NOBODY)]

    async def _put(self, box: Mailbox, content: bytes, kind: str) -> str:
        """Why it was not taken for good, "" where it was.  Raises Unavailable, OverQuota, TryLater."""
        if box.octets and len(content) > box.octets:
            return f"larger than {box.octets} octets"
        recipient = Recipient(Address(box.path.local, box.path.domain), NEVER)
        receipt = await self._hand_in(recipient, content, tls_optional=kind == TLS)
        return "; ".join([str(one.refusal) for one in receipt.outcomes if one.fate is Fate.REFUSED])

    def _nothing(self, day: str, kind: str, domain: str, problem: str) -> SentReport:
        return SentReport(day, kind, domain, "", self._now(), 0, 0, problem)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def dmarc_report(
    counts: Sequence[JudgedCount], policy: Policy, domain: str, day: str, hostname: str, author: Address
) -> DmarcReport:
    """The report on a domain for a UTC day: the most frequent rows first, ROWS at most."""
    begin, end = utc_span(day)
    ordered = sorted(counts, key=lambda one: -one.count)
    left_out = sum(one.count for one in ordered[ROWS:])
    published = Published(
        domain, policy.p or "none", policy.sp, policy.np, "s" if policy.strict_dkim else "r",
        "s" if policy.strict_spf else "r", policy.testing, "", "treewalk",
    )  # fmt: skip
    return DmarcReport(
        hostname,
        str(author),
        f"{day}.{domain}@{hostname}",
        begin,
        end,
        published,
        tuple([_row(one) for one in ordered[:ROWS]]),
        "1.0",
        errors=(f"{left_out} messages of rare rows are left out",) if left_out else (),
        generator="Courriel",
    )


def _row(one: JudgedCount) -> Row:
    mail = one.mail
    return Row(
        mail.ip,
        one.count,
        mail.disposition,
        "pass" if mail.dkim else "fail",
        "pass" if mail.spf else "fail",
        mail.author,
        mail.envelope,
        reasons=(Reason(mail.reason),) if mail.reason else (),
        dkim_results=tuple([DkimRow(sign.domain, sign.selector, sign.result) for sign in mail.signatures]),
        spf_results=(SpfRow(mail.spf_domain, mail.spf_scope, mail.spf_result),),
    )
