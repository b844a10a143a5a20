"""xtext: any ASCII text as printable characters without blanks, for ORCPT, ENVID and AUTH=.  RFC 3461 §4.

    xtext   = *( xchar / hexchar )        xchar = "!"–"~" except "+" and "="
    hexchar = "+" and two upper-case hexadecimal digits

What the text means, and whether it may hold 8-bit octets (RFC 6533 has its own form), is the caller's business.
"""

from __future__ import annotations

import re

from courriel.base.errors import FormatError

_PIECES = [bytes([o]) if 0x21 <= o <= 0x7E and o not in b"+=" else b"+%02X" % o for o in range(256)]
_PLAIN = re.compile(rb"[!-*,-<>-~]*+")
_XTEXT = re.compile(rb"(?>(?:[!-*,-<>-~]++|\+[0-9A-F]{2})*)")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")


def encode(raw: bytes) -> bytes:
    """Octets as xtext; CR, LF and NUL can only come out as ``+0D``, ``+0A`` and ``+00``."""
    if _PLAIN.fullmatch(raw):
        return raw
    return b"".join([_PIECES[octet] for octet in raw])


def decode(raw: bytes) -> bytes:
    """xtext as octets; FormatError for lower-case digits, a lone ``+``, ``=``, blanks and 8-bit octets."""
    match = _XTEXT.match(raw)
    if match is None or match.end() != len(raw):
        raise FormatError("xtext", 0 if match is None else match.end(), "RFC 3461 §4")
    if b"+" not in raw:
        return raw
    return _HEXCHAR.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), raw)
