"""Content-Type of one part, read once and ready for BODYSTRUCTURE.  RFC 2045 §5, RFC 2046, RFC 2231.

A value that cannot be read is text/plain, as RFC 2045 §5.2 asks; no value takes the default of its place
(message/rfc822 in multipart/digest, RFC 2046 §5.1.5).
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

import msgspec

from courriel.formats.message.imap_string import string
from courriel.formats.parameters import parameters

__all__ = ["DIGEST_CHILD", "OPAQUE", "PLAIN", "Kind", "MediaType", "media_type", "parameter_list"]


class Kind(IntEnum):
    """What IMAP has to tell apart.  RFC 9051 §9: body-type-basic, -text, -mpart, -msg."""

    BASIC = 0
    TEXT = 1
    MULTIPART = 2
    MESSAGE = 3


class MediaType(msgspec.Struct, frozen=True, gc=False):
    """A media type with its parameters; shared between parts with the same header value."""

    kind: Kind
    main: bytes
    """As written; ``type`` on the wire."""
    sub: bytes
    """As written."""
    full: bytes
    """Lower case, ``text/plain``."""
    subtype: bytes
    """Lower case, ``plain``."""
    parameters: tuple[tuple[bytes, bytes], ...]
    """(name, value) in order, RFC 2231 pieces joined, values undecoded."""
    boundary: bytes | None
    charset: bytes | None
    main_wire: bytes
    """``"text" "plain"`` ready to send."""
    parameters_wire: bytes
    """``("charset" "utf-8")`` or NIL."""

    def get(self, name: bytes) -> bytes | None:
        """The first parameter of this lower-case name."""
        for found, value in self.parameters:
            if found.lower() == name:
                return value
        return None


# RFC 2045 §5.1 token, on both sides of one slash; blanks around it are read (RFC 5322 §3.2.2).
_TYPE = re.compile(rb"([^\s/;]+)[ \t]*/[ \t]*([^\s/;]+)")


def parameter_list(pairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """``body-fld-param``: ``("name" "value" …)`` or NIL."""
    if not pairs:
        return b"NIL"
    return b"(%b)" % b" ".join([b"%b %b" % (string(name), string(value)) for name, value in pairs])


def _made(main: bytes, sub: bytes, pairs: tuple[tuple[bytes, bytes], ...]) -> MediaType:
    subtype = sub.lower()
    full = b"%b/%b" % (main.lower(), subtype)
    kind = Kind.BASIC
    if full.startswith(b"text/"):
        kind = Kind.TEXT
    elif full.startswith(b"multipart/"):
        kind = Kind.MULTIPART
    elif full in (b"message/rfc822", b"message/global"):  # RFC 9051 §7.5.2: both carry envelope and body
        kind = Kind.MESSAGE
    boundary = charset = None
    for name, value in pairs:
        key = name.lower()
        if key == b"boundary" and boundary is None:
            boundary = value
        elif key == b"charset" and charset is None:
            charset = value
    if kind is Kind.TEXT and charset is None:
        # RFC 2045 §5.2; Dovecot says so on the wire, and clients expect it there.
        pairs = (*pairs, (b"charset", b"us-ascii"))
    wire = b"%b %b" % (string(main), string(sub))
    return MediaType(kind, main, sub, full, subtype, pairs, boundary, charset, wire, parameter_list(pairs))


PLAIN = _made(b"text", b"plain", ())
DIGEST_CHILD = _made(b"message", b"rfc822", ())
OPAQUE = _made(b"application", b"octet-stream", ())

_CACHED_OCTETS = 160
"""Longer values are not kept: the cache stays below 1 MB."""


def media_type(raw: bytes) -> MediaType:
    """Read the value of a Content-Type field, folded or not.  Never raises."""
    return _cached(raw) if len(raw) <= _CACHED_OCTETS else _parsed(raw)


def _parsed(raw: bytes) -> MediaType:
    read = parameters(raw)
    match = _TYPE.fullmatch(read.value)
    if match is None:
        return PLAIN
    return _made(match[1], match[2], read.joined)


# Most parts of most mail share a few dozen values: 0.1 µs instead of 4.
_cached = lru_cache(maxsize=1024)(_parsed)
