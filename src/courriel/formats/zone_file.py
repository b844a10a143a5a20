"""Master files: records as administrators import them.  RFC 1035 §5.1; TXT strings of 255 octets §3.3.14.

Pure.  Only what is needed to write them.
"""

from __future__ import annotations

from typing import AnyStr, Final

STRING_OCTETS: Final = 255
"""``zone.string_octets``: a character-string has a length octet.  RFC 1035 §3.3."""


def strings(value: AnyStr) -> list[AnyStr]:
    """The character-strings that hold a value (octets, or ASCII text): at least one."""
    return [value[at : at + STRING_OCTETS] for at in range(0, len(value), STRING_OCTETS)] or [value]


def quoted(text: str) -> str:
    """``text`` as one or more quoted strings; what is not printable ASCII as ``\\DDD``."""
    return " ".join([f'"{_escaped(string)}"' for string in strings(text.encode("utf-8", "surrogateescape"))])


def _escaped(string: bytes) -> str:
    return "".join([_character(octet) for octet in string])


def _character(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{octet:c}"
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"


def line(name: str, type: str, value: str, ttl_s: int) -> str:
    """One record with an absolute name.  ``value`` of a TXT record is its text."""
    return f"{name}. {ttl_s} IN {type} {quoted(value) if type == 'TXT' else value}"


def comment(text: str) -> str:
    """``text`` as comment lines."""
    return "\n".join([f"; {part}" for part in text.splitlines()])
