"""Limits of the ManageSieve service; each with its unit, its default and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManageSieveSettings:
    """Settings of one ManageSieve service."""

    patience_s: float = 1_800.0
    """Longest silence.  RFC 5804 §1.2: an autologout timer must be of at least 30 minutes."""
    login_s: float = 120.0
    """Longest time until the login (AUTH row 39); RFC 5804 §1.2 sets none."""
    failed_logins: int = 3
    """Failed logins on one connection; then it is closed.  The lockout counts over all of them."""
    errors: int = 20
    """Senseless commands in a row; then the connection is closed."""
