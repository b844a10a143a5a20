"""QR codes in attached pictures and in the pictures of PDF files: links that only a telephone reads.

A look that costs some 10 ms a picture, so it is not among the looks of every message: whoever has the time (the
command, the grey zone of the server) calls ``codes``. It needs the extra "deep" (zxing-cpp, Pillow); without it
nothing is found. How it is evaded: codes drawn with letters or cut in two pictures.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.base.i18n import N_
from courriel.formats.archive.sniff import sniff
from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence, Finding, Group, Kind
from courriel.threats.signal import Look, Signal
from courriel.threats.view import View

__all__ = ["DEEP_LOOKS", "SIGNALS", "codes", "read_codes"]

PICTURES: Final = 5
"""Pictures of a message that are looked at."""
PICTURE_OCTETS: Final = 4 << 20
PIXELS: Final = 4_000_000
"""Larger pictures are not unpacked: 12 MB of memory at three octets each."""
SIDE: Final = 1_200
"""Larger pictures are made smaller: a code that a telephone reads is still read."""
CODES: Final = 5

CODE: Final = Signal(
    name="attachments.qr-code",
    group=Group.ATTACHMENTS,
    seen=N_("A picture contains a QR code that leads to {site}."),
    why=N_("The code takes you to a telephone, where you see the address badly and no filter helps."),
    then=N_("Do not scan it. If you did, do not type a password or a card number on that page."),
    weights={Kind.PHISHING: 1.8},
)


def codes(view: View) -> Iterable[Finding]:
    """QR codes with links to another house than the author's."""
    own = {person.organisation for person in view.authors if person.organisation}
    for name, octets in _pictures(view):
        for text in read_codes(octets):
            site = _site(text)
            if site and not any(site == house or site.endswith(f".{house}") for house in own):
                evidence = (Evidence("attachment", name), Evidence("link", text[:EVIDENCE_CHARACTERS]))
                yield Finding(CODE.name, CODE.group, 1.0, evidence, {"site": site[:100]})
                return


def read_codes(octets: bytes) -> tuple[str, ...]:
    """The texts of the codes in a picture, none when the extra is missing or the picture cannot be read."""
    try:
        import PIL.Image
        import zxingcpp
    except ImportError:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a picture too large to be honest
            with PIL.Image.open(io.BytesIO(octets)) as picture:
                if picture.width * picture.height > PIXELS:
                    return ()
                picture.thumbnail((SIDE, SIDE))
                grey = picture.convert("L")
        found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    except Exception:  # hostile pictures make the reader raise anything: there is no code then
        return ()
    return tuple(code.text for code in found[:CODES])


def _pictures(view: View) -> Iterator[tuple[str, bytes]]:
    left = PICTURES
    for part in view.attachments:
        if left <= 0:
            return
        if not part.media_type.startswith("image/") and not part.name.lower().endswith(
            (".pdf", ".png", ".jpg", ".jpeg")
        ):
            continue
        octets = part.content(PICTURE_OCTETS)
        kind = sniff(octets)
        pictures = (octets,) if kind == "image" else _within_pdf(octets) if kind == "pdf" else ()
        for picture in pictures:
            left -= 1
            yield part.name or part.media_type, picture
            if left <= 0:
                return


def _within_pdf(octets: bytes) -> Iterator[bytes]:
    """JPEG pictures stand in a PDF as they are (DCTDecode, ISO 32000-2 §7.4.8); other pictures are not drawn."""
    at = octets.find(b"\xff\xd8\xff")
    while at >= 0:
        end = octets.find(b"endstream", at)
        yield octets[at : end if end > 0 else len(octets)]
        at = octets.find(b"\xff\xd8\xff", end) if end > 0 else -1


def _site(text: str) -> str:
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return ""
    return rest.split("/")[0].split("?")[0].rpartition("@")[2].lower()


SIGNALS: Final[tuple[Signal, ...]] = (CODE,)
DEEP_LOOKS: Final[tuple[Look, ...]] = (codes,)
