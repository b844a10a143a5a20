"""Our own name for a message in logs, replies, Received fields and the queue; and Message-ID fields.

48 bits of time in milliseconds, then 56 random bits, in hexadecimal: names sort by time, and nobody guesses the
next.  Clock and randomness are handed in.
"""

from __future__ import annotations

from typing import Final

RANDOM_OCTETS: Final = 7


def new_id(now: float, randomness: bytes) -> str:
    """26 characters from POSIX time ``now`` and ``RANDOM_OCTETS`` random octets."""
    return f"{int(now * 1000):012x}{randomness.hex()}"
