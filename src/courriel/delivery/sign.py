"""Mail of the house is signed once, when it leaves: after all that changes it, before the queue has it.

Only what is from the house for certain is signed: somebody logged in, a device, the server itself.  A message from
outside may say in From what it likes, and is often sent on.  The domain of From signs, or one above it that has keys;
then DMARC finds them aligned (RFC 9989 §4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from courriel.base.errors import FormatError
from courriel.delivery.judge import FROM_OCTETS
from courriel.formats import address
from courriel.formats.domain import normalise
from courriel.formats.header import split_block
from courriel.mailauth.dkim_sign import EXPIRE_S, SigningKey, sign

__all__ = ["Ring", "Signer"]

Ring = Callable[[str], Sequence[SigningKey]]
"""Keys that sign for a domain, none for one that is not ours."""


class Signer:
    """``expire_s`` is how long a signature holds from the moment the message may leave."""

    def __init__(self, ring: Ring, expire_s: float = EXPIRE_S) -> None:
        self._ring = ring
        self._expire_s = expire_s

    def sign(self, content: bytes, now: float, leaves_at: float = 0.0) -> tuple[bytes, str]:
        """The message with signatures before it, and the domain that signs; as it is, and "", where no key is for its
        From.  Times in POSIX seconds."""
        domain = _author_domain(content)
        keys = self._ring(domain) if domain else ()
        if not keys:
            return content, ""
        return sign(content, keys, now, max(leaves_at - now, 0.0) + self._expire_s) + content, keys[0].domain


def _author_domain(content: bytes) -> str:
    """The domain of the one From and its first mailbox, "" where that cannot be said for certain."""
    senders = split_block(content).all(b"from")
    if len(senders) != 1 or len(senders[0]) > FROM_OCTETS:
        return ""
    try:
        return normalise(address.parse_from_strict(senders[0])[0].domain.decode("utf-8"))
    except (FormatError, UnicodeDecodeError):
        return ""
