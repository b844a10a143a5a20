"""What a file is, by its first octets: names and media types are what the sender says, this is what programs open.

A type is one word of TYPES. Text has no mark; HTML, SVG and scripts are told by their first words.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["HEAD_OCTETS", "TYPES", "sniff"]

HEAD_OCTETS: Final = 36_000
"""Octets that are enough: ISO 9660 has its mark at 32,769."""

_MARKS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"MZ", "program"),
    (0, b"\x7fELF", "program"),
    (0, b"\xca\xfe\xba\xbe", "program"),
    (0, b"\xcf\xfa\xed\xfe", "program"),
    (0, b"\xfe\xed\xfa\xcf", "program"),
    (0, b"dex\n", "program"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "shortcut"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "onenote"),
    (0, b"ITSF", "help"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"{\\rt", "rtf"),
    (0, b"%PDF-", "pdf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"MSCF", "cab"),
    (7, b"**ACE**", "ace"),
    (2, b"-lh", "lzh"),
    (0, b"\x60\xea", "arj"),
    (257, b"ustar", "tar"),
    (32769, b"CD001", "iso"),
    (0, b"vhdxfile", "vhd"),
    (0, b"conectix", "vhd"),
    (0, b"KDMV", "vhd"),
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (0, b"BM", "image"),
    (0, b"II*\x00", "image"),
    (0, b"MM\x00*", "image"),
    (8, b"WEBP", "image"),
    (4, b"ftyp", "media"),
    (0, b"OggS", "media"),
    (0, b"ID3", "media"),
    (8, b"WAVE", "media"),
    (8, b"AVI ", "media"),
)
_HTML: Final = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta|iframe|title|form)\b", re.I | re.S
)
_SVG: Final = re.compile(
    rb"\s*(?:<\?xml.{0,300}?\?>\s*)?(?:<!--.{0,500}?-->\s*)*(?:<!doctype svg.{0,300}?>\s*)?<svg\b", re.I | re.S
)
_SCRIPT: Final = re.compile(rb"\s*(?:#!|@echo off|<\?php|<job\b|<package\b|powershell\b|On Error Resume Next)", re.I)
_BOM: Final = b"\xef\xbb\xbf"

TYPES: Final = frozenset({name for _, _, name in _MARKS} | {"html", "svg", "script", "text", "unknown", "empty"})


def sniff(octets: bytes) -> str:
    """The type of a file of which at least the first HEAD_OCTETS are given."""
    if not octets:
        return "empty"
    for place, mark, name in _MARKS:
        if octets.startswith(mark, place):
            return name
    return _of_text(octets[:2048].removeprefix(_BOM))


def _of_text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "replace").encode()
    if _SVG.match(head):
        return "svg"
    if _HTML.match(head):
        return "html"
    if _SCRIPT.match(head):
        return "script"
    return "unknown" if b"\x00" in head else "text"
