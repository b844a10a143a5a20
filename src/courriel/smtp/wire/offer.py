"""What a server offers in its answer to EHLO or LHLO.  RFC 5321 §4.1.1.1; each keyword's own RFC.

    ehlo-ok-rsp = "250" "-" Domain [ SP ehlo-greet ] CRLF *( "250-" ehlo-line CRLF ) "250" SP ehlo-line CRLF
    ehlo-line   = ehlo-keyword *( SP ehlo-param )

A parameter that breaks its grammar counts as not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from courriel.smtp.wire.reply import Answer

SIZE_DIGITS: Final = 20
"""RFC 1870 §4."""

_LIMIT: Final = re.compile(r"([A-Z0-9-]+)=([1-9][0-9]{0,5})")
"""RFC 9422 §3: the values of all limits that are defined so far have one to six digits."""


class Offer(msgspec.Struct, frozen=True):
    """Keyword in capitals → its parameters as written.  Nothing at all after HELO."""

    keywords: Mapping[str, str] = {}
    size_octets: int | None = None
    """Largest message (RFC 1870 §4), None where it is not said."""
    recipients: int | None = None
    """RCPTMAX: recipients of one transaction.  RFC 9422 §4.2."""
    domains: int | None = None
    """RCPTDOMAINMAX: domains of the recipients of one transaction.  RFC 9422 §4.3."""
    transactions: int | None = None
    """MAILMAX: transactions of one connection.  RFC 9422 §4.1."""

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords


def read(answer: Answer) -> Offer:
    """The offer in a 250 answer; of a keyword that is there twice the first counts."""
    keywords: dict[str, str] = {}
    for line in answer.lines[1:]:
        keyword, _, parameters = line.partition(" ")
        keywords.setdefault(keyword.upper(), parameters.strip())
    limits = {
        match[1]: int(match[2]) for match in map(_LIMIT.fullmatch, keywords.get("LIMITS", "").upper().split()) if match
    }
    return Offer(
        keywords,
        _size(keywords.get("SIZE", "")),
        limits.get("RCPTMAX"),
        limits.get("RCPTDOMAINMAX"),
        limits.get("MAILMAX"),
    )


def _size(raw: str) -> int | None:
    """0 means no limit.  RFC 1870 §4."""
    return (int(raw) or None) if raw.isdecimal() and raw.isascii() and len(raw) <= SIZE_DIGITS else None
