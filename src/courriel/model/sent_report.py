"""One report of ours about another domain's mail or TLS sessions, and what became of it."""

from __future__ import annotations

import msgspec


class SentReport(msgspec.Struct, frozen=True):
    """``kind`` is "dmarc" or "tls"; ``day`` the UTC day it tells of; ``to`` the URI it went to, "" where nobody may
    have it; ``at`` POSIX seconds; ``problem`` why it was not sent, "" where it was."""

    day: str
    kind: str
    domain: str
    to: str
    at: float
    rows: int
    octets: int
    problem: str = ""
