"""Seals on what is put into addresses and comes back: only who has the key could have written it.

HMAC (RFC 2104) with SHA-256, cut to 40 bits and written in base32 (RFC 4648 §6) in lower case, since a local part may
lose its capitals on the way.  A guess is right once in 10^12 and costs a command in a session.

Keys rotate: the first one seals, any of them opens.  Pure.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Final

SEAL_OCTETS: Final = 5
"""``seal.octets``: of the digest that are kept; 8 characters of base32."""


def seal(keys: Sequence[bytes], purpose: str, *values: str) -> str:
    """The seal of ``values`` (compared without case) for one ``purpose``; 8 characters, ``a-z2-7``."""
    return _digest(keys[0], purpose, values)


def is_sealed(keys: Sequence[bytes], given: str, purpose: str, *values: str) -> bool:
    """Whether ``given`` is the seal of these values under one of the keys; in constant time for each key."""
    asked = given.lower().encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(_digest(key, purpose, values).encode("ascii"), asked) for key in keys])  # noqa: C419 - each key takes its time


def _digest(key: bytes, purpose: str, values: Sequence[str]) -> str:
    # NUL is in no address, so no two lists of values are the same octets.
    text = "\0".join((purpose, *values)).lower()
    digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest[:SEAL_OCTETS]).decode("ascii").lower()
