"""Lists of tags: the grammar that DKIM signatures, DKIM keys and ARC fields share.  RFC 6376 §3.2, RFC 8616 §3.

    tag-list  = tag-spec *( ";" tag-spec ) [ ";" ]
    tag-spec  = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
    tag-name  = ALPHA *( ALPHA / DIGIT / "_" )

Names and values are case-sensitive.  A name that stands twice makes the whole list invalid.
"""

from __future__ import annotations

import re
from typing import Final

from courriel.base.errors import FormatError, LimitExceeded

__all__ = ["TAG_LIST_OCTETS", "parse_tags", "without_value"]

TAG_LIST_OCTETS: Final = 65_536
"""``tag_list.octets``: real signatures stay below 3,000, keys below 1,000."""

_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")
_BLANKS: Final = b" \t\r\n"
# What a value cannot hold: controls, and CR or LF that are not part of a fold.
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n|\n(?![ \t]|\Z)")


# What needs no closer look: printable ASCII, blanks, and octets of UTF-8, which are looked at value by value.
_PLAIN: Final = bytes([*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\r\n"])


def _is_plain(raw: bytes) -> bool:
    """Whether all of ``raw`` may stand in a list, as far as counting tells (15 µs less than the pattern)."""
    if raw.translate(None, _PLAIN):
        return False
    ends = raw.count(b"\n")
    folds = raw.count(b"\r\n ") + raw.count(b"\r\n\t") + raw.endswith(b"\r\n")
    return ends == folds and ends == raw.count(b"\r")


def parse_tags(raw: bytes, what: str) -> dict[str, str]:
    """Name → value without the blanks around it, folds inside kept.  Raises FormatError, LimitExceeded.

    ``what`` names the list in the error.
    """
    if len(raw) > TAG_LIST_OCTETS:
        raise LimitExceeded(what, TAG_LIST_OCTETS, "tag_list.octets")
    odd = None if _is_plain(raw) else _FORBIDDEN.search(raw)
    if odd is not None:
        raise FormatError(what, odd.start(), "RFC 6376 §3.2: tag-value")
    segments = raw.split(b";")
    if len(segments) > 1 and not segments[-1].strip(_BLANKS):
        segments.pop()
    tags: dict[str, str] = {}
    at = 0
    for segment in segments:
        name, equals, value = segment.partition(b"=")
        name = name.strip(_BLANKS)
        if not equals or not ((name.isalnum() and name[:1].isalpha()) or _NAME.fullmatch(name)):
            raise FormatError(what, at, "RFC 6376 §3.2: tag-spec")
        key = name.decode("ascii")
        if key in tags:
            raise FormatError(what, at, f"RFC 6376 §3.2: {key}= stands twice")
        try:
            tags[key] = value.strip(_BLANKS).decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError(what, at, "RFC 8616 §3: not UTF-8") from None
        at += len(segment) + 1
    return tags


def without_value(raw: bytes, name: bytes) -> bytes:
    """The list as it stands, but with nothing behind ``name=`` (RFC 6376 §3.7, for b=)."""
    segments = raw.split(b";")
    for number, segment in enumerate(segments):
        found, equals, _ = segment.partition(b"=")
        if equals and found.strip(_BLANKS) == name:
            segments[number] = found + equals
            break
    return b";".join(segments)
