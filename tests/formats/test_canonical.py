"""The canonical forms of DKIM: RFC 6376 §3.4.5's examples, any chunking, and what is cut nowhere else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.message.canonical_body import Canon, canonical_body, canonicaliser
from courriel.formats.message.canonical_header import FieldPicker, RawField, canonical_field

BODIES = [
    (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
    (b"", b"\r\n", b""),
    (b"\r\n\r\n", b"\r\n", b""),
    (b" \t\r\n \r\n", b" \t\r\n \r\n", b""),
    (b"no end", b"no end\r\n", b"no end\r\n"),
    (b"blank end \t", b"blank end \t\r\n", b"blank end\r\n"),
    (b"a\r\n\r\nb\r\n \r\n\r\n", b"a\r\n\r\nb\r\n \r\n", b"a\r\n\r\nb\r\n"),
    (b"lone \r cr \n lf\r\n", b"lone \r cr \n lf\r\n", b"lone \r cr \n lf\r\n"),
    (b"cr at end\r", b"cr at end\r\r\n", b"cr at end\r\r\n"),
    (b"cr first\r\r\n\r\n", b"cr first\r\r\n", b"cr first\r\r\n"),
    (b"lf at end\n\r\n\r\n", b"lf at end\n\r\n", b"lf at end\n\r\n"),
    (b"form\x0cfeed \x0c\r\n", b"form\x0cfeed \x0c\r\n", b"form\x0cfeed \x0c\r\n"),
]


@pytest.mark.parametrize(("body", "simple", "relaxed"), BODIES)
def test_bodies(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert canonical_body(body, Canon.SIMPLE) == simple
    assert canonical_body(body, Canon.RELAXED) == relaxed


_TEXT = st.lists(st.sampled_from([b"a", b"N", b" ", b"\t", b"\r\n", b"\r", b"\n", b"  ", b"\r\n\r\n"]), max_size=30)


@given(_TEXT, st.lists(st.integers(1, 5), max_size=60), st.sampled_from(Canon))
def test_any_chunking_gives_the_same(parts: list[bytes], sizes: list[int], form: Canon) -> None:
    body = b"".join(parts)
    one, out, at = canonicaliser(form), b"", 0
    for size in sizes:
        out += one.feed(body[at : at + size])
        at += size
    out += one.feed(body[at:])
    assert out + one.finish() == canonical_body(body, form)


@given(_TEXT)
def test_relaxed_as_the_rfc_says_it(parts: list[bytes]) -> None:
    """RFC 6376 §3.4.4, rule by rule."""
    body = b"".join(parts)
    lines = body.split(b"\r\n")
    told = [b" ".join(one for one in line.replace(b"\t", b" ").split(b" ") if one) for line in lines]
    kept = [
        (b" " if line[:1] in (b" ", b"\t") and text else b"") + text for line, text in zip(lines, told, strict=True)
    ]
    while kept and not kept[-1]:
        kept.pop()
    assert canonical_body(body, Canon.RELAXED) == b"".join(line + b"\r\n" for line in kept)


@pytest.mark.parametrize("body", [b" " * 1_000_000, b"\r\n" * 500_000, b" \t" * 500_000 + b"x", b"a \r\n" * 250_000])
def test_a_hostile_megabyte_is_cheap(body: bytes) -> None:
    began = time.process_time()
    canonical_body(body, Canon.RELAXED)
    assert time.process_time() - began < 0.05


def test_small_pieces_of_nothing_are_cheap() -> None:
    one = canonicaliser(Canon.RELAXED)
    began = time.process_time()
    for _ in range(100_000):
        one.feed(b"\r\n")
    assert one.finish() == b""
    assert time.process_time() - began < 0.5


FIELDS: list[tuple[RawField, bytes, bytes]] = [
    ((b"A", b":", b" X\r\n"), b"A: X\r\n", b"a:X\r\n"),  # RFC 6376 §3.4.5
    ((b"B", b" :", b" Y\t\r\n\tZ  \r\n"), b"B : Y\t\r\n\tZ  \r\n", b"b:Y Z\r\n"),
    ((b"Empty", b":", b"\r\n"), b"Empty:\r\n", b"empty:\r\n"),
    ((b"Feed", b":", b" a \x0c b\r\n"), b"Feed: a \x0c b\r\n", b"feed:a \x0c b\r\n"),
    ((b"Cr", b":", b" a \r b\r\n"), b"Cr: a \r b\r\n", b"cr:a \r b\r\n"),
    ((b"Last", b":", b" x"), b"Last: x\r\n", b"last:x\r\n"),
]


@pytest.mark.parametrize(("field", "simple", "relaxed"), FIELDS)
def test_fields(field: RawField, simple: bytes, relaxed: bytes) -> None:
    assert canonical_field(field, Canon.SIMPLE) == simple
    assert canonical_field(field, Canon.RELAXED) == relaxed


def test_fields_are_picked_from_below() -> None:
    """RFC 6376 §5.4.2; a name more often than it stands picks nothing more."""
    picker = FieldPicker([(b"To", b":", b"1\r\n"), (b"X", b":", b"2\r\n"), (b"TO", b":", b"3\r\n")])
    assert picker.canonical([b"to", b"cc", b"to", b"to"], Canon.RELAXED) == b"to:3\r\nto:1\r\n"
    assert (picker.count(b"to"), picker.count(b"cc")) == (2, 0)
