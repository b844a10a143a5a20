"""Files by their first octets; compound files and macros in them, read from files made here octet by octet."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.archive.ole import compound
from courriel.formats.archive.sniff import TYPES, sniff
from courriel.formats.archive.vba import sources
from courriel.formats.archive.zip import directory, member

TYPED = [
    (b"", "empty"),
    (b"MZ\x90\x00", "program"),
    (b"%PDF-1.7", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"Rar!\x1a\x07\x01\x00", "rar"),
    (b"\x00" * 257 + b"ustar", "tar"),
    (b"\x00" * 32769 + b"CD001", "iso"),
    (b"\xef\xbb\xbf<!DOCTYPE html>", "html"),
    (b"<!-- saved -->\n<html>", "html"),
    ("<html>".encode("utf-16"), "html"),
    (b"<?xml version='1.0'?><svg xmlns=''>", "svg"),
    (b"#!/bin/sh\n", "script"),
    (b"Bonjour", "text"),
    (b"\x01\x00\x02", "unknown"),
]


@pytest.mark.parametrize(("octets", "kind"), TYPED)
def test_types(octets: bytes, kind: str) -> None:
    assert sniff(octets) == kind


@given(st.binary(max_size=600))
def test_anything_has_a_type(octets: bytes) -> None:
    assert sniff(octets) in TYPES


def ole(streams: dict[str, bytes]) -> bytes:
    """A compound file with these streams, each of whole sectors; a name that ends in "/" is a storage."""
    sectors: list[bytes] = []
    fat: list[int] = []
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0)]
    for name, content in streams.items():
        if name.endswith("/"):
            entries.append(_entry(name[:-1], 1, 0, 0))
            continue
        padded = content.ljust(4096, b"\0") + b"\0" * (-max(len(content), 4096) % 512)
        entries.append(_entry(name, 2, len(sectors), len(padded)))
        for at in range(0, len(padded), 512):
            sectors.append(padded[at : at + 512])
            fat.append(len(sectors))
        fat[-1] = 0xFFFFFFFE
    directory_at = len(sectors)
    joined = b"".join(entries).ljust(-(-len(entries) // 4) * 512, b"\0")
    for at in range(0, len(joined), 512):
        sectors.append(joined[at : at + 512])
        fat.append(len(sectors))
    fat[-1] = 0xFFFFFFFE
    fat_at = len(sectors)
    fat.append(0xFFFFFFFD)
    sectors.append(struct.pack("<128I", *(fat + [0xFFFFFFFF] * (128 - len(fat)))))
    header = struct.pack(
        "<8s16x5H6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, directory_at, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0),
    )
    return header + struct.pack("<109I", fat_at, *[0xFFFFFFFF] * 108) + b"".join(sectors)


def _entry(name: str, kind: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    return struct.pack("<64sHBB12x16s20xIQ", encoded, len(encoded) + 2, kind, 1, b"", start, size)


def test_a_compound_file() -> None:
    file = compound(ole({"Macros/": b"", "WordDocument": b"abc", "Large": b"x" * 9_000}))
    assert file is not None and file.names() == {"Root Entry", "Macros", "WordDocument", "Large"}
    streams = {entry.name: file.read(entry) for entry in file.entries if entry.is_stream}
    assert streams["WordDocument"][:3] == b"abc" and streams["Large"][:9_000] == b"x" * 9_000
    assert file.read(next(entry for entry in file.entries if entry.name == "Large"), 10) == b"x" * 10


@given(st.integers(0, 5_000), st.integers(0, 255))
def test_a_damaged_compound_file_ends(at: int, octet: int) -> None:
    octets = bytearray(ole({"VBA/": b"", "A": b"x" * 5_000}))
    octets[at] = octet
    file = compound(bytes(octets))
    if file is not None:
        assert sum(len(file.read(entry)) for entry in file.entries) <= 4 * len(octets)


def test_what_is_no_compound_file() -> None:
    assert compound(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") is None
    assert compound(b"PK" * 600) is None


MODULE = b"Attribute VB_Name = 1"


def packed(source: bytes) -> bytes:
    """A container of one chunk of literals.  [MS-OVBA] 2.4.1."""
    tokens = b"".join(b"\0" + source[at : at + 8] for at in range(0, len(source), 8))
    return b"\x01" + (0xB000 | len(tokens) - 1).to_bytes(2, "little") + tokens


def test_macros() -> None:
    assert list(sources(b"junk" + packed(MODULE) + b"more", 1_000)) == [MODULE]
    assert list(sources(packed(MODULE), 9)) == [MODULE[:9]]
    assert list(sources(b"nothing", 1_000)) == []


def test_macros_with_copies() -> None:
    """The example of [MS-OVBA] 3.2.2: "#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"."""
    example = bytes.fromhex(
        "01 2F B0 00 23 61 61 61 62 63 64 65 82 66 00 70 61 67 68 69 6A 01 38 08 61 6B 6C 00 30 6D 6E 6F"
        "70 06 71 02 70 04 10 72 73 74 75 76 10 77 78 79 7A 00 3C"
    )
    from courriel.formats.archive import vba

    assert vba._unpacked(example, 1, 1_000) == b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"


@given(st.binary(max_size=300))
def test_hostile_macros_end(octets: bytes) -> None:
    assert sum(len(source) for source in sources(b"\x01\x00\xb0\x00Attribut" + octets, 5_000)) <= 10_000


def test_the_directory_of_a_zip_file() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"hello " * 1_000)
    infos = directory(out.getvalue())
    assert [info.filename for info in infos] == ["a.txt"]
    assert member(out.getvalue(), infos[0], 11) == b"hello hello"
    assert directory(b"PK\x03\x04") == []
