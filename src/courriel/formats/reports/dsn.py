"""Delivery status notifications: multipart/report with report-type delivery-status.  RFC 3464, RFC 6522, RFC 6533.

    part 1   text/plain                   what happened, for people
    part 2   message/delivery-status      the same as fields: one group a message, one group a recipient
    part 3   message/rfc822               the message that was sent (text/rfc822-headers: its header only)

An *international* report (RFC 6533) has message/global-delivery-status, message/global and message/global-headers
in their places, holds UTF-8 as it is, and can only travel by SMTPUTF8.  Others are ASCII up to the third part:
characters beyond it are written ``\\x{E9}`` (RFC 6533 §3).

Reading is lenient, since the reports of old gateways matter most: a missing Action or Status is worked out from what
is there, unknown fields and groups that name nobody are passed over.  The only error is ``FormatError``, for messages
that report nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import charsets, comments, dates
from courriel.formats.header import HeaderBlock, HeaderLimits, split_block
from courriel.formats.message.build import Draft, header, multipart, quoted_printable, text_part
from courriel.formats.message.canonical import to_crlf
from courriel.formats.message.media import Kind
from courriel.formats.message.parse import parse
from courriel.formats.reports.payload import decoded, leaves

__all__ = [
    "Action",
    "Notification",
    "RecipientReport",
    "Report",
    "Returned",
    "Typed",
    "one_line",
    "read",
    "unescape",
    "write",
]

RECIPIENTS = 1_000
"""``dsn.recipients``: groups of one report that are read; RFC 5321 §4.5.3.1.8 asks servers for 100 recipients."""
STATUS_OCTETS = 1_048_576
"""``dsn.status_octets``: of one message/delivery-status part that are read; 1,000 groups of a kilobyte."""
VALUE_OCTETS = 900
"""``dsn.value_octets``: of one value that are written; with its name it fits the 998 of a line (RFC 5322 §2.1.1)."""
VALUE_CHARACTERS = 900
"""``dsn.value_characters``: of one value that are read."""
TEXT_CHARACTERS = 10_000
"""``dsn.text_characters``: of the first part that are read."""
LINE_OCTETS = 78
"""RFC 5322 §2.1.1: where lines are folded."""


class Action(Enum):
    """What the reporting server did for the recipient.  RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    """Handed to a server that will not report."""
    EXPANDED = "expanded"
    """Delivered to a list or alias with several recipients."""


class Typed(msgspec.Struct, frozen=True):
    """A value that says of what type it is: ``rfc822; bob@example.org``, ``dns; mx.example.org``, ``smtp; 550 …``.

    ``kind`` is in lower case.  RFC 3464 §2.1.2.
    """

    kind: str
    value: str


class RecipientReport(msgspec.Struct, frozen=True):
    """What became of one recipient.  RFC 3464 §2.3; moments are aware."""

    final_recipient: Typed
    action: Action
    status: str
    """RFC 3463: "5.1.1"."""
    original_recipient: Typed | None = None
    """As ORCPT named it, without xtext."""
    remote_mta: Typed | None = None
    diagnostic: Typed | None = None
    last_attempt_at: datetime | None = None
    will_retry_until: datetime | None = None


class Report(msgspec.Struct, frozen=True):
    """A message and its recipients.  RFC 3464 §2.2.  ``envelope_id`` is ENVID without xtext, empty for none."""

    reporting_mta: Typed
    recipients: tuple[RecipientReport, ...]
    envelope_id: str = ""
    arrived_at: datetime | None = None


class Returned(msgspec.Struct, frozen=True):
    """The message that is reported on: all of it where ``complete``, else its header."""

    octets: bytes
    complete: bool


class Notification(msgspec.Struct, frozen=True):
    """A report with its text for people (empty where there is none) and what it returned."""

    report: Report
    text: str
    returned: Returned | None


def one_line(text: str, characters: int = VALUE_CHARACTERS) -> str:
    """Text of a stranger, fit to be shown: one line, single blanks, no control, direction or invisible characters."""
    head = text[: 4 * characters]
    if not head.isprintable():
        head = "".join([c if c.isprintable() else " " if c.isspace() or c < " " else "" for c in head])
    line = " ".join(head.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


# ---------------------------------------------------------------------------------------------- writing

_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,499}")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_QUOTED = frozenset("\\+= ")
"""What RFC 6533 §3 QCHAR leaves out of an address of type utf-8."""


def write(draft: Draft, report: Report, returned: Returned | None, seed: str, *, international: bool = False) -> bytes:
    """The whole message with CRLF line ends; header and text of ``draft``, whose HTML and attachments are not used.

    ``seed`` makes the boundary (see ``build``).  ``returned`` is canonical where complete: CRLF, lines of at most 998.
    Raises FormatError for a report without recipients, a wrong status or type, and what ``build`` refuses.
    """
    if not report.recipients:
        raise FormatError("delivery status", rule="RFC 3464 §2.1: one recipient at least")
    parts = [text_part(b"text/plain", draft.text), _status_part(report, international)]
    if returned is not None:
        parts.append(_returned_part(returned, international))
    return header(draft) + multipart(b"report; report-type=delivery-status", parts, "r", seed)


def _status_part(report: Report, international: bool) -> bytes:
    groups = [_message_group(report), *map(_recipient_group, report.recipients)]
    body = b"\r\n".join([b"".join([_field(*field, international) for field in group]) for group in groups])
    if international:
        head = b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    else:
        head = b"Content-Type: message/delivery-status\r\n\r\n"
    return head + body


def _message_group(report: Report) -> Iterator[tuple[str, str]]:
    if report.envelope_id:
        yield "Original-Envelope-Id", report.envelope_id
    yield "Reporting-MTA", _typed(report.reporting_mta)
    if report.arrived_at is not None:
        yield "Arrival-Date", _date(report.arrived_at)


def _recipient_group(recipient: RecipientReport) -> Iterator[tuple[str, str]]:
    if _STATUS.fullmatch(recipient.status) is None:
        raise FormatError("status", rule="RFC 3463 §2")
    if recipient.original_recipient is not None:
        yield "Original-Recipient", _typed(recipient.original_recipient)
    yield "Final-Recipient", _typed(recipient.final_recipient)
    yield "Action", recipient.action.value
    yield "Status", recipient.status
    if recipient.remote_mta is not None:
        yield "Remote-MTA", _typed(recipient.remote_mta)
    if recipient.diagnostic is not None:
        yield "Diagnostic-Code", _typed(recipient.diagnostic)
    if recipient.last_attempt_at is not None:
        yield "Last-Attempt-Date", _date(recipient.last_attempt_at)
    if recipient.will_retry_until is not None:
        yield "Will-Retry-Until", _date(recipient.will_retry_until)


def _typed(typed: Typed) -> str:
    if _KIND.fullmatch(typed.kind) is None:
        raise FormatError("type of a value", rule="RFC 3464 §2.1.2")
    value = typed.value
    if typed.kind == "utf-8" and not _QUOTED.isdisjoint(value):
        value = "".join([_escape(c) if c in _QUOTED else c for c in value])
    return f"{typed.kind}; {value}"


def _date(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise FormatError("date", rule="a time zone is needed")
    return dates.render(moment).decode("ascii")


def _escape(character: str) -> str:
    return f"\\x{{{ord(character):02X}}}"


def _field(name: str, value: str, international: bool) -> bytes:
    """One field, folded at blanks; ``value`` is cut where it would not fit a line."""
    octets = b""
    for character in one_line(value):
        piece = (character if international or character.isascii() else _escape(character)).encode("utf-8")
        if len(octets) + len(piece) > VALUE_OCTETS:
            break
        octets += piece
    line = name.encode("ascii") + b":"
    width = len(line)
    for word in octets.split():
        if width + 1 + len(word) > LINE_OCTETS and width > len(name) + 1:
            line, width = line + b"\r\n", 0
        line += b" " + word
        width += 1 + len(word)
    return line + b"\r\n"


def _returned_part(returned: Returned, international: bool) -> bytes:
    octets = returned.octets
    if returned.complete:
        media = b"message/global" if international else b"message/rfc822"
        encoding = b"7bit" if octets.isascii() else b"8bit"
    else:
        # RFC 6522 §4: broken headers go in quoted-printable, which takes long lines and 8-bit octets alike.
        octets = to_crlf(octets)
        media = b"message/global-headers" if international else b"text/rfc822-headers"
        encoding = b"7bit"
        if not octets.isascii() or b"\0" in octets or max(map(len, octets.split(b"\r\n"))) > LINE_OCTETS:
            encoding, octets = b"quoted-printable", quoted_printable(octets)
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (media, encoding, octets)


# ---------------------------------------------------------------------------------------------- reading

_STATUS_MEDIA = frozenset({b"message/delivery-status", b"message/global-delivery-status"})
_HEADER_MEDIA = frozenset({b"text/rfc822-headers", b"message/rfc822-headers", b"message/global-headers"})
_MESSAGE_FIELDS = (b"reporting-mta", b"original-envelope-id", b"arrival-date")
_GROUP_LIMITS = HeaderLimits(block_octets=65_536, fields=100)
_GAP = re.compile(rb"\r?\n(?>(?:[ \t]*+\r?\n)+)")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ANY_STATUS = re.compile(r"(?<![0-9.])[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_CLASS = {"2": Action.DELIVERED, "4": Action.DELAYED, "5": Action.FAILED}
_VAGUE = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}


def read(raw: bytes) -> Notification:
    """The report that a message holds, wherever in it; what lies past a limit is not read.  Raises FormatError."""
    fields: dict[bytes, bytes] = {}
    recipients: list[RecipientReport] = []
    text: str | None = None
    returned: Returned | None = None
    seen = False
    for part in leaves(parse(raw)):
        if part.media.full in _STATUS_MEDIA:
            seen = True
            for group in _groups(decoded(raw, part)[:STATUS_OCTETS], RECIPIENTS - len(recipients)):
                _read_group(group, fields, recipients)
        elif part.media.kind is Kind.MESSAGE or part.media.full in _HEADER_MEDIA:
            returned = returned or Returned(decoded(raw, part), part.media.kind is Kind.MESSAGE)
        elif part.media.full == b"text/plain" and text is None:
            octets = decoded(raw, part)[: 4 * TEXT_CHARACTERS]
            text = charsets.decode(octets, part.media.charset)[:TEXT_CHARACTERS]
    if not recipients:
        raise FormatError(
            "delivery status", rule="RFC 3464 §2.3: no recipient" if seen else "RFC 3464 §2: no such part"
        )
    report = Report(
        _read_typed(fields.get(b"reporting-mta", b""), "dns") or Typed("dns", ""),
        tuple(recipients[:RECIPIENTS]),
        _text(fields.get(b"original-envelope-id", b"")),
        dates.parse(fields.get(b"arrival-date", b"")),
    )
    return Notification(report, text or "", returned)


def _groups(status: bytes, count: int) -> Iterator[HeaderBlock]:
    """Groups of fields; more than ``count`` and the one about the message are not looked at."""
    for group in _GAP.split(status.lstrip(), count + 1)[: count + 1]:
        yield split_block(group, _GROUP_LIMITS)


def _read_group(group: HeaderBlock, fields: dict[bytes, bytes], recipients: list[RecipientReport]) -> None:
    """A group tells of a recipient if it names one, of the message if not; some gateways mix the two."""
    for name in _MESSAGE_FIELDS:
        if name not in fields and (value := group.get(name)) is not None:
            fields[name] = value
    original = _read_typed(group.get(b"original-recipient") or b"", "rfc822", address=True)
    final = _read_typed(group.get(b"final-recipient") or b"", "rfc822", address=True) or original
    if final is None:
        return
    diagnostic = _read_typed(group.get(b"diagnostic-code") or b"", "smtp")
    action, status = _read_outcome(group, diagnostic)
    recipients.append(
        RecipientReport(
            final,
            action,
            status,
            original,
            _read_typed(group.get(b"remote-mta") or b"", "dns"),
            diagnostic,
            dates.parse(group.get(b"last-attempt-date") or b""),
            dates.parse(group.get(b"will-retry-until") or b""),
        )
    )


def _read_outcome(group: HeaderBlock, diagnostic: Typed | None) -> tuple[Action, str]:
    """Action and Status; either helps where the other is missing, and the diagnostic where both are."""
    status = ""
    for text in (_text(group.get(b"status") or b""), diagnostic.value if diagnostic else ""):
        found = _ANY_STATUS.search(text)
        if found is not None:
            status = found[0]
            break
    word = _text(comments.without_comments(group.get(b"action") or b"")).lower()
    try:
        action = Action(word)
    except ValueError:
        action = _CLASS.get(status[:1], Action.FAILED)
    return action, status or _VAGUE.get(action, "2.0.0")


def _read_typed(raw: bytes, default: str, *, address: bool = False) -> Typed | None:
    """``type; value``; a value without its type has ``default``.  None where there is no value."""
    raw = raw[: 4 * VALUE_CHARACTERS]
    before, semicolon, after = raw.partition(b";")
    kind = _text(comments.without_comments(before)).lower() if semicolon else ""
    if _KIND.fullmatch(kind) is None:
        kind, after = default, raw
    if address or default == "dns":  # a diagnostic's brackets belong to it
        after = comments.without_comments(after)
    value = _text(after)
    if address and value.startswith("<") and value.endswith(">"):
        value = value[1:-1].strip()
    if kind == "utf-8":
        value = one_line(unescape(value))
    return Typed(kind, value) if value else None


def unescape(value: str) -> str:
    """An address of type utf-8 without its ``\\x{…}`` (RFC 6533 §3); what stands for no character stays."""
    return _ESCAPED.sub(_unescaped, value) if "\\x{" in value else value


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else match[0]


def _text(raw: bytes) -> str:
    return one_line(charsets.decode(raw))
