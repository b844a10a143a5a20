"""How often the same signed body comes: RFC 6376 §8.6, AUTH attack row 14.

Somebody has one message signed by a good domain, and sends it to millions; each copy passes.  Nothing is judged here: a
newsletter looks the same.  Counts are by signer and body hash, since fields that are not signed may differ.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from courriel.base.log import log

__all__ = ["BODIES", "MANY", "WINDOW_S", "Replays"]

WINDOW_S: Final = 3_600.0
"""``replay.window``: what came longer ago no longer counts."""
BODIES: Final = 20_000
"""``replay.bodies``: bodies that are remembered, some 250 octets each; the one not seen for longest goes."""
MANY: Final = 1_000
"""``replay.many``: so many copies within the window are told, once."""


class Replays:
    """Counts for one server; a start forgets them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, bytes], tuple[float, int]] = OrderedDict()

    def note(self, domain: str, body_hash: bytes, now: float) -> int:
        """One more copy: how many there are since the first of this window."""
        key = (domain, body_hash)
        began, copies = self._seen.pop(key, (now, 0))
        if now - began >= WINDOW_S:
            began, copies = now, 0
        self._seen[key] = (began, copies + 1)
        if len(self._seen) > BODIES:
            self._seen.popitem(last=False)
        if copies + 1 == MANY:
            log.event("dkim.many_copies", domain=domain, body=body_hash.hex()[:16])
        return copies + 1

    def copies(self, domain: str, body_hash: bytes, now: float) -> int:
        """How many there are in this window."""
        began, copies = self._seen.get((domain, body_hash), (now, 0))
        return copies if now - began < WINDOW_S else 0
