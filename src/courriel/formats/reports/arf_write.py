"""A report on one message whose author was not proven.  RFC 5965 §2, §3; RFC 6591 §3 (auth-failure).

    multipart/report; report-type=feedback-report
        text/plain, message/feedback-report, text/rfc822-headers

What is given of the message is up to the caller: the header fields he hands in, and no body.
"""

from __future__ import annotations

from collections.abc import Iterator

from courriel.formats import dates
from courriel.formats.message.build import Draft, header, multipart, text_part
from courriel.formats.reports.arf import Feedback
from courriel.formats.reports.dsn import one_line

__all__ = ["write"]


def write(draft: Draft, feedback: Feedback, fields: bytes, seed: str) -> bytes:
    """The whole message with CRLF line ends; header and text of ``draft``.

    ``fields`` are header fields of the message that is reported, each with its line end; ``seed`` makes the boundary.
    """
    report = b"".join([_field(name, value) for name, value in _fields(feedback)])
    parts = [
        text_part(b"text/plain", draft.text),
        b"Content-Type: message/feedback-report\r\n\r\n" + report,
        text_part(b"text/rfc822-headers", fields.decode("utf-8", "replace")),
    ]
    return header(draft) + multipart(b"report; report-type=feedback-report", parts, "f", seed)


def _field(name: str, value: str) -> bytes:
    return f"{name}: {one_line(value)}\r\n".encode("ascii", "replace")


def _fields(feedback: Feedback) -> Iterator[tuple[str, str]]:
    yield "Feedback-Type", feedback.kind
    yield "User-Agent", feedback.user_agent
    yield "Version", feedback.version
    if feedback.auth_failure:
        yield "Auth-Failure", feedback.auth_failure
    if feedback.arrived_at is not None:
        yield "Arrival-Date", dates.render(feedback.arrived_at).decode("ascii")
    if feedback.original_mail_from:
        yield "Original-Mail-From", f"<{feedback.original_mail_from}>"
    if feedback.reporting_mta:
        yield "Reporting-MTA", f"dns; {feedback.reporting_mta}"
    if feedback.source_ip:
        yield "Source-IP", feedback.source_ip
    for domain in feedback.reported_domains:
        yield "Reported-Domain", domain
    for result in feedback.authentication_results:
        yield "Authentication-Results", result
    if feedback.delivery_result:
        yield "Delivery-Result", feedback.delivery_result
    if feedback.identity_alignment:
        yield "Identity-Alignment", feedback.identity_alignment
