"""Header blocks and parameters: RFC 5322 §2.2, RFC 2045 §5.1, RFC 2231 §3–4; AUTH.md attack rows 7, 8, 12."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import LimitExceeded
from courriel.formats import comments, header
from courriel.formats.header import HeaderLimits, parameters, split_block, unfold

BLOCKS = [
    # raw, offset of the body, fields
    (b"A: 1\r\nB: 2\r\n\r\nbody", 14, [(b"A", b"1"), (b"B", b"2")]),
    (b"A: 1\nB: 2\n\nbody\n\n", 11, [(b"A", b"1"), (b"B", b"2")]),
    (b"A: 1\n\r\n", 7, [(b"A", b"1")]),
    (b"\r\nbody", 2, []),
    (b"\nbody", 1, []),
    (b"", 0, []),
    (b"A: 1", 4, [(b"A", b"1")]),
    (b"A:\r\n\r\n", 6, [(b"A", b"")]),
    # RFC 5322 §2.2.3
    (b"Subject: This\r\n is a test\r\n\r\n", 29, [(b"Subject", b"This is a test")]),
    # RFC 5322 §4.5: blanks before the colon; a fold with only blanks in it (§4.2 obs-FWS)
    (b"From : a\r\n \r\n\tb\r\n\r\n", 19, [(b"From", b"a \tb")]),
    # what is no field is left out and loses nothing after it
    (b" folded\r\nA: 1\r\n\r\n", 17, [(b"A", b"1")]),
    (b"no colon\r\nA: 1\r\n\r\n", 18, [(b"A", b"1")]),
    (b"A: 1\r\nbad name: x\r\n A: no\r\nB: 2\r\n\r\n", 35, [(b"A", b"1"), (b"B", b"2")]),
    (b"\xe9: 1\r\nA: 1\r\n: x\r\n\r\n", 19, [(b"A", b"1")]),
    # espoofer A12, A13: the colon on the next line makes no From
    (b"From\r\n : <first@attack.com>\r\nTo: x\r\n\r\n", 38, [(b"To", b"x")]),
]


@pytest.mark.parametrize(("raw", "body", "fields"), BLOCKS)
def test_block(raw: bytes, body: int, fields: list[tuple[bytes, bytes]]) -> None:
    block = split_block(raw)
    assert (block.body, block.items(), block.exceeded) == (body, fields, None)
    for field, (name, value) in zip(block.fields, fields, strict=True):
        assert raw[field.start : field.start + len(name)] == field.name == name
        assert unfold(raw[field.value_start : field.end]) == value
        assert raw[: field.start].endswith(b"\n") or field.start == 0


def test_look_up() -> None:
    block = split_block(b"a: 1\r\nB: 2\r\nA: 3\r\n\r\n")
    assert (block.get(b"A"), block.get(b"b"), block.get(b"c")) == (b"1", b"2", None)
    assert (block.all(b"A"), block.all(b"c")) == ([b"1", b"3"], [])


def test_a_block_inside_a_message() -> None:
    raw = b"A: 1\r\n\r\n--x\r\nB: 2\r\n\r\nbody"
    block = split_block(raw, start=13)
    assert (block.items(), raw[block.body :], block.length) == ([(b"B", b"2")], b"body", 8)
    assert [(field.start, field.end) for field in block.fields] == [(13, 19)]


def test_limits_have_names() -> None:
    many = split_block(b"A: 1\r\n" * 1_001 + b"\r\n")
    assert (many.exceeded, len(many.fields), len(many.all(b"a"))) == ("header.fields", 1_000, 1_000)
    assert split_block(b"A: 1\r\n" * 1_000 + b"\r\n").exceeded is None
    large = split_block(b"A: " + b"x" * 1_048_576 + b"\r\n\r\nbody")
    assert (large.exceeded, large.raw[large.body :]) == ("header.block_octets", b"body")
    with pytest.raises(LimitExceeded, match=r"header\.block_octets"):
        large.check()
    small = split_block(b"A: 1\r\nB: 2\r\n\r\n", HeaderLimits(block_octets=6))
    assert small.items() == [(b"A", b"1")]


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_any_octets(raw: bytes) -> None:
    block = split_block(raw)
    assert 0 <= block.body <= len(raw)
    at = 0
    for field in block.fields:
        assert at <= field.start < field.value_start <= field.end <= block.body
        assert raw[field.start :].startswith(field.name)
        at = field.end
    for value in [unfolded for _, unfolded in block.items()]:
        assert b"\n" not in value


_NAMES = st.from_regex(rb"[!-9;-~]{1,12}", fullmatch=True)
_VALUES = st.from_regex(rb"(?:[!-~]+(?: [!-~]+)*)?", fullmatch=True)


@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=20), st.sampled_from([b"\r\n", b"\n"]))
@settings(max_examples=100)
def test_fields_come_back(fields: list[tuple[bytes, bytes]], end: bytes) -> None:
    raw = b"".join(b"%b: %b%b" % (name, value.replace(b" ", end + b" "), end) for name, value in fields) + end
    assert split_block(raw + b"body").items() == fields
    assert split_block(raw + b"body").body == len(raw)


PARAMETERS = [
    # RFC 2045 §5.1
    (b"text/plain; charset=us-ascii (Plain text)", b"text/plain", {b"charset": "us-ascii"}),
    (b'text/plain; charset="us-ascii"', b"text/plain", {b"charset": "us-ascii"}),
    # RFC 2231 §3
    (
        b'message/external-body; access-type=URL;\r\n URL*0="ftp://";\r\n URL*1="cs.utk.edu/pub/moore/bulk"',
        b"message/external-body",
        {b"access-type": "URL", b"url": "ftp://cs.utk.edu/pub/moore/bulk"},
    ),
    # RFC 2231 §4
    (
        b"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
        b"application/x-stuff",
        {b"title": "This is ***fun***"},
    ),
    # RFC 2231 §4.1
    (
        b"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
        b' title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn\'t it!"',
        b"application/x-stuff",
        {b"title": "This is even more ***fun*** isn't it!"},
    ),
    # pieces out of order, and with a hole
    (b"x; a*1=2; a*0=1; a*3=4", b"x", {b"a": "12"}),
    (b"x; a*1=2", b"x", {}),
    (b"x; a=plain; a*=utf-8''%C3%A9", b"x", {b"a": "é"}),
    # what mail really holds
    (b"attachment; filename=my file.pdf", b"attachment", {b"filename": "my file.pdf"}),
    (b'attachment; filename="=?utf-8?q?=C3=A9?="', b"attachment", {b"filename": "é"}),
    (b'attachment; filename="a\\"b;c"; size=3', b"attachment", {b"filename": 'a"b;c', b"size": "3"}),
    (b'x; a="unclosed; b=c', b"x", {b"a": "unclosed; b=c"}),
    (b"x;;; =1;b;c = d ;", b"x", {b"c": "d"}),
    (b"x; a=1; A=2", b"x", {b"a": "1"}),
    (b"  text/html  ", b"text/html", {}),
    (b"(one (two)) text/html (three); a=(b)c", b"text/html", {b"a": "c"}),
    (b"", b"", {}),
    # AUTH.md attack row 11
    (b"x; a*=utf-8''b%0D%0ABcc:%20c%00", b"x", {b"a": "b  Bcc: c "}),
]


@pytest.mark.parametrize(("raw", "value", "decoded"), PARAMETERS)
def test_parameters(raw: bytes, value: bytes, decoded: dict[bytes, str]) -> None:
    found = parameters(raw)
    assert (found.value, found.decoded) == (value, decoded)


def test_raw_and_joined_parameters() -> None:
    found = parameters(b"x; A*0*=utf-8''a%20; a*1=50%; Boundary=\"q q\"")
    assert found.raw == ((b"A*0*", b"utf-8''a%20"), (b"a*1", b"50%"), (b"Boundary", b"q q"))
    assert found.joined == ((b"a*", b"utf-8''a%2050%25"), (b"Boundary", b"q q"))
    assert (found.get(b"boundary"), found.get(b"none")) == (b"q q", None)
    assert len(parameters(b"x" + b"; a=1" * 200).raw) == header.DEFAULT.parameters == 100


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_parameters(raw: bytes) -> None:
    for name, text in parameters(b"x;" + raw).decoded.items():
        assert name
        assert not {"\r", "\n", "\0"} & set(text) or not raw.isascii() or b"\r" in raw or b"\0" in raw


def test_comments() -> None:
    assert comments.without_comments(b'a(b(c)\\)d)e "(f)" \\(g (unclosed') == b'a e "(f)" \\(g  '
    assert comments.text(b"(a \\) b)", 0) == b"a ) b"
    assert comments.end_of(b"((((x)))) y", 0) == (9, True)
    assert comments.end_of(b"((((x))) y", 0) == (10, False)


HOSTILE = [b";", b"; =;", b"(", b")", b"(((", b"()", b'"', b'"\\', b';a="\\', b"a*0=1;", b"\\", b"\r\n ", b"=", b";a"]


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_parameter_floods_are_linear(piece: bytes) -> None:
    raw = b"text/plain;" + piece * (1_000_000 // len(piece))
    start = time.process_time()
    _ = parameters(raw).decoded
    assert time.process_time() - start < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"a:\n", b"a: b\r\n", b" \n", b"a\n", b":\n", b"\r", b"a : ", b"aaaa", b"\r\n\t"])
def test_header_floods_are_linear(piece: bytes) -> None:
    raw = piece * (1_000_000 // len(piece))
    start = time.process_time()
    block = split_block(raw)
    _ = block.fields, block.exceeded, block.get(b"from")
    assert time.process_time() - start < 0.5
