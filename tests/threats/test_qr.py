"""QR codes: written here, read in pictures and in PDF files."""

from __future__ import annotations

import io

import PIL.Image
import pytest
import zxingcpp

from courriel.threats.signals.attachments import DEEP_LOOKS
from courriel.threats.signals.attachments.qr import PIXELS, read_codes
from courriel.threats.view import Attachment
from tests.threats.views import found, view


def picture(text: str, kind: str = "PNG") -> bytes:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6)
    height, width = code.shape
    out = io.BytesIO()
    PIL.Image.frombytes("L", (width, height), bytes(memoryview(code))).save(out, kind)
    return out.getvalue()


def seen(name: str, octets: bytes, media_type: str) -> set[str]:
    file = Attachment(name, media_type, len(octets), True, lambda most: octets[:most])
    return set(found(DEEP_LOOKS, view(attachments=(file,))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_code_in_a_picture(kind: str) -> None:
    assert read_codes(picture("https://evil.example/login", kind)) == ("https://evil.example/login",)


def test_who_a_code_leads_to() -> None:
    assert seen("scan.png", picture("https://evil.example/login"), "image/png") == {"attachments.qr-code"}
    assert seen("scan.png", picture("https://www.example.net/menu"), "image/png") == set()
    assert seen("scan.png", picture("WIFI:S:guest;;"), "image/png") == set()


def test_a_code_in_a_pdf_file() -> None:
    octets = (
        b"%PDF-1.7\n1 0 obj <</Filter /DCTDecode>> stream\n" + picture("https://evil.example", "JPEG") + b"endstream"
    )
    assert seen("facture.pdf", octets, "application/pdf") == {"attachments.qr-code"}


def test_what_is_no_picture_or_too_large_has_no_code() -> None:
    out = io.BytesIO()
    PIL.Image.new("1", (PIXELS // 1_000 + 1, 1_000)).save(out, "PNG")
    assert read_codes(out.getvalue()) == ()
    assert read_codes(b"\x89PNG\r\n\x1a\n broken") == ()
    assert seen("a.pdf", b"%PDF-1.7 \xff\xd8\xff broken", "application/pdf") == set()
