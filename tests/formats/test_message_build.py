"""The builder: what it writes reads back, whatever the values hold.  RFC 5322 §2.1.1, RFC 2045; AUTH.md row 11."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.address import Path
from courriel.formats.message.build import Attachment, Draft, Person, build
from courriel.formats.message.canonical import has_bare_cr_or_lf
from courriel.formats.message.parse import parse
from courriel.formats.message.section import decode_binary
from courriel.formats.message.summary import summarise

ALICE = Person("Alice Müller", Path("alice", "example.org"))
BOB = Person("", Path("bob", "example.net"))
NOW = datetime(2026, 11, 24, 5, 53, 58, tzinfo=UTC)


def draft(**changes: object) -> Draft:
    values: dict[str, object] = {"sender": ALICE, "date": NOW, "message_id": "<1@example.org>", "to": (BOB,)}
    return Draft(**{**values, **changes})  # type: ignore[arg-type]


def test_plain_text_needs_no_encoding() -> None:
    raw = build(draft(sender=BOB, subject="Hello", text="Hi Bob,\nsee you."), "x")
    assert raw == (
        b"From: bob@example.net\r\nTo: bob@example.net\r\nSubject: Hello\r\n"
        b"Date: Tue, 24 Nov 2026 05:53:58 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        b"Hi Bob,\r\nsee you.\r\n"
    )


def test_alternative_inside_mixed() -> None:
    raw = build(
        draft(text="é", html="<p>é</p>", attachments=(Attachment("a b.pdf", b"\0\xff" * 100, "application/pdf"),)),
        "seed",
    )
    root = parse(raw)
    assert [child.media.full for child in root.children] == [b"multipart/alternative", b"application/pdf"]
    assert [child.media.full for child in root.children[0].children] == [b"text/plain", b"text/html"]
    parts = summarise(raw).parts
    assert decode_binary(raw, parts, 0, (1, 1)).decode() == "é\r\n"
    assert decode_binary(raw, parts, 0, (2,)) == b"\0\xff" * 100


def test_a_boundary_in_the_text_is_not_a_delimiter() -> None:
    raw = build(draft(text="--=_a_s\n--=_a_s_--\n", html="x"), "s")
    assert len(parse(raw).children) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "<a@b>\r\nBcc: x@y"},
        {"message_id": "a@b"},
        {"references": ("<a@b>\nX: y",)},
        {"extra": (("X\r\nY", "z"),)},
        {"extra": (("", "z"),)},
        {"sender": Person("x", Path("a\r\nBcc: b", "c"))},
        {"attachments": (Attachment("a", b"", "text/plain\r\nX: y"),)},
        {"attachments": (Attachment("a", b"", "message/rfc822"),)},
        {"attachments": (Attachment("a", b"", content_id="a>\r\nX: y"),)},
        {"date": NOW.replace(tzinfo=None)},
    ],
)
def test_values_that_would_break_the_header_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        build(draft(**changes), "s")


NASTY = st.text(alphabet=st.sampled_from('ab é€😀\r\n\0\t"\\<>@,;:=?_()[]-.'), max_size=120)


@settings(max_examples=150, deadline=None)
@given(NASTY, NASTY, NASTY, st.text(max_size=300), st.none() | st.text(max_size=100), st.binary(max_size=200))
def test_what_is_built_reads_back(
    name: str, subject: str, filename: str, text: str, html: str | None, content: bytes
) -> None:
    raw = build(
        draft(
            sender=Person(name, ALICE.path),
            subject=subject,
            text=text,
            html=html,
            attachments=(Attachment(filename, content),),
        ),
        "s",
    )
    assert raw.isascii()
    assert not has_bare_cr_or_lf(raw)
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    header = raw[: raw.index(b"\r\n\r\n")]
    names = re.findall(rb"^([^\s:]+):", header, re.MULTILINE)
    assert names == [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version", b"Content-Type"]
    root = parse(raw)
    assert root.media.full == b"multipart/mixed"
    first, _ = root.children
    assert first.media.full == (b"text/plain" if html is None else b"multipart/alternative")
    parts = summarise(raw).parts
    assert decode_binary(raw, parts, 0, (2,)) == content
    wanted = re.sub("\r\n|\r|\n", "\r\n", text.replace("\0", "")).encode("utf-8", "replace")
    if wanted and not wanted.endswith(b"\r\n"):
        wanted += b"\r\n"
    assert decode_binary(raw, parts, 0, (1,) if html is None else (1, 1)) == wanted
    oracle = email.message_from_bytes(raw)
    leaves = [part for part in oracle.walk() if not part.is_multipart()]
    assert leaves[-1].get_payload(decode=True) == content
