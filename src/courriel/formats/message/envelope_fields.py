"""An ENVELOPE taken apart again: what it says of date, subject and people.  RFC 9051 §7.5.2.

``envelope.py`` renders it once, at delivery; what sorts and searches thousands of messages reads it back from the
column that is kept of it, 2 µs an envelope, instead of reading messages.  Only for what ``envelope.py`` made.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

import msgspec

from courriel.base.errors import Damaged

__all__ = ["EnvelopeAddress", "EnvelopeField", "addresses", "fields", "first_address", "text"]

_STRING: Final = rb'(?:NIL|"(?>(?:[^"\\]++|\\.)*)")'
_LIST: Final = rb"(NIL|\((?>(?:\(" + b" ".join([_STRING] * 4) + rb"\))+)\))"
_ENVELOPE: Final = re.compile(
    rb"\((STR) (STR) LIST LIST LIST LIST LIST LIST (STR) (STR)\)\Z".replace(b"STR", _STRING).replace(b"LIST", _LIST),
    re.DOTALL,
)
_ADDRESS: Final = re.compile(rb"\((STR) (STR) (STR) (STR)\)".replace(b"STR", _STRING), re.DOTALL)
_TOKEN: Final = re.compile(rb'"(?>(?:[^"\\]++|\\.)*)"|\{(\d+)\}\r\n|[^"{]++', re.DOTALL)
_ESCAPE: Final = re.compile(rb'(["\\])')
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


class EnvelopeField(IntEnum):
    """Places of the ten fields."""

    DATE = 0
    SUBJECT = 1
    FROM = 2
    SENDER = 3
    REPLY_TO = 4
    TO = 5
    CC = 6
    BCC = 7
    IN_REPLY_TO = 8
    MESSAGE_ID = 9


class EnvelopeAddress(msgspec.Struct, frozen=True):
    """One address structure.  ``host`` None: the border of a group, whose name is ``mailbox`` (None at its end)."""

    name: bytes | None
    mailbox: bytes | None
    host: bytes | None


def fields(envelope: bytes) -> tuple[bytes, ...]:
    """The ten fields, each as it stands (literals as quoted strings), by ``EnvelopeField``.  Raises Damaged."""
    if b"{" in envelope:
        envelope = _without_literals(envelope)
    match = _ENVELOPE.match(envelope)
    if match is None:
        raise Damaged("an ENVELOPE is not what was rendered")
    return match.groups()


def _without_literals(envelope: bytes) -> bytes:
    """The same with literals as quoted strings, which may then hold any octet."""
    out: list[bytes] = []
    at = 0
    while match := _TOKEN.match(envelope, at):
        at = match.end()
        if match[1] is None:
            out.append(match[0])
        else:
            octets = envelope[at : at + int(match[1])]
            at += len(octets)
            out.append(b'"%b"' % _ESCAPE.sub(rb"\\\1", octets))
    return b"".join(out)


def text(field: bytes) -> bytes | None:
    """The octets of a string; None for NIL."""
    if field == b"NIL":
        return None
    inner = field[1:-1]
    return _ESCAPED.sub(rb"\1", inner) if b"\\" in inner else inner


def addresses(field: bytes) -> list[EnvelopeAddress]:
    """All address structures of a list."""
    return [
        EnvelopeAddress(text(name), text(mailbox), text(host)) for name, _, mailbox, host in _ADDRESS.findall(field)
    ]


def first_address(field: bytes) -> EnvelopeAddress | None:
    """The first address structure; None where there is none."""
    match = _ADDRESS.match(field, 1)
    if match is None:
        return None
    return EnvelopeAddress(text(match[1]), text(match[3]), text(match[4]))
