"""Flags as clients name them, into bits.  RFC 9051 §2.3.2, §9 (flag)."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.imap.wire.grammar import WHAT
from courriel.model.flags import KEYWORD_OCTETS, SYSTEM_FLAGS, Flags

_SYSTEM: Final[dict[bytes, Flags]] = {name.lower().encode(): bit for name, bit in SYSTEM_FLAGS.items()}


class FlagNames(msgspec.Struct, frozen=True):
    """System flags as bits, keywords by name."""

    bits: Flags
    keywords: tuple[str, ...] = ()


def resolve(names: list[bytes]) -> FlagNames:
    """Names of a flag list.  ``\\Recent`` cannot be changed by a client; other unknown ``\\`` flags are errors."""
    bits, keywords = 0, dict[bytes, str]()
    for name in names:
        if name.startswith(b"\\"):
            bit = _SYSTEM.get(name.lower())
            if bit is None and name.lower() != b"\\recent":
                raise FormatError(WHAT, -1, "unknown system flag")
            bits |= bit or 0
        else:
            if len(name) > KEYWORD_OCTETS:
                raise LimitExceeded(WHAT, -1, "flags.keyword_octets")
            keywords.setdefault(name.lower(), name.decode("ascii"))
    return FlagNames(bits, tuple(keywords.values()))
