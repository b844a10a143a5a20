"""Message-Instance and DKIM2-Signature fields.  draft-ietf-dkim-dkim2-spec-04 §6, §7.

    Message-Instance: m=1; h=sha256:<header hash>:<body hash>;
    DKIM2-Signature: i=1; m=1; t=<POSIX seconds>; d=<domain>; mf=<base64>; rt=<base64>,…;
        s=<selector>:<algorithm>:<base64>,…;

Pure.  Names of tags are not case-sensitive here, unlike DKIM's.  What r= says of earlier instances is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.message.canonical_header import RawField
from courriel.formats.tag_list import parse_tags
from courriel.mailauth.dkim_signature import base64_value, domain_value, selector

__all__ = ["HOPS", "INSTANCE", "SIGNATURE", "Hop", "Instance", "Proof", "hops", "instances", "squeezed"]

INSTANCE: Final = b"message-instance"
SIGNATURE: Final = b"dkim2-signature"
HOPS: Final = 50
"""``dkim2.hops``: signatures, and instances, of one message; as ARC's chains have (RFC 8617 §4.2.1)."""
PROOFS: Final = 8
"""``dkim2.proofs``: signatures of one hop, each by another algorithm."""
NONCE: Final = 64
"""§7.3."""

_WHAT: Final = "DKIM2 field"
_BLANKS: Final = re.compile(rb"[ \t\r\n]+")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")


class Instance(msgspec.Struct, frozen=True):
    """What the message was at a hop: its hashes by SHA-256, None where it names other kinds only."""

    number: int
    field: RawField
    header_hash: bytes | None
    body_hash: bytes | None


class Proof(msgspec.Struct, frozen=True):
    """One signature of a hop."""

    selector: str
    algorithm: str
    signature: bytes


class Hop(msgspec.Struct, frozen=True):
    """A DKIM2-Signature.  ``mail_from`` and ``rcpt_to`` as they were in the envelope, with their brackets."""

    number: int
    instance: int
    field: RawField
    signed_at: int
    domain: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    proofs: tuple[Proof, ...]


def instances(fields: Iterable[RawField]) -> list[Instance]:
    """All of a header, from m=1.  Raises FormatError where one is missing, stands twice or cannot be read."""
    return _numbered([_instance(field) for field in fields if field[0].lower() == INSTANCE], "Message-Instance m")


def hops(fields: Iterable[RawField]) -> list[Hop]:
    """All signatures of a header, from i=1.  Raises FormatError as ``instances`` does."""
    return _numbered([_hop(field) for field in fields if field[0].lower() == SIGNATURE], "DKIM2-Signature i")


def squeezed(field: RawField) -> bytes:
    """A field as signatures cover it: no blanks at all.  §9.5."""
    return b"%b:%b\r\n" % (field[0].lower(), _BLANKS.sub(b"", field[2]))


_Numbered = TypeVar("_Numbered", Instance, Hop)


def _numbered(found: list[_Numbered], what: str) -> list[_Numbered]:
    if len(found) > HOPS:
        raise LimitExceeded(_WHAT, -1, "dkim2.hops")
    found.sort(key=lambda one: one.number)
    for place, one in enumerate(found, 1):
        if one.number != place:
            raise _fault(f"{what}={place} is missing, or another stands twice")
    return found


def _instance(field: RawField) -> Instance:
    tags = _tags(field[2], ("m", "h"))
    for text in tags["h"].split(","):
        kind, _, hashes = text.strip().partition(":")
        header, colon, body = hashes.partition(":")
        if not colon:
            raise _fault("h= has no two hashes")
        if kind.strip().lower() == "sha256":
            return Instance(_number(tags, "m"), field, base64_value(header, "h="), base64_value(body, "h="))
    return Instance(_number(tags, "m"), field, None, None)


def _hop(field: RawField) -> Hop:
    tags = _tags(field[2], ("i", "m", "t", "d", "mf", "rt", "s"))
    if len(tags.get("n", "")) > NONCE:
        raise _fault("n= is longer than 64")
    proofs = tags["s"].split(",")
    if len(proofs) > PROOFS:
        raise LimitExceeded(_WHAT, -1, "dkim2.proofs")
    return Hop(
        _number(tags, "i"),
        _number(tags, "m"),
        field,
        _number(tags, "t"),
        domain_value(tags["d"], "d="),
        _address(tags["mf"], "mf="),
        tuple([_address(one, "rt=") for one in tags["rt"].split(",")]),
        tuple([_proof(one) for one in proofs]),
    )


def _proof(text: str) -> Proof:
    name, _, rest = text.strip().partition(":")
    algorithm, colon, signature = rest.partition(":")
    if not colon:
        raise _fault("s= has no selector, algorithm and signature")
    return Proof(selector(name.strip()), algorithm.strip().lower(), base64_value(signature, "s="))


def _address(text: str, tag: str) -> str:
    try:
        return base64_value(text, tag).decode("utf-8")
    except UnicodeDecodeError:
        raise _fault(f"{tag} is not UTF-8") from None


def _tags(value: bytes, required: Iterable[str]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for name, text in parse_tags(value, _WHAT).items():
        if name.lower() in tags:
            raise _fault(f"{name}= stands twice")
        tags[name.lower()] = text
    for name in required:
        if not tags.get(name):
            raise _fault(f"{name}= is missing")
    return tags


def _number(tags: dict[str, str], tag: str) -> int:
    if _NUMBER.fullmatch(tags[tag]) is None:
        raise _fault(f"{tag}= is not a number")
    return int(tags[tag])


def _fault(rule: str) -> FormatError:
    return FormatError(_WHAT, -1, rule)
