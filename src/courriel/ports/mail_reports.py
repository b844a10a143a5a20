"""Aggregate reports of other servers, kept by day.  RFC 9990, RFC 8460."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from courriel.model.mail_report import MailReport, Seen, TlsSeen


class MailReports(Protocol):
    """What of two reports is alike is counted together."""

    async def add(self, report: MailReport) -> bool:
        """Keep a report; False when it is known already (by reporter and id), too old, or there is no room for it.

        Raises Unavailable, Damaged.
        """
        ...

    async def seen(self, domain: str, since: str) -> Sequence[Seen]:
        """Rows of a domain (of all with "") from a UTC day ("2026-11-24") on, by day.  Raises Unavailable, Damaged."""
        ...

    async def tls(self, domain: str, since: str) -> Sequence[TlsSeen]:
        """The same of TLS sessions."""
        ...
