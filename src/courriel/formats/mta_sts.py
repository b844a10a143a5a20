"""MTA-STS: the record and the policy by which a domain asks for verified TLS.  RFC 8461 §3.

sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]      v=STSv1; id=20160831085700Z;
policy          = lines of key ":" value: version, mode, mx (several), max_age
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import domain

POLICY_OCTETS: Final = 65_536
"""``mta_sts.policy``: RFC 8461 §3.3 suggests 64 kilobytes."""

MX_PATTERNS: Final = 100
"""``mta_sts.patterns``: lines of a policy that name hosts; real ones have a few."""

LONGEST_AGE_S: Final = 31_557_600
"""RFC 8461 §3.2: max_age is at most a year."""

ID_CHARACTERS: Final = 20
"""Of the ids we make: 80 bits; §3.1 allows 32 characters."""

_ID: Final = re.compile(rb"[A-Za-z0-9]{1,32}")
_FIELD: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}=[!-:<>-~]+")


class Mode(Enum):
    """What a sender does with a host that does not fit."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class Policy(msgspec.Struct, frozen=True):
    """``mx`` are host names, lower-case; the first label may be ``*``, for exactly one label."""

    mode: Mode
    mx: tuple[str, ...]
    max_age_s: int

    def names(self, host: str) -> bool:
        """Whether the policy names the host.  RFC 8461 §4.1."""
        host = host.lower().rstrip(".")
        first, _, parent = host.partition(".")
        return any(
            host == pattern or (pattern.startswith("*.") and first != "" and parent == pattern[2:])
            for pattern in self.mx
        )


def record_id(records: Sequence[bytes]) -> str | None:
    """The ``id`` of the one STS record among a name's TXT records; None for none, several or a bad one (§3.1)."""
    found = [record for record in records if record == b"v=STSv1" or record.startswith((b"v=STSv1;", b"v=STSv1 "))]
    if len(found) != 1:
        return None
    fields = [field.strip(b" \t") for field in found[0].split(b";")[1:]]
    if fields and not fields[-1]:
        fields.pop()
    if not all(_FIELD.fullmatch(field) for field in fields):
        return None
    ids = [field[3:] for field in fields if field.startswith(b"id=")]
    return ids[0].decode("ascii") if ids and _ID.fullmatch(ids[0]) else None


def parse_policy(raw: bytes) -> Policy:
    """Read a policy file.  Raises FormatError.  Unknown keys are passed over, of a repeated one the first counts."""
    if len(raw) > POLICY_OCTETS:
        raise FormatError("MTA-STS policy", POLICY_OCTETS, "RFC 8461 §3.3: too long")
    values: dict[str, str] = {}
    hosts: list[str] = []
    for line in raw.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        key, colon, value = line.partition(":")
        key, value = key.strip(" \t"), value.strip(" \t")
        if not colon:
            if key:
                raise FormatError("MTA-STS policy", 0, "RFC 8461 §3.2: key and value")
        elif key == "mx":
            hosts.append(_pattern(value))
        else:
            values.setdefault(key, value)
    if values.get("version") != "STSv1":
        raise FormatError("MTA-STS policy", 0, "RFC 8461 §3.2: version")
    try:
        mode = Mode(values.get("mode", ""))
    except ValueError:
        raise FormatError("MTA-STS policy", 0, "RFC 8461 §3.2: mode") from None
    age = values.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise FormatError("MTA-STS policy", 0, "RFC 8461 §3.2: max_age")
    if len(hosts) > MX_PATTERNS or (not hosts and mode is not Mode.NONE):
        raise FormatError("MTA-STS policy", 0, "RFC 8461 §3.2: mx")
    return Policy(mode, tuple(hosts), min(int(age), LONGEST_AGE_S))


def render_policy(policy: Policy) -> bytes:
    """The policy file, lines ended by CRLF.  RFC 8461 §3.2."""
    lines = ["version: STSv1", f"mode: {policy.mode.value}", *[f"mx: {host}" for host in policy.mx]]
    return "".join([f"{line}\r\n" for line in [*lines, f"max_age: {policy.max_age_s}"]]).encode("ascii")


def policy_id(policy: Policy) -> str:
    """An ``id`` for the record that is another one for every other policy (§3.1)."""
    return hashlib.sha256(render_policy(policy)).hexdigest()[:ID_CHARACTERS]


def _pattern(value: str) -> str:
    star, rest = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    return star + domain.normalise(rest.rstrip("."))
