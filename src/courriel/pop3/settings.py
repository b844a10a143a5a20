"""Limits of the POP3 service; each with its unit, its default and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pop3Settings:
    """Settings of one POP3 service."""

    patience_s: float = 600.0
    """Longest silence.  RFC 1939 §3: an autologout timer must be of at least 10 minutes."""
    login_s: float = 600.0
    """Longest time until the login, however lively the client is (AUTH row 39: one octet every ten seconds)."""
    failed_logins: int = 3
    """Failed logins on one connection; then it is closed.  The lockout counts over all of them."""
    login_delay_s: int = 0
    """Shortest time between two logins of an account, 0: none.  LOGIN-DELAY, RFC 2449 §6.5."""
    errors: int = 20
    """Senseless commands in a row; then the connection is closed."""
    drain_octets: int = 256 * 1024
    """Octets sent between two looks at whether the client keeps up."""
