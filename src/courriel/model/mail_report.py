"""What other servers report of our mail: rows of their aggregate reports, as they are kept.  RFC 9990, RFC 8460."""

from __future__ import annotations

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """So many messages that said in From they are of ``domain`` (or below it), alike on one UTC day to one receiver.

    ``ip`` is where they came from, "" where the report does not say or names too many.  ``dkim`` and ``spf``: passed
    for the domain itself.  ``other`` is a domain that passed though it is not the author's, "" where there was none.
    """

    day: str
    domain: str
    ip: str
    reporter: str
    disposition: str
    dkim: bool
    spf: bool
    other: str
    count: int

    @property
    def aligned(self) -> bool:
        """Whether DMARC passed."""
        return self.dkim or self.spf


class TlsSeen(msgspec.Struct, frozen=True):
    """So many TLS sessions towards ``domain`` that went alike; ``result`` "" is success.  RFC 8460 §4.3, §4.4."""

    day: str
    domain: str
    reporter: str
    policy: str
    result: str
    sessions: int


class MailReport(msgspec.Struct, frozen=True):
    """One report: ``reporter`` is the domain that sent it, ``id`` its own name for it, ``day`` in UTC."""

    reporter: str
    id: str
    day: str
    seen: tuple[Seen, ...] = ()
    tls: tuple[TlsSeen, ...] = ()
