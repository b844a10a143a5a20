"""How the octets of a body are packed: as they are, or by Zstandard (RFC 8878) level 1.

Level 1 gives most of the gain at 280–760 MB/s (STORAGE §4); bodies it does not shrink are kept as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import zstandard

from courriel.base.errors import Damaged

RAW: Final = 0
ZSTD: Final = 1

LEVEL: Final = 1
WORTH_PERCENT: Final = 95
"""Compressed form is kept when it is smaller than this share of the original."""


class Codec:
    """Compressor and decompressor of one owner (a context is not for two threads at once)."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._decompressor = zstandard.ZstdDecompressor()

    def encode(self, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """(codec, octets) of each body."""
        return [self._encode(body) for body in bodies]

    def _encode(self, body: bytes) -> tuple[int, bytes]:
        packed = self._compressor.compress(body)
        if len(packed) * 100 < len(body) * WORTH_PERCENT:
            return ZSTD, packed
        return RAW, body

    def decode(self, codec: int, data: bytes, size_octets: int) -> bytes:
        """The body.  Raises Damaged; never makes more than ``size_octets``."""
        if codec == RAW:
            return data
        if codec != ZSTD:
            raise Damaged(f"unknown body codec {codec}")
        try:
            # The frame says how much it holds, and would be given that much memory whatever we allow.
            if zstandard.frame_content_size(data) != size_octets:
                raise Damaged("body does not have the size it should have")
            return self._decompressor.decompress(data, max_output_size=size_octets)
        except zstandard.ZstdError as error:
            raise Damaged(f"body cannot be decompressed: {error}") from None
