"""Proving who one is.  RFC 4422 (SASL), RFC 4616 (PLAIN), RFC 5802/7677 (SCRAM)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from courriel.model.account import Account


class ScramKeys(msgspec.Struct, frozen=True):
    """What a server keeps for SCRAM with one hash.  RFC 5802 §3; never the password."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


class CredentialRecord(msgspec.Struct, frozen=True):
    """All that is kept of one password: an Argon2id string (PHC form) and SCRAM keys."""

    argon2: str
    scram_sha256: ScramKeys | None = None
    scram_sha1: ScramKeys | None = None


class SaslStep(msgspec.Struct, frozen=True):
    """What to send next: a challenge, or success (with the account, and for SCRAM a last server message)."""

    data: bytes | None
    account: Account | None = None


class SaslExchange(Protocol):
    """One running exchange.  ``step`` takes the client's decoded response; raises AuthenticationFailed or
    Throttled, or FormatError for a message that breaks the mechanism's grammar."""

    async def step(self, response: bytes) -> SaslStep: ...

    def abort(self) -> None: ...


class TokenJudge(Protocol):
    """Whose bearer tokens are good: an OAuth server's, or our own.  RFC 6750."""

    @property
    def hints(self) -> Mapping[str, str]:
        """What a client without a good token is told: ``scope``, ``openid-configuration``.  RFC 7628 §3.2.2."""
        ...

    async def login_of(self, token: str) -> str | None:
        """The login of the account that it stands for; None when it is forged, expired, or for something else.
        Raises Unavailable."""
        ...


class Authenticator(Protocol):
    """One gate for all protocols: same lockout, same words, same time for unknown names and wrong passwords."""

    def mechanisms(self, *, tls: bool, loopback: bool) -> tuple[str, ...]:
        """SASL mechanisms on offer, best first.  Without TLS and not on loopback: none that shows a password."""
        ...

    def may_log_in(self, *, tls: bool, loopback: bool) -> bool:
        """Whether a cleartext password may be taken on such a connection."""
        ...

    def is_near(self, ip: str, protocol: str) -> bool:
        """Whether a password may come in clear from this address: this machine, or (``protocol`` "devices") the
        networks of devices that log in."""
        ...

    async def password(self, login: str, password: str, *, ip: str, protocol: str) -> Account:
        """Check a name and password.  Raises AuthenticationFailed, AccountDisabled or Throttled."""
        ...

    def begin(self, mechanism: str, *, ip: str, protocol: str, tls: bool) -> SaslExchange | None:
        """Start a SASL exchange; None for a mechanism that is not on offer.

        PLAIN and SCRAM are client-first (the first ``step`` gets the initial response); LOGIN is server-first
        (the first ``step`` gets b"" and answers "Username:" unless an initial response is given).
        """
        ...
