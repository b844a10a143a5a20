"""ESMTP parameters of MAIL and RCPT.  RFC 5321 §4.1.2 (esmtp-param), and each parameter's own RFC.

esmtp-param   = esmtp-keyword ["=" esmtp-value]
esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
esmtp-value   = 1*(%d33-60 / %d62-126)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats import xtext
from courriel.model.envelope import Body
from courriel.model.wishes import PRIORITIES, Deadline, Wishes
from courriel.smtp.wire.faults import BadArgument, UnknownParameter

_KEYWORD: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*+")
_VALUE: Final = re.compile(rb"[!-<>-~]++")
_UTF8_VALUE: Final = re.compile(rb"[!-<>-~\x80-\xff]++")

ENVID_CHARACTERS: Final = 100
"""Longest ENVID before it was encoded.  RFC 3461 §4.4."""

ORCPT_OCTETS: Final = 500
"""Longest ORCPT as written: what RFC 3461 §4 lets a RCPT line grow by."""

SIZE_DIGITS: Final = 20
"""RFC 1870 §3."""

NOTIFY_WORDS: Final = frozenset({"SUCCESS", "FAILURE", "DELAY"})
"""RFC 3461 §4.1; NEVER stands alone."""


def split(raw: bytes, known: frozenset[bytes], *, smtputf8: bool = False) -> dict[bytes, bytes | None]:
    """Keyword in capitals → value as written.  Raises BadArgument (syntax, twice the same) or UnknownParameter."""
    found: dict[bytes, bytes | None] = {}
    for word in raw.split():
        keyword, equals, value = word.partition(b"=")
        if _KEYWORD.fullmatch(keyword) is None:
            raise BadArgument("parameter name (RFC 5321 §4.1.2)")
        if equals and (_UTF8_VALUE if smtputf8 else _VALUE).fullmatch(value) is None:
            raise BadArgument("parameter value (RFC 5321 §4.1.2)")
        name = keyword.upper()
        if name not in known:
            raise UnknownParameter(name.decode("ascii"))
        if name in found:
            raise BadArgument(f"{name.decode('ascii')} twice")
        found[name] = value if equals else None
    return found


def read_size(value: bytes | None) -> int:
    """SIZE=: declared octets.  RFC 1870 §3: ``size-value = 1*20DIGIT``."""
    if value is None or not value.isdigit() or len(value) > SIZE_DIGITS:
        raise BadArgument("SIZE (RFC 1870 §3)")
    return int(value)


def read_body(value: bytes | None) -> Body:
    """BODY=.  RFC 6152 §2, RFC 3030 §3."""
    try:
        return Body((value or b"").upper().decode("ascii"))
    except ValueError:
        raise BadArgument("BODY (RFC 6152 §2)") from None


def read_ret(value: bytes | None) -> str:
    """RET=FULL or HDRS.  RFC 3461 §4.3."""
    word = (value or b"").upper()
    if word not in (b"FULL", b"HDRS"):
        raise BadArgument("RET (RFC 3461 §4.3)")
    return word.decode("ascii")


def read_envid(value: bytes | None) -> str:
    """ENVID=, decoded.  RFC 3461 §4.4."""
    envid = _printable(value or b"", "ENVID (RFC 3461 §4.4)")
    if not 0 < len(envid) <= ENVID_CHARACTERS:
        raise BadArgument("ENVID (RFC 3461 §4.4)")
    return envid


def read_notify(value: bytes | None) -> frozenset[str]:
    """NOTIFY=NEVER, or a list of SUCCESS, FAILURE, DELAY.  RFC 3461 §4.1."""
    words = (value or b"").decode("ascii", "replace").upper().split(",")
    if words == ["NEVER"]:
        return frozenset(words)
    if not set(words) <= NOTIFY_WORDS or len(set(words)) != len(words):
        raise BadArgument("NOTIFY (RFC 3461 §4.1)")
    return frozenset(words)


_ADDRESS_TYPE: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*+")


def read_orcpt(value: bytes | None, *, smtputf8: bool = False) -> str:
    """ORCPT=addr-type;xtext, decoded.  RFC 3461 §4.2; type ``utf-8`` as it is, RFC 6533 §3."""
    kind, semicolon, address = (value or b"").partition(b";")
    if not semicolon or not address or len(value or b"") > ORCPT_OCTETS or _ADDRESS_TYPE.fullmatch(kind) is None:
        raise BadArgument("ORCPT (RFC 3461 §4.2)")
    if kind.lower() == b"utf-8":
        if not smtputf8 and not address.isascii():
            raise BadArgument("ORCPT needs SMTPUTF8 (RFC 6533 §3)")
        try:
            return f"utf-8;{address.decode('utf-8')}"
        except UnicodeDecodeError:
            raise BadArgument("ORCPT (RFC 6533 §3)") from None
    return f"{kind.decode('ascii')};{_printable(address, 'ORCPT (RFC 3461 §4.2)')}"


def check_auth(value: bytes | None) -> None:
    """AUTH=<> or an address in xtext: read and not believed.  RFC 4954 §5."""
    if not value:
        raise BadArgument("AUTH (RFC 4954 §5)")
    if value != b"<>":
        _printable(value, "AUTH (RFC 4954 §5)")


_HOLD_FOR: Final = re.compile(rb"[1-9][0-9]{0,8}")
"""``future-release-integer``, RFC 4865 §4."""
_DATE_TIME: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""date-time of RFC 3339 §5.6, as eid2040 says for RFC 4865."""
_BY: Final = re.compile(rb"(-?[0-9]{1,9});([NnRr])([Tt]?)")
"""``by-value``, RFC 2852 §4."""
_PRIORITY: Final = re.compile(rb"-?[0-9]")


def read_wishes(words: Mapping[bytes, bytes | None]) -> Wishes:
    """HOLDFOR or HOLDUNTIL, BY, MT-PRIORITY and REQUIRETLS of MAIL, where they are."""
    if b"HOLDFOR" in words and b"HOLDUNTIL" in words:
        raise BadArgument("HOLDFOR and HOLDUNTIL together (RFC 4865)")
    if words.get(b"REQUIRETLS") is not None:
        raise BadArgument("REQUIRETLS has no value (RFC 8689)")
    return Wishes(
        _read_hold_for(words[b"HOLDFOR"]) if b"HOLDFOR" in words else 0,
        _read_hold_until(words[b"HOLDUNTIL"]) if b"HOLDUNTIL" in words else 0.0,
        _read_by(words[b"BY"]) if b"BY" in words else None,
        _read_priority(words[b"MT-PRIORITY"]) if b"MT-PRIORITY" in words else None,
        b"REQUIRETLS" in words,
    )


def _read_hold_for(value: bytes | None) -> int:
    if value is None or _HOLD_FOR.fullmatch(value) is None:
        raise BadArgument("HOLDFOR (RFC 4865)")
    return int(value)


def _read_hold_until(value: bytes | None) -> float:
    if value is None or _DATE_TIME.fullmatch(value) is None:
        raise BadArgument("HOLDUNTIL (RFC 4865, RFC 3339)")
    try:
        return datetime.fromisoformat(value.decode("ascii").upper()).timestamp()
    except (ValueError, OverflowError):
        raise BadArgument("HOLDUNTIL (RFC 4865, RFC 3339)") from None


def _read_by(value: bytes | None) -> Deadline:
    match = _BY.fullmatch(value or b"")
    if match is None:
        raise BadArgument("BY (RFC 2852)")
    deadline = Deadline(float(match[1]), match[2] in b"Rr", bool(match[3]))
    if deadline.returns and deadline.at <= 0:
        raise BadArgument("BY with mode R is above 0 (RFC 2852)")
    return deadline


def _read_priority(value: bytes | None) -> int:
    if value is None or _PRIORITY.fullmatch(value) is None or int(value) not in PRIORITIES:
        raise BadArgument("MT-PRIORITY (RFC 6710)")
    return int(value)


def _printable(value: bytes, rule: str) -> str:
    """xtext whose meaning is printable US-ASCII: it goes into fields of reports later."""
    try:
        text = xtext.decode(value).decode("ascii")
    except (FormatError, UnicodeDecodeError):
        raise BadArgument(rule) from None
    if not text.isprintable():
        raise BadArgument(rule)
    return text
