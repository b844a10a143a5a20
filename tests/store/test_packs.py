"""Packs: what is written is found, by place and by scan; damage is named and passed over.  STORAGE §3."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import Damaged
from courriel.store.blobs.cache import OctetCache
from courriel.store.blobs.codec import RAW, ZSTD, Codec
from courriel.store.blobs.files import SystemFiles
from courriel.store.blobs.pack import HEADER, PackReader, PackWriter, pack_numbers, pack_path, scan, unpack

TEXT = b"a line that comes again\r\n" * 400
NOISE = os.urandom(5000)


def pairs(*bodies: bytes) -> list[tuple[bytes, bytes]]:
    return [(sha256(body).digest(), body) for body in bodies]


@pytest.mark.parametrize(("body", "codec"), [(TEXT, ZSTD), (NOISE, RAW), (b"", RAW)])
def test_a_body_is_compressed_where_that_pays(body: bytes, codec: int) -> None:
    [(how, data)] = Codec().encode([body])
    assert how == codec
    assert Codec().decode(how, data, len(body)) == body


@pytest.mark.parametrize(
    ("codec", "data", "size"),
    [(ZSTD, b"no zstandard", 100), (7, b"", 0), (ZSTD, Codec().encode([b"0" * 100_000])[0][1], 10)],
    ids=["not zstd", "unknown", "larger than said"],
)
def test_bad_octets_are_damage(codec: int, data: bytes, size: int) -> None:
    with pytest.raises(Damaged):
        Codec().decode(codec, data, size)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    directory = str(tmp_path_factory.mktemp("packs"))
    writer, reader = PackWriter(SystemFiles(), directory, 500), PackReader(SystemFiles(), directory)
    places = [writer.write(pairs(body))[0] for body in bodies]
    writer.sync()
    for place, (hash, body) in zip(places, pairs(*bodies), strict=True):
        assert unpack(reader.record(place), Codec(), hash) == body
    numbers = pack_numbers(SystemFiles(), directory)
    found = [record for number in numbers for record in scan(SystemFiles(), directory, number)]
    assert [record.place for record in found] == places
    assert all(record.intact for record in found)
    writer.close()
    reader.close()


def test_a_full_pack_is_followed_by_the_next(tmp_path: Path) -> None:
    writer = PackWriter(SystemFiles(), str(tmp_path), 6000)
    numbers = [writer.write(pairs(NOISE))[0].pack for _ in range(4)]
    assert numbers == [1, 1, 2, 2]
    writer.close()
    again = PackWriter(SystemFiles(), str(tmp_path), 6000)
    assert again.current == 2
    again.close()


def test_scan_passes_over_what_is_damaged(tmp_path: Path) -> None:
    writer = PackWriter(SystemFiles(), str(tmp_path), 1 << 20)
    first, second, third = writer.write(pairs(NOISE, NOISE[::-1], TEXT))
    writer.close()
    path = Path(pack_path(str(tmp_path), 1))
    octets = bytearray(path.read_bytes())
    octets[second.offset + HEADER.size + 100] ^= 1
    path.write_bytes(b"torn" + bytes(octets[4:]) + b"CPK1 torn tail")
    found = {record.place.offset: record.intact for record in scan(SystemFiles(), str(tmp_path), 1)}
    assert found == {second.offset: False, third.offset: True}
    assert first.offset not in found


@pytest.mark.parametrize("harm", ["flip", "cut", "unlink"])
def test_a_damaged_record_is_refused(tmp_path: Path, harm: str) -> None:
    writer, reader = PackWriter(SystemFiles(), str(tmp_path), 1 << 20), PackReader(SystemFiles(), str(tmp_path))
    [place] = writer.write(pairs(NOISE))
    writer.close()
    path = Path(pack_path(str(tmp_path), 1))
    if harm == "flip":
        octets = bytearray(path.read_bytes())
        octets[-1] ^= 0x80
        path.write_bytes(octets)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    with pytest.raises(Damaged):
        unpack(reader.record(place), Codec(), pairs(NOISE)[0][0])
    reader.close()


def test_the_cache_keeps_to_its_octets() -> None:
    cache: OctetCache[int] = OctetCache(10_000)
    for n in range(100):
        cache.put(n, b"x" * 500)
        assert cache.octets <= 10_000
    assert cache.get(99) == b"x" * 500
    assert cache.get(0) is None
    cache.put(1000, b"x" * 5_000)
    assert cache.get(1000) is None, "an eighth of the cache is the most one entry may take"
    cache.clear()
    assert cache.octets == 0
