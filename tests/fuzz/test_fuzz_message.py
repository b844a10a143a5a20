"""Fuzz targets for whole messages: any octets give a summary whose promises hold.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import Damaged, FormatError
from courriel.formats.message.canonical import to_crlf
from courriel.formats.message.html_text import html_text
from courriel.formats.message.index import index, pack, unpack
from courriel.formats.message.limits import MessageLimits
from courriel.formats.message.parse import Part, parse
from courriel.formats.message.section import Section, SectionKind, UnknownEncoding, decode_binary, extract
from courriel.formats.message.structure import body_form
from courriel.formats.message.summary import summarise
from courriel.formats.message.text import PREVIEW_CHARACTERS, decoded_header, decoded_text
from courriel.formats.reports import dsn

NUMBERS = ((), (1,), (2,), (1, 1), (2, 1), (1, 2, 1))


def fuzz_summary(data: bytes) -> None:
    for raw in (data, to_crlf(data)):
        summary = summarise(raw)
        for wire in (summary.envelope, summary.bodystructure, body_form(summary.bodystructure)):
            assert wire.startswith(b"(") and wire.endswith(b")")
            assert b"\0" not in wire
        assert len(summary.preview) <= PREVIEW_CHARACTERS
        assert summary.preview.isprintable() or not summary.preview


def fuzz_sections(data: bytes) -> None:
    parts = summarise(data).parts
    trace = b"Return-Path: <>\r\n"
    for numbers in NUMBERS:
        for kind in (SectionKind.ALL, SectionKind.TEXT, SectionKind.HEADER, SectionKind.MIME):
            section = Section(numbers, kind)
            octets = extract(data, parts, 0, section)
            assert octets in data
            assert extract(trace + data, parts, len(trace), section).endswith(octets)
        extract(data, parts, 0, Section(numbers, SectionKind.HEADER_FIELDS, (b"to", b"subject")))
        with contextlib.suppress(UnknownEncoding):
            decode_binary(data, parts, 0, numbers)
    decoded_header(data, parts, 0)
    for text in decoded_text(data, parts, 0):
        assert isinstance(text, str)


def fuzz_limits(data: bytes) -> None:
    """Small limits, so that short inputs reach them."""
    root = parse(data, MessageLimits(depth=3, parts=4, header_octets=40, header_fields=2, overlap_steps=6))
    count = 0
    waiting = [(root, 1)]
    while waiting:
        part, depth = waiting.pop()
        count += 1
        assert 0 <= part.start <= part.body <= part.end <= len(data)
        assert depth <= 4
        inside: list[Part] = [*part.children, *([part.message] if part.message else [])]
        waiting += [(child, depth + 1) for child in inside]
    assert count <= 5
    assert unpack(pack(index(root))) == index(root)


def fuzz_index(data: bytes) -> None:
    with contextlib.suppress(Damaged):
        unpack(data)


def fuzz_html(data: bytes) -> None:
    text = data.decode("latin-1")
    assert "\ud800" not in html_text(text)
    assert len(html_text(text, 10)) <= len(text)


def fuzz_dsn(data: bytes) -> None:
    """Any octets, and the same as the fields of a report."""
    for raw in (data, b"Content-Type: message/delivery-status\r\n\r\n" + data):
        with contextlib.suppress(FormatError):
            found = dsn.read(raw)
            assert 0 < len(found.report.recipients) <= dsn.RECIPIENTS
            for recipient in found.report.recipients:
                assert recipient.final_recipient.value.isprintable()
                assert dsn.one_line(recipient.final_recipient.value) == recipient.final_recipient.value


PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"--x", b"--xy", b"--", b"\r\n\r\n", b"A", b" ", b":", b";", b'"', b"\0", b"\xff"),
        *(b"Content-Type: multipart/mixed; boundary=x", b"Content-Type: multipart/digest; boundary=xy"),
        *(b"Content-Type: message/rfc822", b"Content-Type: text/html", b"content-type:", b"boundary=", b"(", b")"),
        *(b"To: ", b"From: a@b", b"Subject: ", b"Date: ", b"References: <a@b>", b"Content-Disposition: ", b"*0*="),
        *(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"=", b"=?utf-8?q?"),
        *(b"<p>", b"<!--", b"-->", b"<style>", b"</style>", b"&amp;", b"&#", b"{3}", b"\\", b"Content-Language: "),
        *(b"Content-Type: message/delivery-status", b"Final-Recipient: utf-8; ", b"Status: 5.1.1", b"\\x{0A}", b"<"),
    ]
)
MESSAGES = st.lists(PIECES, max_size=50).map(b"".join) | st.binary(max_size=200)


@pytest.mark.parametrize("target", [fuzz_summary, fuzz_sections, fuzz_limits, fuzz_index, fuzz_html, fuzz_dsn])
@settings(max_examples=150, deadline=None)
@given(data=MESSAGES)
def test_targets_hold(target: Callable[[bytes], None], data: bytes) -> None:
    target(data)
