"""How much of one message is looked at.  AUTH.md attack rows 5 to 8.

Past a limit nothing is refused here: what follows is one opaque part (application/octet-stream) whose octets
are all still there.  Refusing (552) is the business of who accepts mail.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "MessageLimits"]


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Bounds of ``parse``; every default is larger than any honest message seen."""

    depth: int = 100
    """``message.depth``: multipart and message parts inside each other; a deeper one is an opaque leaf."""
    parts: int = 10_000
    """``message.parts``: the last one allowed takes the rest of the message."""
    header_octets: int = 1_048_576
    """``message.header_octets``: fields past this many octets of one header block are not read."""
    header_fields: int = 1_000
    """``message.header_fields``: fields read from one block (only those that a mail system asks about count)."""
    boundary_octets: int = 8_192
    """``message.boundary_octets``: RFC 2046 §5.1.1 says 70; other readers take thousands, so a test suite has them."""
    overlap_steps: int = 100_000
    """``message.overlap_steps``: work spent on boundaries that begin with an enclosing boundary (0.1 µs each)."""


DEFAULT = MessageLimits()
