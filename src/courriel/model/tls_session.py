"""One try to open a TLS session with another server, as a report counts it.  RFC 8460 §4.3, §4.4."""

from __future__ import annotations

from enum import Enum

import msgspec


class PolicyType(Enum):
    """Where the wish for TLS came from.  RFC 8460 §4.4, policy-type."""

    STS = "sts"
    TLSA = "tlsa"
    NONE = "no-policy-found"


class TlsSubject(msgspec.Struct, frozen=True):
    """Whose policy held: the recipients' domain, its kind, and what it said (lines of the file, TLSA records)."""

    domain: str
    type: PolicyType
    policy: tuple[str, ...] = ()


class TlsSession(msgspec.Struct, frozen=True):
    """``result`` is a result type of RFC 8460 §4.3, "" for a session with TLS; ``mx`` and ``ip`` are the server's."""

    subject: TlsSubject
    result: str = ""
    mx: str = ""
    ip: str = ""
