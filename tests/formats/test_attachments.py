"""Text of attachments, and what hostile ones cost."""

from __future__ import annotations

import base64
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.archive.office import office_text
from courriel.formats.archive.pdf import pdf_text
from courriel.formats.archive.zip import ENTRIES, ENTRY_OCTETS, RATIO, TOTAL_OCTETS, entries
from courriel.formats.message.attachments import TEXT_CHARACTERS, attached_text, may_have_text
from courriel.formats.message.summary import summarise

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DOCUMENT = (
    f'<?xml version="1.0"?><w:document {W}><w:body><w:p><w:r><w:t>Fac</w:t></w:r><w:r><w:t>ture n\u00b0 7</w:t></w:r>'
    "</w:p>"
    "<w:p><w:r><w:t>R&amp;D</w:t><w:tab/><w:t>&#233;t&#xe9;</w:t></w:r></w:p></w:body></w:document>"
)
STRINGS = "<sst><si><t>Loyer</t></si><si><r><t>jan</t></r><r><t>vier</t></r></si></sst>"
SHEET = (
    '<row><c r="A1" t="s"><v>77</v></c><c r="B1"><f>1+1</f><v>1250.5</v></c>'
    '<c t="inlineStr"><is><t>note</t></is></c><c t="inlineStr"><is><t>autre</t></is></c></row>'
)
SLIDE = "<p:sld><a:p><a:r><a:t>Plan</a:t></a:r></a:p><a:p><a:t>quinquennal</a:t></a:p></p:sld>"
CONTENT = (
    "<office:text><text:p>Bonjour<text:s/>\u00e0<text:line-break/>tous</text:p><text:h>Titre</text:h></office:text>"
)


def packed(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def words_of(octets: bytes) -> list[str]:
    return " ".join(office_text(octets)).split()


OFFICE = [
    ({"word/document.xml": DOCUMENT}, "Facture n\u00b0 7 R&D \u00e9t\u00e9"),
    ({"word/document.xml": DOCUMENT.encode("utf-16")}, "Facture n\u00b0 7 R&D \u00e9t\u00e9"),
    ({"xl/sharedStrings.xml": STRINGS, "xl/worksheets/sheet1.xml": SHEET}, "Loyer janvier 1250.5 note autre"),
    ({"ppt/slides/slide1.xml": SLIDE}, "Plan quinquennal"),
    ({"content.xml": CONTENT}, "Bonjour \u00e0 tous Titre"),
    ({"word/media/image1.png": "nothing", "other.xml": "<a>nothing</a>"}, ""),
]


@pytest.mark.parametrize(("files", "text"), OFFICE)
def test_office_documents(files: dict[str, str | bytes], text: str) -> None:
    assert words_of(packed(files)) == text.split()
    assert words_of(packed(files, zipfile.ZIP_STORED)) == text.split()


def test_entities_are_not_expanded() -> None:
    laughs = (
        '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><w:p>&b;&x;</w:p>'
    )
    assert "haha" not in "".join(office_text(packed({"word/document.xml": laughs})))
    assert "root:" not in "".join(office_text(packed({"word/document.xml": laughs})))


def test_a_bomb_gives_its_bound() -> None:
    bomb = packed({"word/document.xml": b"a" * (4 * ENTRY_OCTETS)})
    [text] = office_text(bomb)
    assert len(text) <= RATIO * len(bomb) + 65_536
    assert len(text) <= ENTRY_OCTETS


def overlapping(count: int) -> bytes:
    """Entries that all share one kernel: a bomb of one level.  CPython gh-109858."""
    kernel = packed({"word/document.xml": b"<w:t>" + b"ab " * 500_000})
    start, end = kernel.index(b"PK\x01\x02"), kernel.index(b"PK\x05\x06")
    directory = bytearray()
    for _ in range(count):
        directory += kernel[start:end]
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return kernel[:start] + bytes(directory) + tail


def test_entries_that_overlap_end_at_the_bound_of_all() -> None:
    assert sum(len(content) for _, content in entries(overlapping(1_000), lambda _: True)) <= TOTAL_OCTETS


def test_too_many_entries_are_not_even_listed() -> None:
    begun = time.process_time()
    assert list(entries(overlapping(ENTRIES + 1), lambda _: True)) == []
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize(
    "source", ["<" * 1_000_000, "<w:t " * 200_000, "&#" * 500_000, "<c " * 300_000, "</is>" + "<is>" * 250_000]
)
def test_hostile_markup_is_linear(source: str) -> None:
    files: dict[str, str | bytes] = {"word/document.xml": source, "xl/worksheets/a.xml": source}
    packed_files = packed(files, zipfile.ZIP_STORED)
    begun = time.process_time()
    list(office_text(packed_files))
    assert time.process_time() - begun < 1.0


def pdf(content: bytes, pages: int = 1) -> bytes:
    """A PDF with this content stream on each page."""
    kids = b" ".join(b"%d 0 R" % (5 + page) for page in range(pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, pages),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream"
        % (len(zlib.compress(content)), zlib.compress(content)),
    ]
    objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>>>>>"] * pages
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    return bytes(out)


SAYS = b"BT /F1 12 Tf (Montant total 42 EUR) Tj ET"


def test_pdf() -> None:
    assert "Montant total 42 EUR" in " ".join(pdf_text(pdf(SAYS)))


@pytest.mark.parametrize(
    "octets", [b"%PDF-", b"%PDF-1.4\n" + b"x" * 1000, pdf(SAYS)[:200], pdf(SAYS).replace(b"/Kids[5", b"/Kids[2")]
)
def test_broken_pdf(octets: bytes) -> None:
    list(pdf_text(octets))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_octets_are_no_exception(junk: bytes, at: int) -> None:
    document = packed({"word/document.xml": DOCUMENT, "content.xml": CONTENT})
    for octets in (junk, document[:at], document[:at] + junk + document[at + len(junk) :]):
        list(office_text(octets))


def mail(octets: bytes, subtype: str, encoding: str = "base64") -> bytes:
    head = (
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: text/plain\r\n\r\nsee below\r\n--b\r\n"
        f"Content-Type: application/{subtype}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n") if encoding == "base64" else octets
    return head.encode() + body + b"\r\n--b--\r\n"


def inside(message: bytes) -> str:
    return " ".join(attached_text(message, summarise(message).parts))


ATTACHED: list[tuple[Callable[[], bytes], str, str]] = [
    (lambda: pdf(SAYS), "pdf", "Montant total"),
    (lambda: pdf(SAYS), "octet-stream", "Montant total"),
    (
        lambda: packed({"word/document.xml": DOCUMENT}),
        "vnd.openxmlformats-officedocument.wordprocessingml.document",
        "Facture",
    ),
    (lambda: packed({"content.xml": CONTENT}), "vnd.oasis.opendocument.text", "Bonjour"),
    (lambda: b"\x89PNG", "octet-stream", ""),
    (lambda: pdf(SAYS), "x-other", ""),
]


@pytest.mark.parametrize(("octets", "subtype", "text"), ATTACHED)
def test_attachments_of_messages(octets: Callable[[], bytes], subtype: str, text: str) -> None:
    message = mail(octets(), subtype)
    found = inside(message)
    assert text in found
    assert bool(found) is bool(text)
    assert may_have_text(summarise(message).parts) is (subtype != "x-other")


def test_attachments_of_messages_inside() -> None:
    inner = mail(pdf(SAYS), "pdf")
    outer = (
        b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n%b\r\n--o--\r\n"
        % inner
    )
    assert "Montant" in inside(outer)


def test_text_has_a_bound() -> None:
    sheet = packed({"word/document.xml": "<w:p>" + "mot " * (TEXT_CHARACTERS // 2)})
    message = mail(sheet, "vnd.openxmlformats-officedocument")
    assert len("".join(attached_text(message, summarise(message).parts))) <= TEXT_CHARACTERS
    assert inside(mail(sheet, "zip", "x-unknown")) == ""
