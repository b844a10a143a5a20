"""Feedback reports: somebody calls a message spam, or it failed authentication.

Sources: RFC 5965 §3, RFC 6591 §3, RFC 6692, RFC 9991.

    part 1   text/plain                     for people
    part 2   message/feedback-report        fields
    part 3   message/rfc822                 the message, or its header (text/rfc822-headers)

Reading is lenient; a report without the second part, or without a type in it, is none.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import charsets, comments, dates
from courriel.formats.header import HeaderBlock, HeaderLimits, split_block
from courriel.formats.message.media import Kind
from courriel.formats.message.parse import parse
from courriel.formats.reports.dsn import Returned, one_line
from courriel.formats.reports.payload import decoded, leaves

_HEADER_MEDIA: Final = frozenset({b"text/rfc822-headers", b"message/rfc822-headers", b"message/global-headers"})
_LIMITS: Final = HeaderLimits(block_octets=262_144, fields=200)
"""``arf.block``: of the fields; a canonicalized body may be among them."""

VALUES: Final = 50
"""``arf.values``: of a field that may be repeated."""

_MILLION: Final = re.compile(r"[0-9]{1,7}")


class Feedback(msgspec.Struct, frozen=True):
    """A report; "" and () for what it does not tell.  ``kind`` and ``auth_failure`` are words in lower case ("abuse",
    "auth-failure"; "bodyhash", "dmarc"); ``source_ip`` is an address or ""."""

    kind: str
    user_agent: str = ""
    version: str = ""
    original_mail_from: str = ""
    original_rcpt_to: tuple[str, ...] = ()
    original_envelope_id: str = ""
    arrived_at: datetime | None = None
    reporting_mta: str = ""
    source_ip: str = ""
    source_port: int = 0
    incidents: int = 1
    authentication_results: tuple[str, ...] = ()
    reported_domains: tuple[str, ...] = ()
    reported_uris: tuple[str, ...] = ()
    auth_failure: str = ""
    delivery_result: str = ""
    identity_alignment: str = ""
    dkim_domain: str = ""
    dkim_identity: str = ""
    dkim_selector: str = ""
    returned: Returned | None = None


def read(raw: bytes) -> Feedback:
    """The report that a message is.  Raises FormatError."""
    fields: HeaderBlock | None = None
    returned: Returned | None = None
    for part in leaves(parse(raw)):
        if part.media.full == b"message/feedback-report" and fields is None:
            fields = split_block(decoded(raw, part).lstrip(b"\r\n"), _LIMITS)
        elif part.media.kind is Kind.MESSAGE or part.media.full in _HEADER_MEDIA:
            returned = returned or Returned(decoded(raw, part), part.media.kind is Kind.MESSAGE)
    if fields is None:
        raise FormatError("feedback report", rule="RFC 5965 §2: no such part")
    kind = _word(fields, b"feedback-type")
    if not kind:
        raise FormatError("feedback report", rule="RFC 5965 §3.1: Feedback-Type")
    arrived = fields.get(b"arrival-date") or fields.get(b"received-date") or b""
    return Feedback(
        kind,
        _text(fields, b"user-agent"),
        _text(fields, b"version"),
        _address(fields.get(b"original-mail-from") or b""),
        tuple([_address(value) for value in fields.all(b"original-rcpt-to")[:VALUES]]),
        _text(fields, b"original-envelope-id"),
        dates.parse(arrived),
        _text(fields, b"reporting-mta").rpartition(";")[2].strip(),
        _ip(fields),
        _number(fields, b"source-port", 0),
        _number(fields, b"incidents", 1),
        tuple([_line(value) for value in fields.all(b"authentication-results")[:VALUES]]),
        tuple([_line(value).lower() for value in fields.all(b"reported-domain")[:VALUES]]),
        tuple([_line(value) for value in fields.all(b"reported-uri")[:VALUES]]),
        _word(fields, b"auth-failure"),
        _word(fields, b"delivery-result"),
        _word(fields, b"identity-alignment"),
        _text(fields, b"dkim-domain"),
        _text(fields, b"dkim-identity"),
        _text(fields, b"dkim-selector"),
        returned,
    )


def _line(value: bytes) -> str:
    return one_line(charsets.decode(value))


def _text(fields: HeaderBlock, name: bytes) -> str:
    return _line(comments.without_comments(fields.get(name) or b""))


def _word(fields: HeaderBlock, name: bytes) -> str:
    return _text(fields, name).lower()


def _address(value: bytes) -> str:
    text = _line(value)
    return text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text


def _ip(fields: HeaderBlock) -> str:
    """quirk: OpenDMARC writes the client's name behind it, as a comment."""
    try:
        return str(ipaddress.ip_address(_text(fields, b"source-ip")))
    except ValueError:
        return ""


def _number(fields: HeaderBlock, name: bytes, usual: int) -> int:
    text = _text(fields, name)
    return int(text) if _MILLION.fullmatch(text) else usual
