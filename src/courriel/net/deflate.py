"""The layer of compression below a dialogue: raw DEFLATE both ways.  RFC 1951; used as RFC 4978 §3 says.

What leaves in one burst is compressed by itself and ends on an octet (a sync flush), so the client can read all of
it at once, and nothing of the compressor outlives the burst: a connection at rest holds the inflater alone (7 KB,
and its window of 32 KB once the client has sent something), where a compressor of its own would be 256 KB more.
That no burst refers to an earlier one also keeps what somebody else wrote from measuring what stands beside it.

Not here: when it begins, which is each protocol's.
"""

from __future__ import annotations

import zlib
from typing import Final

from courriel.base.errors import FormatError

PIECE_OCTETS: Final = 65_536
"""Most octets inflated at once; a dialogue has done with them before the next come."""

FREE_OCTETS: Final = 16_000_000
"""Octets a client may send however small they were when compressed: an attachment of nothing but zeros.  Inflating
them takes 30 ms, once a connection."""

RATIO: Final = 25
"""Beyond that, most octets from each compressed one.  Mail shrinks to a third, hardly ever to a tenth; inflating 25
MB, which one compressed megabyte may become, takes some 40 ms."""

SMALL_OCTETS: Final = 4_096
"""Bursts up to here are compressed with a window of their size: 2.6 µs for one reply, where the large one is made in
12 µs."""

BLANK_EVERY: Final = 64
"""Text and HTML have a blank more often than this, base64 hardly any.  Of base64 nothing but the codes' length can
be saved: a quarter, in 5 ms a megabyte instead of 20 (level 6: 24; text 9 against 34)."""


LARGE_OCTETS: Final = 4_000_000
"""Of a burst that is one large message, what is beyond goes as it is (0.2 ms a megabyte): all other clients wait while
one is compressed, 45 ms for so much."""


class Deflate:
    """One connection's compression."""

    __slots__ = ("_came", "_inflater", "_made", "_more", "_waiting")

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # a client's window may be any
        self._waiting = b""
        self._more = False
        self._came = 0
        self._made = 0

    def pack(self, data: bytes) -> bytes:
        """One burst, compressed and flushed."""
        if len(data) > LARGE_OCTETS:
            return self.pack(data[:LARGE_OCTETS]) + _stored(data[LARGE_OCTETS:])
        small = len(data) <= SMALL_OCTETS
        dense = not small and data.count(b" ") * BLANK_EVERY < len(data)
        packer = zlib.compressobj(
            zlib.Z_BEST_SPEED,
            zlib.DEFLATED,
            -12 if small else -zlib.MAX_WBITS,
            5 if small else zlib.DEF_MEM_LEVEL,
            zlib.Z_HUFFMAN_ONLY if dense else zlib.Z_DEFAULT_STRATEGY,
        )
        return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)

    def feed(self, data: bytes) -> None:
        """Compressed octets of the client."""
        self._came += len(data)
        self._waiting = self._waiting + data if self._waiting else data
        self._more = True

    @property
    def waiting(self) -> bool:
        """Whether there may be more to ``take``."""
        return self._more

    def take(self) -> bytes:
        """The next octets in clear, PIECE_OCTETS at most; b"" when more must come first.

        Raises FormatError for what is no DEFLATE, for its end, and for a bomb.
        """
        try:
            data = self._inflater.decompress(self._waiting, PIECE_OCTETS)
        except zlib.error as error:
            raise FormatError("compressed data", self._came, str(error)) from error
        self._waiting = self._inflater.unconsumed_tail
        # A full piece may be cut within what one code stands for: the rest of it is in the inflater, not before it.
        self._more = bool(self._waiting) or len(data) == PIECE_OCTETS
        self._made += len(data)
        if self._made > FREE_OCTETS + RATIO * self._came:
            raise FormatError("compressed data", self._came, f"more than {RATIO} octets of each")
        if self._inflater.eof:
            raise FormatError("compressed data", self._came, "ended")
        return data


def _stored(data: bytes) -> bytes:
    packer = zlib.compressobj(zlib.Z_NO_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
