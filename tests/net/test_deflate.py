"""Compression below a dialogue: flushed bursts, any pieces, bombs, garbage.  RFC 1951."""

from __future__ import annotations

import itertools
import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.net.deflate import FREE_OCTETS, LARGE_OCTETS, PIECE_OCTETS, RATIO, Deflate


def raw(data: bytes, level: int = 9) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


def all_of(deflate: Deflate) -> bytes:
    pieces = []
    while deflate.waiting:
        pieces.append(deflate.take())
        assert len(pieces[-1]) <= PIECE_OCTETS
    return b"".join(pieces)


@given(
    st.lists(st.binary(max_size=200), max_size=8), st.sampled_from([b"", b"word and word " * 400, os.urandom(9_000)])
)
def test_every_burst_can_be_read_at_once_and_needs_no_earlier_one(bursts: list[bytes], large: bytes) -> None:
    deflate, client = Deflate(), zlib.decompressobj(-zlib.MAX_WBITS)
    for burst in [*bursts, large]:
        assert client.decompress(deflate.pack(burst)) == burst


@given(st.binary(max_size=4_000), st.lists(st.integers(0, 5_000), max_size=5))
def test_what_comes_may_be_cut_anywhere(data: bytes, cuts: list[int]) -> None:
    packed = raw(data)
    places = sorted({0, len(packed), *(min(cut, len(packed)) for cut in cuts)})
    deflate, got = Deflate(), b""
    for start, end in itertools.pairwise(places):
        deflate.feed(packed[start:end])
        got += all_of(deflate)
    assert got == data


@pytest.mark.parametrize("octets", [PIECE_OCTETS - 1, PIECE_OCTETS, PIECE_OCTETS + 1, PIECE_OCTETS * 2 + 100])
def test_a_full_piece_leaves_nothing_in_the_inflater(octets: int) -> None:
    deflate = Deflate()
    deflate.feed(raw(b"a" * octets))
    assert all_of(deflate) == b"a" * octets


def test_a_bomb_is_refused_and_never_held_as_a_whole() -> None:
    packed = raw(bytes(FREE_OCTETS + RATIO * 80_000 + 30 * PIECE_OCTETS))
    assert len(packed) < 80_000
    tracemalloc.start()
    deflate = Deflate()
    deflate.feed(packed)
    with pytest.raises(FormatError, match="octets of each"):
        while deflate.waiting:
            deflate.take()
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("garbage", [b"a1 NOOP\r\n\r\n", b"\xff\xff\xff", zlib.compressobj(wbits=-15).flush()])
def test_garbage_and_an_end_are_refused(garbage: bytes) -> None:
    deflate = Deflate()
    deflate.feed(garbage)
    with pytest.raises(FormatError):
        all_of(deflate)


def test_of_a_very_large_burst_only_the_first_part_takes_time() -> None:
    data = b"much the same " * (LARGE_OCTETS // 7)
    packed = Deflate().pack(data)
    assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed) == data
    beyond = len(data) - LARGE_OCTETS
    assert beyond <= len(packed) < beyond + LARGE_OCTETS // 10
