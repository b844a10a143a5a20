"""Names: what callers write, what the wire carries, and the one text under which an answer is remembered.

The text of a name is its presentation form in lower case without the final dot (RFC 1035 §5.1); the root is ".".
Labels may hold any octet: SPF macros and DKIM selectors make names that are no host names, and a NUL is a NUL.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import dns.exception
import dns.name
from dns.name import Name

from courriel.base.errors import FormatError
from courriel.formats import domain

NAME_OCTETS: Final = 253
"""Longest name as text, RFC 1035 §2.3.4: 255 octets on the wire."""

_PLAIN = re.compile(r"(?>(?:[a-z0-9_-]{1,63}\.)*)[a-z0-9_-]{1,63}")


def text_of(name: Name) -> str:
    """The text of a name from the wire."""
    return name.to_text(omit_final_dot=True).lower()


def parse(asked: str) -> str | None:
    """The text of a name as callers write it; None where the DNS cannot hold such a name."""
    name = asked.lower() if asked.isascii() else _with_a_labels(asked)
    name = name.removesuffix(".")
    if len(name) <= NAME_OCTETS and _PLAIN.fullmatch(name):
        return name
    try:
        return text_of(Name([*_labels(name), b""]))
    except (dns.exception.DNSException, UnicodeEncodeError):
        return None


def _labels(name: str) -> list[bytes]:
    """Octets as they are: a backslash in what a caller wrote is no escape."""
    return [label.encode("ascii") for label in name.split(".")]


def to_name(text: str) -> Name:
    """The name for a text that ``parse`` or ``text_of`` gave."""
    return dns.name.from_text(text)


def _with_a_labels(asked: str) -> str:
    """U-labels as A-labels (RFC 5891); labels before the last one with an underscore are left alone."""
    labels = asked.split(".")
    own = max((at + 1 for at, label in enumerate(labels) if label.startswith("_")), default=0)
    try:
        return ".".join([*labels[:own], domain.normalise(".".join(labels[own:]))]).lower()
    except FormatError:
        return asked  # what is left beyond ASCII makes it no name


def reverse(ip: str) -> str | None:
    """``1.2.0.192.in-addr.arpa`` or ``….ip6.arpa`` (RFC 1035 §3.5, RFC 3596 §2.5); address literals too."""
    inside = ip[1:-1] if domain.is_literal(ip) else ip
    bare = inside[5:] if inside[:5].lower() == "ipv6:" else inside
    try:
        return ipaddress.ip_address(bare.partition("%")[0]).reverse_pointer
    except ValueError:
        return None
