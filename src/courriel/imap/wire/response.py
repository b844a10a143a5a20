"""Values into replies: strings, flags, mailbox names, untagged lines.  RFC 9051 §7, §9."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from courriel.formats import mutf7
from courriel.model.flags import SYSTEM_FLAGS, Flags

RECENT: Final = 1 << 63
"""The bit that stands for \\Recent while flags are rendered (RFC 3501 §2.3.2); never stored."""

_SAFE_ATOM: Final = re.compile(rb"[!#$&\'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+\Z")
_QUOTABLE: Final = re.compile(rb"[^\r\n\x00\x80-\xff]{0,1000}\Z")

_SYSTEM: Final = tuple((bit, name.encode()) for name, bit in SYSTEM_FLAGS.items())


def quoted(text: bytes) -> bytes:
    """A quoted string; the text must hold no CR, LF or NUL."""
    if b"\\" in text or b'"' in text:
        text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%b"' % text


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes) -> bytes:
    """A quoted string where that is possible, else a literal."""
    return quoted(octets) if _QUOTABLE.match(octets) else literal(octets)


def nstring(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else string(octets)


def utf8_string(text: str) -> bytes:
    """Unicode text as a literal or, where it is ASCII, quoted (safe for every client)."""
    return string(text.encode("utf-8", "replace"))


def mailbox_name(path: str, utf8: bool) -> bytes:
    """A mailbox name as astring: UTF-8 where that was enabled, else modified UTF-7.  RFC 9051 §5.1, RFC 3501 §5.1.3."""
    name = path.encode() if utf8 else mutf7.encode(path)
    return name if _is_atom(name) else quoted(name)


def astring(octets: bytes) -> bytes:
    return octets if _is_atom(octets) else string(octets)


def _is_atom(octets: bytes) -> bool:
    return _SAFE_ATOM.match(octets) is not None and octets.upper() != b"NIL"


def object_id(kind: bytes, number: int, owner: int | None) -> bytes:
    """An id that is unique among all that a client can see (RFC 8474 §4): numbers are unique in their account, so in
    mailboxes of others the account goes before."""
    return b"%b%d" % (kind, number) if owner is None else b"%b%d_%d" % (kind, owner, number)


def flag_list(flags: Flags, keywords: Mapping[int, str]) -> bytes:
    """Flags in parentheses; bit RECENT is \\Recent."""
    names = [name for bit, name in _SYSTEM if flags & bit]
    if flags & RECENT:
        names.append(b"\\Recent")
    rest = (flags & ~RECENT) >> 5
    bit = 5
    while rest:
        if rest & 1 and bit in keywords:
            names.append(keywords[bit].encode())
        rest >>= 1
        bit += 1
    return b"(%b)" % b" ".join(names)
