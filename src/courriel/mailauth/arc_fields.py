"""The three fields of an ARC set, and the sets of a message.  RFC 8617 §4.1, §4.2, §5.2 steps 1 to 3.

Pure.  A set is a hop: what it found (ARC-Authentication-Results), the message as it left (ARC-Message-Signature),
and the chain so far, closed (ARC-Seal).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.message.canonical_body import Canon
from courriel.formats.message.canonical_header import RawField
from courriel.formats.tag_list import parse_tags
from courriel.mailauth.dkim_check import ALGORITHMS
from courriel.mailauth.dkim_signature import base64_value, canons, domain_value, header_names, number, selector

__all__ = ["INSTANCES", "RESULTS", "SEAL", "SIGNATURE", "ArcSet", "Seal", "Stamp", "arc_sets"]

INSTANCES: Final = 50
"""``arc.instances``: RFC 8617 §4.2.1."""

RESULTS: Final = b"arc-authentication-results"
SIGNATURE: Final = b"arc-message-signature"
SEAL: Final = b"arc-seal"
_NAMES: Final = (RESULTS, SIGNATURE, SEAL)

_INSTANCE: Final = re.compile(rb"[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+([0-9]{1,2})[ \t\r\n]*+;")
_NUMBER: Final = re.compile(r"[0-9]{1,2}")


class Stamp(msgspec.Struct, frozen=True):
    """ARC-Message-Signature.  RFC 8617 §4.1.2: a DKIM signature without v=, whose i= is the instance."""

    instance: int
    algorithm: str
    b: bytes
    bh: bytes
    domain: str
    selector: str
    names: tuple[bytes, ...]
    header_form: Canon
    body_form: Canon
    body_octets: int | None


class Seal(msgspec.Struct, frozen=True):
    """ARC-Seal.  RFC 8617 §4.1.3.  ``cv`` is "none", "pass" or "fail"."""

    instance: int
    algorithm: str
    b: bytes
    cv: str
    domain: str
    selector: str


class ArcSet(msgspec.Struct, frozen=True):
    """One hop: the fields as they stand, and what two of them say."""

    results: RawField
    stamp_field: RawField
    seal_field: RawField
    stamp: Stamp
    seal: Seal

    @property
    def fields(self) -> tuple[RawField, RawField, RawField]:
        """In the order in which seals cover them.  RFC 8617 §5.1.1."""
        return self.results, self.stamp_field, self.seal_field


def arc_sets(fields: Iterable[RawField]) -> list[ArcSet]:
    """The sets, first to last; empty without any.  Raises FormatError where they are no chain, LimitExceeded."""
    found: dict[int, dict[bytes, RawField]] = {}
    for field in fields:
        name = field[0].lower()
        if name in _NAMES:
            instance = _instance(name, field[2])
            if name in found.setdefault(instance, {}):
                raise _fault(f"{name.decode('ascii')} stands twice for i={instance}")
            found[instance][name] = field
    for instance in range(1, len(found) + 1):
        if len(found.get(instance, ())) != len(_NAMES):
            raise _fault(f"set {instance} is not complete")
    return [_set(found[instance]) for instance in range(1, len(found) + 1)]


def _set(fields: dict[bytes, RawField]) -> ArcSet:
    stamp, seal = fields[SIGNATURE], fields[SEAL]
    return ArcSet(fields[RESULTS], stamp, seal, _stamp(stamp[2]), _seal(seal[2]))


def _instance(name: bytes, value: bytes) -> int:
    """Raises FormatError, LimitExceeded."""
    if name == RESULTS:  # what follows is no list of tags
        match = _INSTANCE.match(value)
        text = match[1].decode("ascii") if match is not None else ""
    else:
        text = parse_tags(value, "ARC field").get("i", "")
    return _instance_of(text)


def _instance_of(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or int(text) == 0:
        raise _fault("i= is missing, or no number from 1")
    if int(text) > INSTANCES:
        raise LimitExceeded("ARC field", -1, "arc.instances")
    return int(text)


def _stamp(value: bytes) -> Stamp:
    tags = _tags(value, ("a", "b", "bh", "d", "h", "s"))
    names = header_names(tags["h"])
    if SEAL in names:
        raise _fault("h= has ARC-Seal (RFC 8617 §4.1.2)")
    number(tags, "t")
    forms = canons(tags.get("c", "relaxed/relaxed"))  # DKIM's default is simple; the ARC test suite has this one
    return Stamp(
        _instance_of(tags["i"]),
        tags["a"],
        base64_value(tags["b"], "b="),
        base64_value(tags["bh"], "bh="),
        domain_value(tags["d"], "d="),
        selector(tags["s"]),
        names,
        forms[0],
        forms[1],
        number(tags, "l"),
    )


def _seal(value: bytes) -> Seal:
    tags = _tags(value, ("a", "b", "cv", "d", "s"))
    if "h" in tags:
        raise _fault("a seal has no h= (RFC 8617 §4.1.3)")
    if tags["cv"] not in ("none", "pass", "fail"):
        raise _fault("cv= is none of none, pass, fail")
    number(tags, "t")
    return Seal(
        _instance_of(tags["i"]),
        tags["a"],
        base64_value(tags["b"], "b="),
        tags["cv"],
        domain_value(tags["d"], "d="),
        selector(tags["s"]),
    )


def _tags(value: bytes, required: Sequence[str]) -> dict[str, str]:
    tags = parse_tags(value, "ARC field")
    for name in required:
        if not tags.get(name):
            raise _fault(f"{name}= is missing")
    if tags["a"] not in ALGORITHMS:
        raise _fault("a= is not known")
    return tags


def _fault(rule: str) -> FormatError:
    return FormatError("ARC field", -1, rule)
