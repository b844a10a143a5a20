"""Sources of VBA macros out of the octets of a project.  [MS-OVBA] 2.4.1: containers of run-length tokens.

Every module's source begins, unpacked, with "Attribute VB_"; packed that leaves the letters "Attribut" behind the
container's signature, its chunk header and a flag. They are looked for there, whatever the tables say about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["MODULES", "sources"]

MODULES: Final = 100
"""Modules of a project that are unpacked."""
_MARK: Final = b"\x00Attribut"


def sources(octets: bytes, limit: int) -> Iterator[bytes]:
    """The sources, together at most ``limit`` octets; what is damaged ends early."""
    at = octets.find(_MARK)
    for _ in range(MODULES):
        if at < 3 or limit <= 0:
            return
        source = _unpacked(octets, at - 2, limit) if octets[at - 3] == 1 else b""
        limit -= len(source)
        yield source
        at = octets.find(_MARK, at + 1)


def _unpacked(octets: bytes, at: int, limit: int) -> bytes:
    """A container's chunks from the header of the first on.  [MS-OVBA] 2.4.1.3.1."""
    unpacked = bytearray()
    while at + 2 <= len(octets) and len(unpacked) < limit:
        header = int.from_bytes(octets[at : at + 2], "little")
        if header >> 12 & 0b111 != 0b011:
            break
        end = min(at + (header & 0xFFF) + 3, len(octets))
        if header >> 15:
            _chunk(octets, at + 2, end, unpacked)
        else:
            unpacked += octets[at + 2 : end]
        at = end
    return bytes(unpacked[:limit])


def _chunk(octets: bytes, at: int, end: int, unpacked: bytearray) -> None:
    """Tokens: eight to a flag octet, a letter or a copy of what was.  [MS-OVBA] 2.4.1.3.2-5."""
    start = len(unpacked)
    while at < end:
        flags = octets[at]
        at += 1
        for bit in range(8):
            if at >= end:
                return
            if not flags >> bit & 1:
                unpacked.append(octets[at])
                at += 1
                continue
            token = int.from_bytes(octets[at : at + 2], "little")
            at += 2
            bits = max(4, (len(unpacked) - start - 1).bit_length())
            offset = (token >> 16 - bits) + 1
            length = (token & (0xFFFF >> bits)) + 3
            if offset > len(unpacked) - start:
                return
            for _ in range(length):
                unpacked.append(unpacked[-offset])
