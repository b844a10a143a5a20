"""One question on the wire, and whether an answer belongs to it.  RFC 1035 §4.1, RFC 6891 (EDNS), RFC 5452 §9.

What an off-path forger would have to guess: the id (16 bits), our port (the kernel's choice, about 15 bits) and the
case of each letter of the name (one bit a letter), which servers give back as it came.
"""

from __future__ import annotations

import secrets
import struct
from enum import Enum, auto
from typing import Final

import dns.message
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

UDP_OCTETS: Final = 1_232
"""Largest answer we take over UDP: it is not fragmented on any IPv6 path (RFC 9715 §3)."""

_RD: Final = 0x0100
"""Recurse for me.  RFC 1035 §4.1.1."""
_CD: Final = 0x0010
"""Give me also what you hold for bogus, I check myself.  RFC 4035 §3.2.2."""
_QR: Final = 0x8000
_TC: Final = 0x0200
_OPCODE: Final = 0x7800
_OPT: Final = struct.pack("!BHHIH", 0, 41, UDP_OCTETS, 0x0000_8000, 0)
"""EDNS version 0 with DO: send signatures.  RFC 6891 §6.1.2, RFC 3225 §3."""
_CLASS_IN: Final = 1
_HEADER: Final = struct.Struct("!HHHHHH")


class Match(Enum):
    """What a datagram is to a question."""

    STRANGE = auto()
    """Not an answer to it, or not readable: dropped."""
    OTHER_CASE = auto()
    """All fits but the case of the letters: a forger, or a server that writes names its own way."""
    TRUNCATED = auto()
    OURS = auto()


class Query:
    """``name`` asked for ``rdtype``; ``edns`` False for servers that know only RFC 1035, ``recurse`` for resolvers."""

    __slots__ = ("_id", "_question", "wire")

    def __init__(self, name: Name, rdtype: RdataType, *, edns: bool, recurse: bool) -> None:
        self._id = secrets.randbits(16)
        self._question = _mixed_case(name) + struct.pack("!HH", rdtype, _CLASS_IN)
        header = _HEADER.pack(self._id, _CD | _RD * recurse, 1, 0, 0, 1 if edns else 0)
        self.wire = header + self._question + (_OPT if edns else b"")

    def match(self, data: bytes) -> Match:
        """Cheap checks, before anything is parsed."""
        if len(data) < _HEADER.size + len(self._question):
            return Match.STRANGE
        ident, flags, questions, *_ = _HEADER.unpack_from(data)
        if ident != self._id or not flags & _QR or flags & _OPCODE or questions != 1:
            return Match.STRANGE
        echoed = data[_HEADER.size : _HEADER.size + len(self._question)]
        if echoed != self._question:
            return Match.OTHER_CASE if echoed.lower() == self._question.lower() else Match.STRANGE
        return Match.TRUNCATED if flags & _TC else Match.OURS


def read(data: bytes) -> Message | None:
    """The message; None where it is malformed."""
    try:
        return dns.message.from_wire(data, keyring=False)
    except Exception:  # whatever a stranger's octets make the parser raise: they are dropped
        return None


def _mixed_case(name: Name) -> bytes:
    """The name on the wire, each letter in upper or lower case by chance."""
    wire = bytearray(name.canonicalize().to_wire() or b"")
    chance = secrets.randbits(8 * len(wire))
    for at, octet in enumerate(wire):
        if 0x61 <= octet <= 0x7A and chance >> at & 1:
            wire[at] = octet - 0x20
    return bytes(wire)
