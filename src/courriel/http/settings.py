"""Limits of the web server; each with its unit, its default and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of both web doors."""

    head_octets: int = 16_384
    """Request line and fields.  RFC 9110 §5.4 leaves the number to us; browsers send up to 8 KB with cookies."""
    head_fields: int = 100
    """Fields of one request; browsers send some 20."""
    patience_s: float = 30.0
    """Longest silence."""
    request_s: float = 60.0
    """Longest time one request may take to arrive (AUTH attack row 39)."""
    keep_alive_s: int = 15
    """How long a connection is kept for another request.  RFC 9112 §9.5 leaves it to us."""
