"""Content-Transfer-Encoding, decoded.  RFC 2045 §6; for BINARY, RFC 3516 §4.3.

Lenient: what is no base64 is stepped over, a cut-off end gives what it has, "=" that begins no hexadecimal pair
stays.  Linear.
"""

from __future__ import annotations

import binascii

from courriel.base.errors import FormatError

__all__ = ["UnknownEncoding", "decode"]

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})


class UnknownEncoding(FormatError):
    """A Content-Transfer-Encoding nobody here can undo (IMAP: NO [UNKNOWN-CTE])."""


def decode(body: bytes, encoding: bytes) -> bytes:
    """``encoding`` in lower case, empty for none.  Raises ``UnknownEncoding``, nothing else."""
    if encoding in _IDENTITY:
        return body
    if encoding == b"quoted-printable":
        return _quoted_printable(body)
    if encoding == b"base64":
        return _base64(body)
    raise UnknownEncoding("Content-Transfer-Encoding", rule=repr(encoding[:40]))


def _quoted_printable(body: bytes) -> bytes:
    # RFC 2045 §6.7 (3): white space at the end of a line was added on the way.
    for line_end in (b"\r\n", b"\n"):
        if b" " + line_end in body or b"\t" + line_end in body:
            body = line_end.join([line.rstrip(b" \t") for line in body.split(line_end)])
    return binascii.a2b_qp(body.rstrip(b" \t"))


def _base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:  # cut off, or no multiple of four: take what whole octets there are
        body = body.translate(None, _NOT_BASE64)
        spare = len(body) % 4
        if spare == 1:
            body, spare = body[:-1], 0
        return binascii.a2b_base64(body + b"=" * (-spare % 4))
