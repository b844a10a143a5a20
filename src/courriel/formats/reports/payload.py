"""The document that a report by mail carries: found in the message, unpacked within bounds.

RFC 9990 §3.2 (XML, gzip; zip was usual), RFC 8460 §3–5.3 (JSON, gzip).  What it is, its first octets say: media
types and file names of reporters are of all kinds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.message import transfer
from courriel.formats.message.media import Kind
from courriel.formats.message.parse import Part, parse
from courriel.formats.message.structure import transfer_encoding

DOCUMENT_OCTETS: Final = 26_214_400
"""``report.document_octets``: of an unpacked document; 50,000 rows of a report take 20 MB."""

RATIO: Final = 100
"""``report.ratio``: unpacked octets for one that came; reports have 10 to 40.  AUTH attack row 18."""

ALWAYS_OCTETS: Final = 1_048_576
"""A document of this size is let pass whatever its ratio."""

ATTACHMENTS: Final = 20
"""``report.attachments``: parts of one message that are tried."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_ZIP_HEAD: Final = struct.Struct("<4xHHHHHIIIHH")  # version, flags, method, time, date, crc, sizes, lengths
_STORED, _DEFLATED = 0, 8
_ENCRYPTED: Final = 1
_BLANKS: Final = b" \t\r\n\xef\xbb\xbf"


def unpack(octets: bytes) -> bytes:
    """A document that may be packed by gzip, or be the first file of a zip.  Raises FormatError, LimitExceeded."""
    if octets.startswith(_GZIP):
        return _inflate(octets, 0, 31)
    if octets.startswith(_ZIP):
        return _first_file(octets)
    return _within(octets)


def _first_file(octets: bytes) -> bytes:
    if len(octets) < _ZIP_HEAD.size:
        raise FormatError("zip", 0, "cut off")
    _, flags, method, _, _, _, packed, _, name, extra = _ZIP_HEAD.unpack_from(octets)
    start = _ZIP_HEAD.size + name + extra
    if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
        raise FormatError("zip", 8, "encrypted, or packed in an unusual way")
    if method == _STORED:
        return _within(octets[start : start + packed])
    return _inflate(octets, start, -15)


def _within(octets: bytes) -> bytes:
    if len(octets) > DOCUMENT_OCTETS:
        raise LimitExceeded("report", DOCUMENT_OCTETS, "report.document_octets")
    return octets


def _inflate(octets: bytes, start: int, window: int) -> bytes:
    limit = min(DOCUMENT_OCTETS, max(ALWAYS_OCTETS, RATIO * (len(octets) - start)))
    unpacker = zlib.decompressobj(window)
    try:
        document = unpacker.decompress(octets[start:], limit + 1)
    except zlib.error as error:
        raise FormatError("packed report", start, str(error)) from None
    if len(document) > limit:
        raise LimitExceeded("report", limit, "report.document_octets" if limit == DOCUMENT_OCTETS else "report.ratio")
    if not unpacker.eof:
        raise FormatError("packed report", len(octets), "cut off")
    return document


def documents(message: bytes, opening: bytes) -> Iterator[bytes]:
    """Unpacked attachments of a message that begin with ``opening`` (``<`` or ``{``), in order.

    What cannot be unpacked raises FormatError only if it is the last one: other parts may hold the report.
    """
    fault: FormatError | None = None
    for number, part in enumerate(leaves(parse(message))):
        if number == ATTACHMENTS:
            break
        try:
            document = unpack(decoded(message, part))
        except FormatError as error:
            fault = error
            continue
        if document.lstrip(_BLANKS)[:1] == opening and part.media.full != b"text/html":
            fault = None
            yield document
    if fault is not None:
        raise fault


def leaves(root: Part) -> Iterator[Part]:
    """Parts that hold no parts, in order; messages inside are leaves."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.media.kind is Kind.MULTIPART:
            waiting.extend(reversed(part.children))
        else:
            yield part


def decoded(message: bytes, part: Part) -> bytes:
    """The octets of a part, its transfer encoding taken off where it is known."""
    body = message[part.body : part.end]
    values = part.fields.get(b"content-transfer-encoding")
    if values is None:
        return body
    try:
        return transfer.decode(body, transfer_encoding(values[0]).lower())
    except transfer.UnknownEncoding:
        return body
