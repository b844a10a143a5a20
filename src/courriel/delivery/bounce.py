"""The report that a sender gets: what was not delivered, is late, or arrived as asked.  RFC 3461 §4–6, RFC 3464.

Pure: a message of the queue, the attempts and the original octets in; the octets of the report out, or None where
nobody may be told: a report has the null reverse-path and is answered by none (RFC 5321 §6.1), and RCPT's NOTIFY
decides who wants which kind (RFC 3461 §4.1).  One report tells of all recipients handed over at once.  Its words are
``bounce_text``'s business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from courriel.delivery import bounce_text
from courriel.delivery.bounce_text import Case, Origin, Story, Tried
from courriel.delivery.explain import is_reply
from courriel.delivery.notices import mailer_daemon
from courriel.formats.message.build import Draft, Person
from courriel.formats.message.canonical import has_bare_cr_or_lf
from courriel.formats.message.fields import first, message_fields
from courriel.formats.message.parse import header_end
from courriel.formats.path import parse_address
from courriel.formats.reports.dsn import Action, RecipientReport, Report, Returned, Typed, unescape, write
from courriel.model import notify
from courriel.model.attempt import Attempt
from courriel.model.envelope import Recipient
from courriel.model.queued import Queued

__all__ = ["Origin", "Tried", "delay_report", "failure_report", "success_report"]

RETURNED_OCTETS: Final = 65_536
"""``bounce.returned_octets``: longer messages come back as their header, even with RET=FULL: a report must not be the
second large message of a sender who may be forged, and the sender has the original."""
RETURNED_HEADER_OCTETS: Final = 16_384
"""``bounce.returned_header_octets``: of a header that comes back alone; cut between two fields."""
LINE_OCTETS: Final = 998
"""RFC 5322 §2.1.1; a message with longer lines cannot be put into another one as it is."""
OWN_DIAGNOSTIC: Final = "x-courriel"
"""The type of a Diagnostic-Code in our own words (RFC 3464 §2.1.2: types not registered begin with X-)."""


def failure_report(message: Queued, tried: Sequence[Tried], content: bytes, origin: Origin) -> bytes | None:
    """For recipients who will not get the message: attempts that failed, or were deferred once too often.

    ``content`` is the message as queued.  None: nobody is to be told.  The caller sends the octets from ``<>`` to the
    message's reverse-path, with SMTPUTF8 where their header needs it, as 8BITMIME where they are not ASCII.
    """
    return _report(Story.FAILURE, message, tried, content, origin)


def delay_report(
    message: Queued, tried: Sequence[Tried], content: bytes, origin: Origin, *, retry_until: float
) -> bytes | None:
    """For recipients who have to wait; ``retry_until`` is when we give up (POSIX seconds).  Else as above."""
    return _report(Story.DELAY, message, tried, content, origin, retry_until)


def success_report(message: Queued, tried: Sequence[Tried], content: bytes, origin: Origin) -> bytes | None:
    """For recipients who got the message, or whose server has it and does not report (RFC 3461 §5.2.2).

    Where the other side knows DSN, reporting is its task, and the recipient is left out here (RFC 3461 §5.2.1).
    """
    ours = [one for one in tried if notify.is_success_owed(message, one.recipient, one.attempt)]
    return _report(Story.SUCCESS, message, ours, content, origin)


def _report(
    story: Story,
    message: Queued,
    tried: Sequence[Tried],
    content: bytes,
    origin: Origin,
    retry_until: float | None = None,
) -> bytes | None:
    told = tuple(
        [
            one
            for one in tried
            if notify.is_owed(story.word, message.reverse_path, one.recipient)
            or (story is Story.SUCCESS and notify.is_traced(message, one.recipient))
        ]
    )
    if not told:
        return None
    header = content[: header_end(content, 0, len(content))]
    returned = _returned(story, message, content, header)
    case = Case(story, message, told, header, returned.complete, origin, retry_until)
    # RFC 6533 §4: other readers need not know the international form, so it is kept for what needs it.
    international = message.smtputf8 and not (message.reverse_path.isascii() and header.isascii())
    return write(_draft(case), _fields(case), returned, origin.id, international=international)


def _returned(story: Story, message: Queued, content: bytes, header: bytes) -> Returned:
    """All of the message only if it failed, is small, and RET does not say otherwise (RFC 3461 §4.3).

    A message that must not travel without TLS does not come back whole (RFC 8689 §5).
    """
    if story is Story.FAILURE and message.ret != "HDRS" and not message.require_tls and _fits(content):
        return Returned(content, True)
    return Returned(_cut(header[:-2] if header.endswith(b"\r\n\r\n") else header), False)


def _fits(content: bytes) -> bool:
    return (
        len(content) <= RETURNED_OCTETS
        and not has_bare_cr_or_lf(content)
        and b"\0" not in content
        and max(map(len, content.split(b"\r\n"))) <= LINE_OCTETS
    )


def _cut(header: bytes) -> bytes:
    """Whole fields up to the limit; of a first field that is longer, its start."""
    if len(header) <= RETURNED_HEADER_OCTETS:
        return header
    ends = [match.end() for match in _FIELD_END.finditer(header, 0, RETURNED_HEADER_OCTETS + 1)]
    return header[: ends[-1]] if ends else header[:RETURNED_HEADER_OCTETS]


_FIELD_END = re.compile(rb"\r\n(?=[!-~])")


def _draft(case: Case) -> Draft:
    origin = case.origin
    told_id = first(message_fields(case.header, 0, len(case.header)), b"message-id") or b""
    answered = told_id.decode("ascii") if _MESSAGE_ID.fullmatch(told_id) else ""
    return Draft(
        mailer_daemon(origin.hostname),
        _moment(origin.now),
        f"<{origin.id}@{origin.hostname}>",
        to=(Person("", parse_address(case.message.reverse_path)),),
        subject=bounce_text.subject(case),
        text=bounce_text.text(case),
        in_reply_to=answered,
        references=(answered,) if answered else (),
        # RFC 3834 §5: vacation programs and the like do not answer what says this of itself.
        extra=(("Auto-Submitted", "auto-replied"), ("Content-Language", ", ".join(origin.languages))),
    )


_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}>")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
# The classes of status that a kind of report can tell, and the vaguest status of it.  RFC 3464 §2.3.4.
_STATUSES = {Story.FAILURE: ("54", "5.0.0"), Story.DELAY: ("4", "4.0.0"), Story.SUCCESS: ("2", "2.0.0")}


def _fields(case: Case) -> Report:
    return Report(
        Typed("dns", case.origin.hostname),
        tuple([_recipient_fields(case, one) for one in case.told]),
        case.message.envid or "",
        _moment(case.message.queued_at),
    )


def _recipient_fields(case: Case, tried: Tried) -> RecipientReport:
    attempt = tried.attempt
    classes, vague = _STATUSES[case.story]
    fits = _STATUS.fullmatch(attempt.status) is not None and attempt.status[0] in classes
    address = bounce_text.address(tried.recipient)
    reply = bounce_text.shown_reply(attempt)
    return RecipientReport(
        # RFC 6533 §3: type utf-8 for what is not ASCII.
        Typed("rfc822" if address.isascii() else "utf-8", address),
        _action(case.story, attempt),
        attempt.status if fits else vague,
        original_recipient=_original(tried.recipient),
        remote_mta=Typed("dns", attempt.host) if attempt.host else None,
        diagnostic=Typed("smtp" if is_reply(reply) else OWN_DIAGNOSTIC, reply) if reply else None,
        last_attempt_at=_moment(tried.at),
        will_retry_until=_moment(case.retry_until) if case.retry_until is not None else None,
    )


def _action(story: Story, attempt: Attempt) -> Action:
    if story is Story.SUCCESS:
        return Action.RELAYED if attempt.host else Action.DELIVERED
    return Action.FAILED if story is Story.FAILURE else Action.DELAYED


def _original(recipient: Recipient) -> Typed | None:
    """ORCPT, and nothing where there was none (RFC 3461 §6.3); type utf-8 may have come with escapes."""
    kind, semicolon, address = (recipient.original or "").partition(";")
    kind = kind.lower()
    return Typed(kind, unescape(address) if kind == "utf-8" else address) if semicolon else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
