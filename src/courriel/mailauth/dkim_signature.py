"""The value of a DKIM-Signature field.  RFC 6376 §3.5, RFC 8301, RFC 8463 §3, RFC 8616 §4.

Pure: what stands there, and whether it may stand there.  Whether it is true is ``dkim_verify``'s business.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import domain
from courriel.formats.message.canonical_body import Canon
from courriel.formats.tag_list import parse_tags

__all__ = [
    "HEADER_NAMES",
    "Signature",
    "base64_value",
    "canons",
    "domain_value",
    "header_names",
    "number",
    "parse_signature",
    "selector",
]

WHAT: Final = "DKIM-Signature"
HEADER_NAMES: Final = 500
"""``dkim.header_names``: names in h=; real signatures have some 20."""
_DIGITS: Final = 76
"""RFC 6376 §3.5, l=: a number of up to 76 digits; so for t= and x=."""

KEPT: Final = 512
"""``dkim.kept``: values of h= that are remembered, of at most KEPT_OCTETS."""
KEPT_OCTETS: Final = 600

_REQUIRED: Final = ("v", "a", "b", "bh", "d", "h", "s")
_FWS: Final = re.compile(r"[ \t\r\n]+")
_FIELD_NAME: Final = re.compile(r"[!-9<-~]++")
_SELECTOR: Final = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?>(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*)"
)


class Signature(msgspec.Struct, frozen=True):
    """Times in POSIX seconds.  ``domain`` and ``identity_domain`` in the form of ``domain.normalise``.

    ``b`` is the signature, ``b_text`` how it begins as written (RFC 6008); ``names`` are lower-case.
    """

    algorithm: str
    b: bytes
    b_text: str
    bh: bytes
    domain: str
    selector: str
    names: tuple[bytes, ...]
    header_form: Canon = Canon.SIMPLE
    body_form: Canon = Canon.SIMPLE
    identity: str = ""
    identity_domain: str = ""
    body_octets: int | None = None
    signed_at: int | None = None
    expires_at: int | None = None


def parse_signature(raw_value: bytes) -> Signature:
    """Raises FormatError for what RFC 6376 §6.1.1 ignores a signature for."""
    tags = parse_tags(raw_value, WHAT)
    for name in _REQUIRED:
        if not tags.get(name):
            raise _fault(f"{name}= is missing")
    if tags["v"] != "1":
        raise _fault("v= is not 1")
    if not _asks_dns(tags.get("q", "dns/txt")):
        raise _fault("q= has no dns/txt")
    forms = canons(tags.get("c", "simple/simple"))
    signer = domain_value(tags["d"], "d=")
    identity, identity_domain = _identity(tags.get("i", f"@{tags['d']}"), signer)
    signed_at, expires_at = number(tags, "t"), number(tags, "x")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise _fault("x= is before t=")
    return Signature(
        algorithm=tags["a"],
        b=base64_value(tags["b"], "b="),
        b_text=_FWS.sub("", tags["b"])[:16],
        bh=base64_value(tags["bh"], "bh="),
        domain=signer,
        selector=selector(tags["s"]),
        names=_signed_names(tags["h"]),
        header_form=forms[0],
        body_form=forms[1],
        identity=identity,
        identity_domain=identity_domain,
        body_octets=number(tags, "l"),
        signed_at=signed_at,
        expires_at=expires_at,
    )


def canons(text: str) -> tuple[Canon, Canon]:
    """Forms of header and body, of c=.  Raises FormatError."""
    header, _, body = text.partition("/")
    try:
        return Canon(header), Canon(body or "simple")
    except ValueError:
        raise _fault("c= is not known") from None


def base64_value(text: str, tag: str) -> bytes:
    """The octets; folds are taken out.  Raises FormatError."""
    try:
        return base64.b64decode(_FWS.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise _fault(f"{tag} is not base64") from None


def number(tags: dict[str, str], tag: str) -> int | None:
    """Digits of a tag, None where it is absent.  Raises FormatError."""
    text = tags.get(tag)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise _fault(f"{tag}= is not a number")
    return int(text)


def selector(text: str) -> str:
    """Lower-case A-labels; underscores are let through, since some signers have them.  Raises FormatError."""
    if len(text) <= domain.DOMAIN_OCTETS and _SELECTOR.fullmatch(text) is not None:
        return text.lower()
    return domain_value(text, "s=")


def header_names(text: str) -> tuple[bytes, ...]:
    """The names of h=, lower-case.  Raises FormatError, LimitExceeded."""
    return _kept_names(text) if len(text) <= KEPT_OCTETS else _names(text)


def _names(text: str) -> tuple[bytes, ...]:
    names = [one.strip(" \t\r\n") for one in text.split(":")]
    if len(names) > HEADER_NAMES:
        raise LimitExceeded(WHAT, 0, "dkim.header_names")
    for name in names:
        if not name.isascii() or _FIELD_NAME.fullmatch(name) is None:
            raise _fault("h= has what is no field name")
    return tuple([name.lower().encode("ascii") for name in names])


_kept_names: Final = lru_cache(maxsize=KEPT)(_names)
"""A signer writes the same h= again and again; reading it takes 15 µs."""


def _signed_names(text: str) -> tuple[bytes, ...]:
    names = header_names(text)
    if b"from" not in names:
        raise _fault("h= has no From (RFC 6376 §5.4)")
    return names


def _asks_dns(text: str) -> bool:
    return any(_FWS.sub("", one) == "dns/txt" for one in text.split(":"))


def domain_value(text: str, tag: str) -> str:
    """A domain as lower-case A-labels, without a dot at its end.  Raises FormatError."""
    try:
        found = domain.normalise(text)
    except FormatError as error:
        raise _fault(f"{tag} {error.rule}") from None
    if text.endswith("."):
        raise _fault(f"{tag} ends with a dot")
    return found


def _identity(text: str, signer: str) -> tuple[str, str]:
    """i= and its domain, which is the signer's or below it (RFC 6376 §3.5)."""
    local, at, name = text.rpartition("@")
    if not at:
        raise _fault("i= has no @")
    below = domain_value(name, "i=")
    if below != signer and not below.endswith("." + signer):
        raise _fault("i= is outside of d=")
    return f"{_FWS.sub('', local)}@{below}", below


def _fault(rule: str) -> FormatError:
    return FormatError(WHAT, -1, rule)
