"""Encoded words, parameter values and charsets: RFC 2047, RFC 2231; AUTH.md attack row 11."""

from __future__ import annotations

import codecs
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.formats import charsets
from courriel.formats.encoded_word import (
    LINE_OCTETS,
    WORD_OCTETS,
    decode,
    decode_parameter,
    encode_parameter,
    encode_phrase,
    encode_unstructured,
)
from courriel.formats.header import parameters, unfold

DECODED = [
    # RFC 2047 §8
    (b"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
    (
        b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
        "If you can read this you understand the example.",
    ),
    (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
    (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
    (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
    (b"(=?ISO-8859-1?Q?a?=\r\n       =?ISO-8859-1?Q?b?=)", "(ab)"),
    (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
    (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
    # RFC 2231 §5
    (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
    # a character cut in two by its sender
    (b"=?utf-8?q?=C3?= =?UTF-8?q?=A9?=", "é"),
    (b"=?utf-8?b?w6k?= x", "é x"),
    (b"a =?utf-8?b?====?= b", "a  b"),
    # glued and spaced, as senders write them
    (b"a=?utf-8?q?=C3=A9?=b", "aéb"),
    (b"=?utf-8?q?a b?=", "a b"),
    # no word: left as it stands
    (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
    (b"=?utf-8?q?a", "=?utf-8?q?a"),
    (b"=??q?a?=", "=??q?a?="),
    (b"=?utf-8?q?a\xff?=", "a\ufffd"),
    # raw octets
    ("déjà".encode(), "déjà"),
    ("déjà".encode("latin-1"), "déjà"),
    (b"=?unknown-8bit?q?=C3=A9?=", "é"),
    # AUTH.md attack row 11
    (b"=?utf-8?q?a=0D=0ABcc:_b=00?=", "a  Bcc: b "),
    (b"", ""),
]


@pytest.mark.parametrize(("raw", "text"), DECODED)
def test_decode(raw: bytes, text: str) -> None:
    assert decode(raw) == text


PARAMETER_VALUES = [
    (b"us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "This is ***fun***"),  # RFC 2231 §4
    (b"''plain", "plain"),
    (b"utf-8''%e2%82%ac", "€"),
    (b"iso-8859-1''%A4", "¤"),
    (b"no quotes%20", "no quotes "),
    (b"nope''%C3%A9%", "é%"),
]


@pytest.mark.parametrize(("raw", "text"), PARAMETER_VALUES)
def test_decode_parameter(raw: bytes, text: str) -> None:
    assert decode_parameter(raw) == text


def test_only_what_needs_it_is_encoded() -> None:
    assert encode_unstructured("Hello there") == b"Hello there"
    assert encode_unstructured("plain é plain") == b"plain =?utf-8?b?w6k=?= plain"
    assert encode_unstructured("an =?utf-8?q?x?= example") == b"an =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= example"
    assert encode_phrase("John Doe") == b"John Doe"
    assert encode_phrase('J. "D"') == b'"J. \\"D\\""'
    assert encode_parameter(b"name", "a.txt") == b"name=a.txt"
    assert encode_parameter(b"name", 'a "b"') == b'name="a \\"b\\""'
    assert encode_parameter(b"name", "é") == b"name*=utf-8''%C3%A9"


_TEXTS = st.one_of(
    st.text(max_size=120),
    st.text(st.sampled_from('ab é日😀=?_"\\ '), max_size=120),
    st.text(st.sampled_from("aé \r\n\0"), max_size=20),
)


def cleaned(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")


def assert_safe(raw: bytes) -> None:
    assert b"\0" not in raw
    assert not {0x0D, 0x0A} & set(raw.replace(b"\r\n ", b""))


@given(_TEXTS, st.integers(0, 100))
@settings(max_examples=200)
def test_unstructured_comes_back(text: str, used: int) -> None:
    raw = encode_unstructured(text, used)
    assert_safe(raw)
    assert raw.isascii()
    assert decode(unfold(raw)) == cleaned(text)
    if b"=?" in raw and used <= 40 and all(len(word) < 30 for word in text.split(" ")):
        assert all(len(line) <= LINE_OCTETS for line in (b"x" * used + raw).split(b"\r\n"))
        assert all(len(word) <= WORD_OCTETS for word in raw.split() if word.startswith(b"=?"))


@given(_TEXTS, st.integers(0, 40))
@settings(max_examples=200)
def test_phrase_comes_back(text: str, used: int) -> None:
    raw = encode_phrase(text, used)
    assert_safe(raw)
    assert raw and raw.isascii()
    if not raw.startswith(b'"'):
        assert decode(unfold(raw)) == cleaned(text)


@given(_TEXTS)
@settings(max_examples=200)
def test_parameter_comes_back(text: str) -> None:
    raw = encode_parameter(b"filename", text)
    assert_safe(raw)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert parameters(b"attachment; " + raw).decoded == {b"filename": cleaned(text)}


def test_lone_surrogates_become_replacement_characters() -> None:
    assert "\ufffd" in decode(unfold(encode_unstructured("a\ud800b")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [b"=?a", b"=?a?q?", b"=?a?q?=?=", b"=?u?q?=41?= ", b"=?", b"=?a*", b"=?a?b?=", b"?=", b" "]
)
def test_word_floods_are_linear(piece: bytes) -> None:
    raw = piece * (500_000 // len(piece))
    start = time.process_time()
    decode(raw)
    assert time.process_time() - start < 0.5


@pytest.mark.slow
def test_long_texts_are_written_in_linear_time() -> None:
    start = time.process_time()
    encode_unstructured("é" * 100_000)
    encode_phrase("a b " * 50_000)
    encode_parameter(b"name", "é" * 50_000)
    assert time.process_time() - start < 1


CHARSETS = [
    (b"\x80", b"iso-8859-1", "€"),
    (b"\xe9", b"ISO-8859-15", "é"),
    (b"\xa4", b"latin9", "€"),
    (b"\xb0\xa1", b"ks_c_5601-1987", "가"),
    (b'\x1b$B$"\x1b(B', b"iso-2022-jp", "あ"),
    (b"+AOk-", b"utf-7", "é"),
    (b"\xe9", None, "é"),
    (b"\xc3\xa9", None, "é"),
    (b"\xc3\xa9", b"us-ascii", "é"),
    (b"\xc3\xa9", b"iso-8859-1", "Ã©"),
    (b"\xc3\xa9", b"x-nobody-knows", "é"),
    (b"\xff", b"utf-8", "\ufffd"),
    (b"abc", b'" UTF-8 "', "abc"),
    (b"a\x00b\x00", b"utf-16le", "ab"),
]


@pytest.mark.parametrize(("raw", "charset", "text"), CHARSETS)
def test_charset(raw: bytes, charset: bytes | None, text: str) -> None:
    assert charsets.decode(raw, charset) == text


@pytest.mark.parametrize(
    "label",
    [
        "zip",
        "hex",
        "base64",
        "rot13",
        "rot_13",
        "uu",
        "bz2",
        "quopri",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "../x",
        "x" * 10000,
        "",
        "utf-8\x00",
    ],
)
def test_only_text_codecs_are_known(label: str) -> None:
    assert charsets.known(label) is None
    assert charsets.decode(b"78da", label) == "78da"


def test_every_codec_of_the_table_reads_text() -> None:
    for codec in set(charsets._CODEC.values()):
        assert codecs.lookup(codec)._is_text_encoding, codec


@given(st.binary(max_size=60), st.sampled_from(sorted(set(charsets._CODEC.values()))))
@settings(max_examples=200)
def test_decoded_text_can_be_encoded(raw: bytes, codec: str) -> None:
    charsets.decode(raw, codec).encode("utf-8")
    charsets.decode(b"+2AD" + raw, "utf-7").encode("utf-8")
