"""The messages that carry reports of ours.

DMARC   multipart/mixed: a line of text, application/gzip          RFC 9990 §3.2
TLS     multipart/report; report-type=tlsrpt: text, application/tlsrpt+gzip; TLS-Required: No     RFC 8460 §3, §5.3
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from courriel.base.utc import utc_span
from courriel.formats.message.build import Attachment, Draft, Person, build, file_part, header, multipart, text_part
from courriel.formats.path import Path
from courriel.formats.reports.dmarc_report import DmarcReport
from courriel.model.envelope import Address

_AUTOMATIC: Final = (("Auto-Submitted", "auto-generated"),)
"""RFC 3834 §5: nobody answers it."""


class Letter(msgspec.Struct, frozen=True):
    """A report for several addresses."""

    draft: Draft
    seed: str
    is_tls: bool

    def to(self, path: Path) -> bytes:
        """The message to one of them; each has its own Message-ID."""
        id = f"<{_digest(self.seed + path.address)}{self.draft.message_id}"
        own = msgspec.structs.replace(self.draft, to=(Person("", path),), message_id=id)
        if not self.is_tls:
            return build(own, self.seed)
        parts = [text_part(b"text/plain", own.text), *map(file_part, own.attachments)]
        return header(own) + multipart(b"report; report-type=tlsrpt", parts, "r", self.seed)


def dmarc_letter(report: DmarcReport, packed: bytes, hostname: str, author: Address, at: datetime) -> Letter:
    """RFC 9990 §3.2.2, §3.2.3: the names of the file and of the subject."""
    domain = report.policy.domain
    seed = _digest(report.report_id)
    name = f"{hostname}!{domain}!{report.begin}!{report.end}!{seed[:8]}.xml.gz"
    subject = f"Report Domain: {domain} Submitter: {hostname} Report-ID: <{report.report_id}>"
    text = f"This is a DMARC aggregate report on {domain}, made by {hostname}: mail in its name that came here.\n"
    draft = _draft(hostname, author, at, subject, text, Attachment(name, packed, "application/gzip"), ())
    return Letter(draft, seed, False)


def tls_letter(
    report: Mapping[str, Any], packed: bytes, domain: str, day: str, hostname: str, author: Address, at: datetime
) -> Letter:
    """RFC 8460 §5.1, §5.3."""
    id = str(report["report-id"])
    seed = _digest(f"tls {id}")
    begin, end = utc_span(day)
    name = f"{hostname}!{domain}!{begin}!{end}!{seed[:8]}.json.gz"
    subject = f"Report Domain: {domain} Submitter: {hostname} Report-ID: <{id}>"
    text = f"This is an aggregate report on TLS sessions with the mail servers of {domain}, made by {hostname}.\n"
    extra = (("TLS-Report-Domain", domain), ("TLS-Report-Submitter", hostname), ("TLS-Required", "No"))
    attachment = Attachment(name, packed, "application/tlsrpt+gzip")
    return Letter(_draft(hostname, author, at, subject, text, attachment, extra), seed, True)


def _draft(
    hostname: str,
    author: Address,
    at: datetime,
    subject: str,
    text: str,
    attachment: Attachment,
    extra: tuple[tuple[str, str], ...],
) -> Draft:
    """The Message-ID's left half comes with the address it goes to."""
    sender = Person("", Path(author.local, author.domain))
    return Draft(
        sender, at, f"@{hostname}>", subject=subject, text=text, attachments=(attachment,), extra=_AUTOMATIC + extra
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:24]
