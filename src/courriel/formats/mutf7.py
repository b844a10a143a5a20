"""Modified UTF-7, the way IMAP4rev1 writes mailbox names.  RFC 3501 §5.1.3.

Printable ASCII stands for itself, ``&`` is ``&-``, anything else is UTF-16BE in base64 with ``,`` for ``/`` and no
``=``, between ``&`` and ``-``.  Every name has exactly one form: ``decode`` refuses all others, so two spellings
can never name one mailbox.  Which names are allowed is ``model.mailbox``'s business.
"""

from __future__ import annotations

import binascii
import re

from courriel.base.errors import FormatError

_UNPRINTABLE = re.compile(rb"[^ -~]")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*+)-")
_TO_SHIFT = re.compile("&|[^ -~]+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def encode(name: str) -> bytes:
    """The name as IMAP4rev1 shows it; FormatError for a lone surrogate, which no UTF-16 can hold."""
    if name.isascii() and name.isprintable() and "&" not in name:
        return name.encode("ascii")
    try:
        return _TO_SHIFT.sub(_shift, name).encode("ascii")
    except UnicodeEncodeError as error:
        raise FormatError("mailbox name", error.start, "lone surrogate") from error


def _shift(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    base64 = binascii.b2a_base64(match[0].encode("utf-16-be"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def decode(raw: bytes) -> str:
    """The name of its one encoded form; FormatError for any other octets and for control characters."""
    if bad := _UNPRINTABLE.search(raw):
        raise FormatError("mailbox name", bad.start(), "printable ASCII (RFC 3501 §5.1.3)")
    if b"&" not in raw:
        return raw.decode("ascii")
    pieces: list[str] = []
    at = 0
    while (shift := raw.find(b"&", at)) >= 0:
        pieces.append(raw[at:shift].decode("ascii"))
        match = _SHIFTED.match(raw, shift)
        if match is None:
            raise FormatError("mailbox name", shift, "modified base64 (RFC 3501 §5.1.3)")
        pieces.append(_unshift(match[1], shift) if match[1] else "&")
        at = match.end()
    pieces.append(raw[at:].decode("ascii"))
    name = "".join(pieces)
    if _CONTROL.search(name):
        raise FormatError("mailbox name", -1, "control character")
    if encode(name) != raw:
        raise FormatError("mailbox name", -1, "not the one form of this name (RFC 3501 §5.1.3)")
    return name


def _unshift(base64: bytes, at: int) -> str:
    if len(base64) % 4 == 1:
        raise FormatError("mailbox name", at, "modified base64 (RFC 3501 §5.1.3)")
    octets = binascii.a2b_base64(base64.replace(b",", b"/") + b"=" * (-len(base64) % 4))
    try:
        return octets.decode("utf-16-be")
    except UnicodeDecodeError as error:
        raise FormatError("mailbox name", at, "UTF-16 (RFC 3501 §5.1.3)") from error
