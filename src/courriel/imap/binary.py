"""Messages with NUL, which no literal may carry back: their binary parts become base64.  RFC 3516 §4.4, §4.2.

Pure.  Only single parts (no multipart, no message inside) are rewritten, so every boundary stays where it is.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from courriel.formats.message.parse import Part, parse
from courriel.model.refusals import BadMessage

LINE_OCTETS: Final = 57
"""Octets of a base64 line: 76 characters, RFC 2045 §6.8."""

_ENCODING: Final = re.compile(rb"(?im)^Content-Transfer-Encoding:[^\n]*(?:\n[ \t][^\n]*)*\n")


def without_nul(raw: bytes) -> bytes:
    """The same message with each part that holds NUL in base64.  Raises BadMessage for NUL anywhere else."""
    pieces: list[bytes] = []
    at = 0
    for part in _leaves(parse(raw)):
        if raw.find(b"\0", part.body, part.end) < 0:
            continue
        pieces += [raw[at : part.start], _header(raw[part.start : part.body]), _base64(raw[part.body : part.end])]
        at = part.end
    pieces.append(raw[at:])
    done = b"".join(pieces)
    if b"\0" in done:
        raise BadMessage("NUL outside the parts of a message")
    return done


def _leaves(part: Part) -> list[Part]:
    if part.message is not None:
        return _leaves(part.message)
    return [leaf for child in part.children for leaf in _leaves(child)] if part.children else [part]


def _header(header: bytes) -> bytes:
    """The part's header with base64 as its only encoding; ``header`` ends with its empty line."""
    fields = _ENCODING.sub(b"", header)
    field = b"Content-Transfer-Encoding: base64\r\n"
    for empty in (b"\r\n", b"\n"):
        if fields.endswith(empty):
            return fields[: -len(empty)] + field + empty
    return fields + field + b"\r\n"


def _base64(body: bytes) -> bytes:
    lines = (binascii.b2a_base64(body[at : at + LINE_OCTETS], newline=False) for at in range(0, len(body), LINE_OCTETS))
    return b"\r\n".join(lines) + b"\r\n"
