"""What one question may cost us, so that nobody's answers can make us work for long."""

from __future__ import annotations

from typing import Final

from courriel.net.dns.settings import Address
from courriel.ports.resolver import DnsFailure

QUERIES: Final = 100
"""``dns.queries``: questions sent for one question of a caller.  The reverse name of an IPv6 address has 34 labels,
and each may be a zone with its own DS and DNSKEY."""

SIGNATURES: Final = 64
"""``dns.signatures``: signatures checked for one question.  A chain of five zones needs 15 to 20."""

WRONG_SIGNATURES: Final = 8
"""``dns.wrong_signatures``: signatures that may fail before the answer is bogus.  Key tags collide by chance seldom
(RFC 4034 §8.1) and by design without end (CVE-2023-50387, KeyTrap)."""

HASHES: Final = 20_000
"""``dns.hashes``: rounds of SHA-1 for NSEC3, some 20 ms (CVE-2023-50868).  The usual proof needs fewer than 10."""


class Budget:
    """What is left for one question; each ``spend_…`` raises DnsFailure when nothing is.

    ``answered`` is the server that gave the last answer, ``suspect`` the one that answered the question itself;
    ``avoid`` is asked last, because what it gave before was bogus.
    """

    __slots__ = ("_hashes", "_queries", "_signatures", "_wrong", "answered", "avoid", "suspect")

    def __init__(self, avoid: Address | None = None) -> None:
        self.answered: Address | None = None
        self.suspect: Address | None = None
        self.avoid = avoid
        self._queries = QUERIES
        self._signatures = SIGNATURES
        self._wrong = WRONG_SIGNATURES
        self._hashes = HASHES

    def spend_query(self) -> None:
        self._queries -= 1
        if self._queries < 0:
            raise DnsFailure("limit dns.queries")

    def spend_signature(self) -> None:
        self._signatures -= 1
        if self._signatures < 0:
            raise DnsFailure("limit dns.signatures", bogus=True)

    def spend_wrong_signature(self) -> None:
        self._wrong -= 1
        if self._wrong < 0:
            raise DnsFailure("limit dns.wrong_signatures", bogus=True)

    def spend_hashes(self, rounds: int) -> None:
        self._hashes -= rounds
        if self._hashes < 0:
            raise DnsFailure("limit dns.hashes", bogus=True)
