"""The field that tells programs what was found out about a message that came from elsewhere.  docs/threats.md.

    X-Courriel-Verdict: mail.example.org; malicious; kind=phishing; probability=0.973;
            signals=links.look-alike, identity.brand-name

``level`` is clean, bulk, suspicious or malicious; ``kind`` is missing where none is named; ``signals`` are those that
decided.  Fields of that name in mail from outside are taken out: they are never anybody's but ours.
"""

from __future__ import annotations

import re
from typing import Final

from courriel.formats import header
from courriel.model.threat import Report

__all__ = ["NAME", "render", "without"]

NAME: Final = "X-Courriel-Verdict"

_FIELD: Final = re.compile(
    rb"(?:^|\A[ \t]++)x-courriel-verdict(?>(?:[ \t]|\r?\n[ \t])*):(?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+\n?",
    re.IGNORECASE | re.MULTILINE,
)
_MARK: Final = NAME.lower().encode("ascii")


def render(report: Report, hostname: str) -> bytes:
    """The field with its CRLF."""
    kind = f"; kind={report.kind.value}" if report.kind is not None else ""
    first = f"{NAME}: {hostname}; {report.level.value}{kind}; probability={report.probability:.3f}"
    signals = ", ".join(reason.finding.signal for reason in report.deciding)
    second = f";\r\n\tsignals={signals}" if signals else ""
    return f"{first}{second}\r\n".encode("ascii", "replace")


def without(content: bytes, header_octets: int) -> bytes:
    """The message without such fields in its header."""
    if _MARK not in content[:header_octets].lower():
        return content
    return header.without(content, _FIELD.finditer(content, 0, header_octets))
