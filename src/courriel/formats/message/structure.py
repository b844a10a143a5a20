"""BODYSTRUCTURE and BODY, ready to send.  RFC 9051 §7.5.2 and §9 (body, body-ext-1part, body-ext-mpart).

    body            = "(" ( body-type-1part / body-type-mpart ) ")"
    body-type-mpart = 1*body SP media-subtype [ SP body-ext-mpart ]
    body-type-1part = ( body-type-basic / body-type-msg / body-type-text ) [ SP body-ext-1part ]

Byte for byte what Dovecot says of well-formed mail, but for message/global, which RFC 9051 wants shown like
message/rfc822.  Nothing here depends on trace fields in front of the message.
"""

from __future__ import annotations

import re
from functools import lru_cache

from courriel.formats.message.envelope import envelope
from courriel.formats.message.fields import first
from courriel.formats.message.imap_string import nstring, string
from courriel.formats.message.media import Kind, parameter_list
from courriel.formats.message.parse import Part
from courriel.formats.parameters import parameters

__all__ = ["body_form", "bodystructure", "transfer_encoding"]

# RFC 9051 §9: a multipart has at least one body; one without any is shown with an empty text (as Dovecot does).
_NO_CHILD = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)'
# RFC 2045 §6.1: mechanism is one token; a comment may stand around it (RFC 5322 §3.2.2).
_MECHANISM = re.compile(rb"[^\s()<>@,;:\\\"/\[\]?=]+")
_COMMENT = re.compile(rb"\([^()]*+\)")
_CACHED_OCTETS = 160
"""Longer header values are read each time: the caches stay below 1 MB."""


def bodystructure(raw: bytes, part: Part) -> bytes:
    """The extensible form of one part and all in it."""
    fields = part.fields
    if not fields and part.message is None and part.media.kind is not Kind.MULTIPART:
        return _bare(raw, part)
    disposition = language = location = b"NIL"
    values = fields.get(b"content-disposition")
    if values is not None:
        value = values[0]
        disposition = _disposition(value) if len(value) <= _CACHED_OCTETS else _read_disposition(value)
    media = part.media
    if b"content-language" in fields:
        language = _language(first(fields, b"content-language") or b"")
    if b"content-location" in fields:
        location = nstring(first(fields, b"content-location"))
    if media.kind is Kind.MULTIPART:
        children = b"".join([bodystructure(raw, child) for child in part.children]) or _NO_CHILD
        return b"(%b %b %b %b %b %b)" % (
            *(children, string(media.sub), media.parameters_wire),
            *(disposition, language, location),
        )
    values = fields.get(b"content-transfer-encoding")
    extra = b""
    if media.kind is Kind.TEXT:
        extra = b" %d" % raw.count(b"\n", part.body, part.end)
    elif part.message is not None:
        extra = b" %b %b %d" % (
            envelope(part.message.fields),
            bodystructure(raw, part.message),
            raw.count(b"\n", part.body, part.end),
        )
    return b"(%b %b %b %b %b %d%b %b %b %b %b)" % (
        media.main_wire,
        media.parameters_wire,
        nstring(first(fields, b"content-id")) if b"content-id" in fields else b"NIL",
        nstring(first(fields, b"content-description")) if b"content-description" in fields else b"NIL",
        b'"7bit"' if values is None else string(transfer_encoding(values[0])),
        part.end - part.body,
        extra,
        nstring(first(fields, b"content-md5")) if b"content-md5" in fields else b"NIL",
        disposition,
        language,
        location,
    )


def _bare(raw: bytes, part: Part) -> bytes:
    """A leaf without a field of its own; what a flood of empty parts is made of."""
    lines = b" %d" % raw.count(b"\n", part.body, part.end) if part.media.kind is Kind.TEXT else b""
    return b'(%b %b NIL NIL "7bit" %d%b NIL NIL NIL NIL)' % (
        *(part.media.main_wire, part.media.parameters_wire),
        *(part.end - part.body, lines),
    )


@lru_cache(maxsize=64)
def _mechanism(raw: bytes) -> bytes:
    value = _COMMENT.sub(b" ", raw.replace(b"\r\n", b"").replace(b"\n", b"")).strip()
    return value if _MECHANISM.fullmatch(value) else b"7bit"


def transfer_encoding(raw: bytes) -> bytes:
    """Content-Transfer-Encoding as written; what is no token counts as 7bit."""
    return _mechanism(raw) if len(raw) <= _CACHED_OCTETS else b"7bit"


def _read_disposition(raw: bytes) -> bytes:
    read = parameters(raw)
    return b"(%b %b)" % (string(read.value), parameter_list(read.joined))


_disposition = lru_cache(maxsize=512)(_read_disposition)


def _language(value: bytes) -> bytes:
    tags = [string(tag) for piece in value.split(b",") if (tag := piece.strip())]
    return b"(%b)" % b" ".join(tags) if tags else b"NIL"


# -- BODY: the same without extension data

_QUOTED = re.compile(rb'"(?>(?:[^"\\]++|\\.)*)"', re.DOTALL)
_ATOM = re.compile(rb"[A-Za-z0-9]++")
_LITERAL = re.compile(rb"\{(\d++)\}\r\n")
# Anything inside a list but its parentheses and literals.
_INSIDE = re.compile(rb'(?>(?:[^"(){]++|"(?>(?:[^"\\]++|\\.)*)")+)', re.DOTALL)
_MESSAGES = (b'"message" "rfc822" ', b'"message" "global" ')


def body_form(structure: bytes) -> bytes:
    """The non-extensible form (FETCH BODY), cut out of what ``bodystructure`` made; no parse, no message."""
    kept: list[bytes] = []
    _body(structure, 0, kept)
    return b"".join(kept)


def _body(structure: bytes, at: int, kept: list[bytes]) -> int:
    """Keep the body that begins at ``at``; offset past it."""
    at += 1
    begin = at
    kept.append(b"(")
    if structure.startswith(b"(", at):
        while structure.startswith(b"(", at):
            at = _body(structure, at, kept)
        begin = at
        at = _skip(structure, at + 1, 1)
    else:
        head = structure[at : at + 20].lower()
        at = _skip(structure, at, 7)  # type, subtype, parameters, id, description, encoding, octets
        if head.startswith(_MESSAGES):
            at = _skip(structure, at + 1, 1) + 1  # envelope
            kept.append(structure[begin:at])
            at = begin = _body(structure, at, kept)
            at = _skip(structure, at + 1, 1)  # lines
        elif head.startswith(b'"text"'):
            at = _skip(structure, at + 1, 1)  # lines
    kept.append(structure[begin:at])
    kept.append(b")")
    while not structure.startswith(b")", at):
        at = _skip(structure, at + 1, 1)
    return at + 1


def _skip(structure: bytes, at: int, count: int) -> int:
    """Offset past ``count`` values with one space between them."""
    for turn in range(count):
        if turn:
            at += 1
        match = _ATOM.match(structure, at) or _QUOTED.match(structure, at)
        at = match.end() if match else _skip_list_or_literal(structure, at)
    return at


def _skip_list_or_literal(structure: bytes, at: int) -> int:
    depth = 0
    while True:
        if literal := _LITERAL.match(structure, at):
            at = literal.end() + int(literal[1])
        elif structure.startswith(b"(", at):
            depth += 1
            at += 1
        else:
            depth -= 1
            at += 1
        if depth == 0:
            return at
        if inside := _INSIDE.match(structure, at):
            at = inside.end()
