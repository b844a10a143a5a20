"""Mail of strangers that is sent on says, sealed, what was found when it came here.  RFC 8617 §5.1, §7.2.

Where we send it on, SPF fails and a list may have broken signatures; who trusts us can look at the seal instead.  Off
unless asked for: the seal says to the world who sends mail on, and few receivers look at it.
"""

from __future__ import annotations

from collections.abc import Sequence

from courriel.delivery.letter import Letter
from courriel.delivery.sign import Ring
from courriel.formats.header import split_block
from courriel.mailauth.arc import validate
from courriel.mailauth.arc_seal import own_results, seal
from courriel.mailauth.dkim_sign import SigningKey, algorithm_of
from courriel.ports.resolver import Resolver

__all__ = ["Sealer"]


class Sealer:
    """``authserv_id`` is the name under which this server writes what it finds (RFC 8601 §2.5)."""

    def __init__(self, ring: Ring, resolver: Resolver, authserv_id: str) -> None:
        self._ring = ring
        self._resolver = resolver
        self._authserv_id = authserv_id.encode("ascii", "replace")

    async def seal(self, came: bytes, letters: Sequence[Letter], now: float) -> None:
        """Seal letters for elsewhere; ``came`` is the message as it was when its chain was whole.

        Left as they are: letters of nobody here with keys, and those before which this server has written no finding.
        What stands in the message itself anybody can have written.
        """
        sealing = [
            (letter, key, results)
            for letter in letters
            if letter.remote and (key := self._key(letter)) is not None and (results := self._results(letter))
        ]
        if not sealing:
            return
        verdict = await validate(came, self._resolver)
        for letter, key, results in sealing:
            letter.fields = seal(letter.fields + letter.content, results, verdict, key, now) + letter.fields

    def _results(self, letter: Letter) -> bytes:
        """What this server found, empty where it has looked at nothing."""
        results = own_results(split_block(letter.fields).raw_items(), self._authserv_id)
        return results if results != self._authserv_id else b""

    def _key(self, letter: Letter) -> SigningKey | None:
        """That of whoever sends it on; RSA, since RFC 8617 §4.1.1 promises no other."""
        domain = letter.forwarder.rpartition("@")[2] or letter.reverse_path.domain
        return next((key for key in self._ring(domain) if algorithm_of(key.private) == "rsa-sha256"), None)
