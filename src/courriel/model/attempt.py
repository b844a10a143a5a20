"""What one attempt to hand a message on gave one recipient.  RFC 5321 §4.2.1, RFC 3463."""

from __future__ import annotations

from enum import Enum

import msgspec


class Result(Enum):
    """What the attempt means for the recipient."""

    DELIVERED = "delivered"
    """The other side has taken responsibility."""
    DEFERRED = "deferred"
    """Not now: try again later (4yz, or no answer)."""
    FAILED = "failed"
    """Never: 5yz, or something that trying again cannot change."""


class Stage(Enum):
    """How far the attempt came."""

    QUEUE = "queue"
    """Our own copy of the message could not be read."""
    DNS = "dns"
    POLICY = "policy"
    """MTA-STS, DANE or REQUIRETLS forbid what the other side offers."""
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    """The message was sent, or part of it: without a reply it may have arrived."""


class Attempt(msgspec.Struct, frozen=True):
    """One attempt, one recipient.

    ``status`` is an enhanced status code (RFC 3463, "4.4.1").  ``reply`` is the other side's answer with its code
    ("550 5.1.1 no such user"), lines joined by blanks; without an answer, what happened, in English.  ``host`` and
    ``ip`` are of the server that was asked, empty where none was.  ``tls`` names protocol and cipher.
    """

    result: Result
    status: str
    reply: str
    stage: Stage
    host: str = ""
    ip: str = ""
    tls: str = ""
    passed_dsn: bool = False
    """The other side offers DSN (RFC 3461 §5.2.1): reports of success are its task now."""
    another_transaction: bool = False
    """Only this transaction had no room for the recipient (RFC 5321 §4.5.3.1.10, RFC 9422): the same server may take
    it at once in another."""
