"""Sections, BINARY, ENVELOPE, BODYSTRUCTURE, previews.  RFC 9051 §6.4.5.1, §7.5.2; RFC 3516; RFC 8970."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import Damaged
from courriel.formats.message.canonical import has_bare_cr_or_lf, to_crlf
from courriel.formats.message.html_text import html_text
from courriel.formats.message.imap_string import human_string, nstring, string
from courriel.formats.message.index import unpack
from courriel.formats.message.relatives import REFERENCES_LIMIT
from courriel.formats.message.section import Section, SectionKind, UnknownEncoding, decode_binary, extract
from courriel.formats.message.structure import body_form
from courriel.formats.message.summary import summarise
from courriel.formats.message.text import decoded_header, decoded_text
from courriel.formats.message.transfer import decode

# RFC 9051 §6.4.5.1 gives the numbers of a message like this one.
LETTER = (
    b"From: A <a@example.org>\r\nSubject: outer\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=m\r\n\r\npreamble\r\n"
    b"--m\r\nContent-Type: text/plain\r\nX: 1\r\n\r\none\r\n"
    b"--m\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n"
    b"--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: three\r\nTo: b@example.org\r\n"
    b"Content-Type: multipart/mixed; boundary=i\r\n\r\n"
    b"--i\r\nContent-Type: text/html\r\n\r\n<p>three one</p>\r\n--i\r\n\r\nthree two\r\n--i--\r\n"
    b"--m\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n"
    b"--n\r\nContent-Type: image/gif\r\n\r\nGIF\r\n"
    b"--n\r\nContent-Type: message/rfc822\r\n\r\nSubject: four two\r\n\r\ntext\r\n--n--\r\n"
    b"--m--\r\n"
)
ALL, HEADER, TEXT, MIME = SectionKind.ALL, SectionKind.HEADER, SectionKind.TEXT, SectionKind.MIME
FIELDS, NOT = SectionKind.HEADER_FIELDS, SectionKind.HEADER_FIELDS_NOT
THREE_HEADER = b"Subject: three\r\nTo: b@example.org\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
THREE_TEXT = b"--i\r\nContent-Type: text/html\r\n\r\n<p>three one</p>\r\n--i\r\n\r\nthree two\r\n--i--\r\n"

SECTIONS: list[tuple[Section, bytes]] = [
    (Section(), LETTER),
    (Section((), HEADER), LETTER[: LETTER.index(b"preamble")]),
    (Section((), TEXT), LETTER[LETTER.index(b"preamble") :]),
    (Section((1,)), b"one"),
    (Section((1,), MIME), b"Content-Type: text/plain\r\nX: 1\r\n\r\n"),
    (Section((1,), HEADER), b""),
    (Section((1,), TEXT), b""),
    (Section((1, 1)), b""),
    (Section((2,)), b"dHdv"),
    (Section((3,)), THREE_HEADER + THREE_TEXT),
    (Section((3,), MIME), b"Content-Type: message/rfc822\r\n\r\n"),
    (Section((3,), HEADER), THREE_HEADER),
    (Section((3,), TEXT), THREE_TEXT),
    (Section((3, 1)), b"<p>three one</p>"),
    (Section((3, 1), MIME), b"Content-Type: text/html\r\n\r\n"),
    (Section((3, 2)), b"three two"),
    (Section((3, 2), MIME), b"\r\n"),
    (Section((3, 3)), b""),
    (Section((4, 1)), b"GIF"),
    (Section((4, 2)), b"Subject: four two\r\n\r\ntext"),
    (Section((4, 2), HEADER), b"Subject: four two\r\n\r\n"),
    (Section((4, 2), TEXT), b"text"),
    (Section((4, 2, 1)), b"text"),
    (Section((4, 2, 1), MIME), b"Subject: four two\r\n\r\n"),
    (Section((4, 2, 1, 1)), b""),
    (Section((5,)), b""),
    (Section((), FIELDS, (b"SUBJECT", b"x")), b"Subject: outer\r\n\r\n"),
    (Section((), FIELDS, (b"nothing",)), b"\r\n"),
    (Section((3,), FIELDS, (b"to",)), b"To: b@example.org\r\n\r\n"),
    (Section((3,), NOT, (b"to", b"subject")), b"Content-Type: multipart/mixed; boundary=i\r\n\r\n"),
    (Section((1,), FIELDS, (b"x",)), b""),
    (Section((), MIME), b""),
]


@pytest.mark.parametrize("prefix", [b"", b"Return-Path: <>\r\nReceived: by x\r\n"], ids=["bare", "with trace"])
@pytest.mark.parametrize(("section", "expected"), SECTIONS, ids=lambda value: str(value)[:60])
def test_section(section: Section, expected: bytes, prefix: bytes) -> None:
    parts = summarise(LETTER).parts
    if not section.numbers and section.kind in (ALL, HEADER):
        expected = prefix + expected
    assert extract(prefix + LETTER, parts, len(prefix), section) == expected


@pytest.mark.parametrize("prefix", [b"", b"Return-Path: <>\r\n"], ids=["bare", "with trace"])
def test_part_one_of_a_plain_message_is_its_body(prefix: bytes) -> None:
    raw = b"Subject: x\r\n\r\nbody\r\n"
    parts = summarise(raw).parts
    assert extract(prefix + raw, parts, len(prefix), Section((1,))) == b"body\r\n"
    assert extract(prefix + raw, parts, len(prefix), Section((1,), MIME)) == prefix + b"Subject: x\r\n\r\n"
    assert extract(prefix + raw, parts, len(prefix), Section((2,))) == b""


def test_folded_fields_stay_whole() -> None:
    raw = b"To: a,\r\n b\r\nSubject: x\r\n\tTo: z\r\nno field\r\n\r\n"
    parts = summarise(raw).parts
    assert extract(raw, parts, 0, Section((), FIELDS, (b"to",))) == b"To: a,\r\n b\r\n\r\n"
    assert extract(raw, parts, 0, Section((), NOT, (b"to",))) == b"Subject: x\r\n\tTo: z\r\nno field\r\n\r\n"


# -- trace fields in front change nothing but offsets


def test_envelope_and_bodystructure_do_not_depend_on_trace_fields() -> None:
    trace = (
        b"Return-Path: <x@y>\r\nDelivered-To: b@c\r\nReceived: from a\r\n\tby b; Tue, 24 Nov 2026 05:53:58 +0000\r\n"
    )
    alone, traced = summarise(LETTER), summarise(trace + LETTER)
    assert (alone.envelope, alone.bodystructure) == (traced.envelope, traced.bodystructure)
    assert (alone.preview, alone.message_id, alone.sent_at) == (traced.preview, traced.message_id, traced.sent_at)
    assert unpack(traced.parts).body == unpack(alone.parts).body + len(trace)


# -- BINARY


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (b"aGkK", b"base64", b"hi\n"),
        (b"aG\r\nkK\r\n", b"base64", b"hi\n"),
        (b"aG!!kK", b"base64", b"hi\n"),
        (b"aGkKYQ", b"base64", b"hi\na"),
        (b"aGkKY", b"base64", b"hi\n"),
        (b"", b"base64", b""),
        (b"a=\r\nb =\r\nc", b"quoted-printable", b"ab c"),
        (b"a=E9=zz=3d", b"quoted-printable", b"a\xe9=zz="),
        (b"a \t\r\nb ", b"quoted-printable", b"a\r\nb"),  # RFC 2045 §6.7 (3)
        (b"a=  \r\nb", b"quoted-printable", b"ab"),
        (b"\0\xff", b"binary", b"\0\xff"),
        (b"x", b"", b"x"),
    ],
)
def test_transfer_decoding(body: bytes, encoding: bytes, expected: bytes) -> None:
    assert decode(body, encoding) == expected


def test_binary_of_parts() -> None:
    parts = summarise(LETTER).parts
    assert decode_binary(LETTER, parts, 0, (2,)) == b"two"
    assert decode_binary(b"X: y\r\n" + LETTER, parts, 6, (2,)) == b"two"
    assert decode_binary(LETTER, parts, 0, ()) == LETTER
    assert decode_binary(LETTER, parts, 0, (9,)) == b""
    strange = b"Content-Transfer-Encoding: x-rot\r\n\r\nA"
    with pytest.raises(UnknownEncoding):
        decode_binary(strange, summarise(strange).parts, 0, (1,))


@given(st.binary(max_size=200), st.sampled_from([b"base64", b"quoted-printable", b"7bit"]))
def test_transfer_decoding_takes_anything(body: bytes, encoding: bytes) -> None:
    decode(body, encoding)


# -- the wire forms

NO_EXTENSION = b" NIL NIL NIL NIL)"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # RFC 9051 §7.5.2 (BODYSTRUCTURE), its two examples in Dovecot's form
        (
            b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" + b"x\r\n" * 92,
            b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 276 92' + NO_EXTENSION,
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nA\r\n--b\r\n"
            b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=cc.diff\r\n"
            b"Content-ID: <960723163407.20117h@cac.washington.edu>\r\nContent-Description: Compiler diff\r\n"
            b"Content-Transfer-Encoding: BASE64\r\n\r\nB\r\n--b--\r\n",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0' + NO_EXTENSION + b'("TEXT" "PLAIN" '
            b'("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>" "Compiler diff" '
            b'"BASE64" 1 0' + NO_EXTENSION + b' "mixed" ("boundary" "b") NIL NIL NIL)',
        ),
        (
            b"Content-Type: image/png\r\nContent-Disposition: attachment; filename*0=a; filename*1=b\r\n"
            b"Content-Language: en, fr\r\nContent-Location: x y\r\nContent-MD5: Q==\r\n\r\n",
            b'("image" "png" NIL NIL NIL "7bit" 0 "Q==" ("attachment" ("filename" "ab")) ("en" "fr") "x y")',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" '
            b'("boundary" "b") NIL NIL NIL)',
        ),
        (
            b"Content-Type: message/rfc822\r\n\r\nSubject: a\r\nFrom: b@c\r\n\r\nd\r\n",
            b'("message" "rfc822" NIL NIL NIL "7bit" 28 (NIL "a" ((NIL NIL "b" "c")) ((NIL NIL "b" "c")) '
            b'((NIL NIL "b" "c")) NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1'
            + NO_EXTENSION
            + b" 4"
            + NO_EXTENSION,
        ),
        (
            "Content-Type: a/b; name=é\r\nContent-Transfer-Encoding: what is it\r\n\r\n".encode(),
            b'("a" "b" ("name" {2}\r\n\xc3\xa9) NIL NIL "7bit" 0' + NO_EXTENSION,
        ),
    ],
)
def test_bodystructure(raw: bytes, expected: bytes) -> None:
    assert summarise(raw).bodystructure == expected


def test_body_is_bodystructure_without_extensions() -> None:
    three = THREE_HEADER + THREE_TEXT
    assert body_form(summarise(LETTER).bodystructure) == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0)'
        b'("application" "octet-stream" NIL NIL NIL "base64" 4)'
        b'("message" "rfc822" NIL NIL NIL "7bit" %d (NIL "three" NIL NIL NIL ((NIL NIL "b" "example.org")) NIL NIL '
        b'NIL NIL) (("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 16 0)'
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 0) "mixed") %d)'
        b'(("image" "gif" NIL NIL NIL "7bit" 3)("message" "rfc822" NIL NIL NIL "7bit" 25 (NIL "four two" NIL NIL NIL '
        b'NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0) 2) "mixed") "mixed")'
    ) % (len(three), three.count(b"\n"))


ENVELOPES = [
    # RFC 9051 §7.5.2 (ENVELOPE), the example of RFC 3501 §8
    (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev1 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")',
    ),
    (
        b'To: g: a@b, "x y" <c@d>;\r\nCc: undisclosed-recipients:;\r\nBcc: <@r,@s:q@w>\r\nReply-To: \r\n\r\n',
        b'(NIL NIL NIL NIL NIL ((NIL NIL "g" NIL)(NIL NIL "a" "b")("x y" NIL "c" "d")(NIL NIL NIL NIL)) '
        b'((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) ((NIL "@r,@s" "q" "w")) NIL NIL)',
    ),
    # A second From shows; of two subjects the first one counts.
    (
        b"Subject: a\r\n b\r\nSubject: c\r\nFrom: x@y\r\nFrom: z@y\r\n\r\n",
        b'(NIL {3}\r\na b ((NIL NIL "x" "y")(NIL NIL "z" "y")) ((NIL NIL "x" "y")(NIL NIL "z" "y")) '
        b'((NIL NIL "x" "y")(NIL NIL "z" "y")) NIL NIL NIL NIL NIL)',
    ),
    (
        'Subject: é\r\nFrom: "a \\" b" <a@é>\r\nTo: nobody\r\n\r\n'.encode(),
        b'(NIL {2}\r\n\xc3\xa9 (({5}\r\na " b NIL "a" {2}\r\n\xc3\xa9)) (({5}\r\na " b NIL "a" {2}\r\n\xc3\xa9)) '
        b'(({5}\r\na " b NIL "a" {2}\r\n\xc3\xa9)) ((NIL NIL "nobody" "")) NIL NIL NIL NIL)',
    ),
    (b"\r\n", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
    (b"Subject:\r\nDate: \r\n\r\n", b'("" "" NIL NIL NIL NIL NIL NIL NIL NIL)'),
]


@pytest.mark.parametrize(("raw", "expected"), ENVELOPES)
def test_envelope(raw: bytes, expected: bytes) -> None:
    assert summarise(raw).envelope == expected


@pytest.mark.parametrize(
    ("value", "plain", "human"),
    [
        (b"", b'""', b'""'),
        (b"a b", b'"a b"', b'"a b"'),
        (b'a"\\', b'"a\\"\\\\"', b'{3}\r\na"\\'),
        (b'"""""', b'{5}\r\n"""""', b'{5}\r\n"""""'),
        (b"a\0b", b'"ab"', b"{2}\r\nab"),
        (b"a\rb\nc", b'"abc"', b"{3}\r\nabc"),
        (b" a\t\t b ", b'" a\t\t b "', b"{3}\r\na b"),
        (b"\xff", b"{1}\r\n\xff", b"{1}\r\n\xff"),
        (b" ", b'" "', b'""'),
    ],
)
def test_strings(value: bytes, plain: bytes, human: bytes) -> None:
    assert (string(value), human_string(value), nstring(None)) == (plain, human, b"NIL")


# -- threads and dates


def test_ids_and_date() -> None:
    summary = summarise(
        b"Message-ID:\r\n <m@x>\r\nReferences: <a@x> (c)\r\n <b@x>\r\nIn-Reply-To: <b@x> <c@x>\r\n"
        b"Date: Tue, 24 Nov 2026 05:53:58 +0000\r\n\r\n"
    )
    assert summary.message_id == b"<m@x>"
    assert summary.references == (b"<a@x>", b"<b@x>", b"<c@x>")
    assert summary.sent_at == 1795499638.0
    assert summarise(b"Date: never\r\nMessage-ID: m\r\n\r\n").sent_at is None


def test_long_threads_keep_the_first_and_the_latest() -> None:
    ids = [b"<%d@x>" % n for n in range(500)]
    kept = summarise(b"References: " + b" ".join(ids) + b"\r\n\r\n").references
    assert kept == (ids[0], *ids[-REFERENCES_LIMIT + 1 :])


# -- text and previews


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\r\nHello,\r\n  world.\r\n", "Hello, world."),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6kh\r\n", "é!"),
        (b"Content-Type: text/html\r\n\r\n<style>x{}</style><p>a<b>b</b></p><p>c &amp; d", "ab c & d"),
        (b"\r\n> quoted\r\nnew\r\n", "new"),
        (b"\r\n> only\r\n> quoted\r\n", "> only > quoted"),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"\r\n" + b"ab " * 500, ("ab " * 67)[:200].rstrip()),
        ("\r\na\u200b\u202eb\0c\xa0d".encode(), "abc d"),
        (
            b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n--b\r\n"
            b"Content-Type: text/html\r\n\r\n<p>html\r\n--b--\r\n",
            "html",
        ),
    ],
)
def test_preview(raw: bytes, expected: str) -> None:
    assert summarise(raw).preview == expected


def test_decoded_text_for_search() -> None:
    parts = summarise(LETTER).parts
    texts = list(decoded_text(LETTER, parts, 0))
    assert [text.strip() for text in texts if "three one" in text] == ["three one"]
    assert any("Subject: four two" in text for text in texts)
    assert "Subject: outer" in decoded_header(b"X: =?utf-8?q?=C3=A9?=\r\n" + LETTER, parts, 23)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a<br>b", "a b"),
        ("a<!-- x > y -->b", "ab"),
        ("1 < 2", "1 < 2"),
        ("a<script>if (a<b) alert('</p>')</script>b", "a b"),
        ("<unclosed", ""),
        ("<!-- unclosed", ""),
        ("<style>unclosed", ""),
        ("&lt;b&gt; &#233; &nosuch; &#99999999999;", "<b> é &nosuch; &#99999999999;"),
    ],
)
def test_html_text(source: str, expected: str) -> None:
    assert " ".join(html_text(source).split()) == expected


# -- line ends


@pytest.mark.parametrize(
    ("raw", "bare", "expected"),
    [
        (b"a\r\nb\r\n", False, b"a\r\nb\r\n"),
        (b"a\nb\n", True, b"a\r\nb\r\n"),
        (b"a\rb", True, b"a\r\nb"),
        (b"a\r\nb\nc\rd", True, b"a\r\nb\r\nc\r\nd"),
        (b"a\n\r", True, b"a\r\n\r\n"),
        (b"", False, b""),
    ],
)
def test_canonical(raw: bytes, bare: bool, expected: bytes) -> None:
    assert (has_bare_cr_or_lf(raw), to_crlf(raw)) == (bare, expected)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a"]), max_size=12).map(b"".join))
def test_canonical_form_is_canonical(raw: bytes) -> None:
    assert not has_bare_cr_or_lf(to_crlf(raw))
    assert to_crlf(to_crlf(raw)) == to_crlf(raw)


@pytest.mark.parametrize("parts", [b"", b"\x00", b"\x92\x02\x98\x00\x00\x00\x00\xc4\x00\xc4\x00\xc4\x00\x90"])
def test_a_foreign_index_is_damage(parts: bytes) -> None:
    with pytest.raises(Damaged):
        unpack(parts)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_every_section_is_a_slice(raw: bytes) -> None:
    parts = summarise(raw).parts
    for numbers in ((), (1,), (1, 1), (2,)):
        for kind in (ALL, HEADER, TEXT, MIME):
            assert extract(raw, parts, 0, Section(numbers, kind)) in raw
    assert extract(raw, parts, 0, Section((), HEADER)) + extract(raw, parts, 0, Section((), TEXT)) == raw
