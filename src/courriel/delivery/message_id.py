"""Our own name for a message in logs, replies, Received fields and the queue; and Message-ID fields.

48 bits of time in milliseconds, then 50 random bits, in lower-case base 32: names sort by time, and nobody guesses
the next.  Clock and randomness are handed in.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]
RANDOM_OCTETS: Final = 7


def new_id(now: float, randomness: bytes) -> str:
    """20 characters from POSIX time ``now`` and at least ``RANDOM_OCTETS`` random octets."""
    number = (int(now * 1000) & (1 << 48) - 1) << 52 | int.from_bytes(randomness[:RANDOM_OCTETS], "big") >> 4
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(90, -1, -10)])
