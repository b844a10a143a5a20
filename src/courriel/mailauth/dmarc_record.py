"""DMARC policy records: which TXT record is one, and its tags.  RFC 9989 §4.7, §4.8.

    record = "v" *WSP "=" *WSP "DMARC1" *( *WSP ";" *WSP tag *WSP "=" *WSP value ) [ *WSP ";" ] *WSP

Pure.  What is not understood is ignored, so that records of tomorrow can be read; pct, rf and ri mean nothing now.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

CACHE_RECORDS: Final = 1_024
"""``dmarc.cache_records``: sets of TXT records kept parsed."""

RECORD_OCTETS: Final = 4_096
"""``dmarc.record_octets``: longer sets are none; the longest of real records have 600."""

POLICIES: Final = ("none", "quarantine", "reject")
"""From mild to severe."""

_VERSION: Final = re.compile(rb"[vV][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_URI: Final = re.compile(r"mailto:[^\s,!@]+@[^\s,!@]+|(?!mailto:)[a-z][a-z0-9+.-]*:[^\s,!]+", re.IGNORECASE)


class Policy(msgspec.Struct, frozen=True):
    """``p`` None: neither a policy nor anybody to report to, so no DMARC here.  ``psd`` is "y", "n" or "u"."""

    p: str | None
    sp: str
    np: str
    psd: str = "u"
    testing: bool = False
    strict_dkim: bool = False
    strict_spf: bool = False
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    fo: tuple[str, ...] = ("0",)
    """When failures are to be told; RFC 9991 §3.  Without ``ruf`` it means nothing."""


def find(records: tuple[bytes, ...]) -> Policy | None:
    """The policy among the TXT records of a ``_dmarc`` name; several are as none.  RFC 9989 §4.10; remembered."""
    return _find(records) if sum(map(len, records)) <= RECORD_OCTETS else None


@lru_cache(maxsize=CACHE_RECORDS)
def _find(records: tuple[bytes, ...]) -> Policy | None:
    found = [record for record in records if _VERSION.match(record)]
    return parse(found[0]) if len(found) == 1 else None


def parse(record: bytes) -> Policy:
    """The tags of a record that begins with its version; of a tag that stands there twice the first counts.

    Without a valid p, or with a bad sp or np, it is p=none if somebody wants reports, and nothing otherwise.
    """
    tags = _tags(record.decode("utf-8", "replace"))
    rua, ruf = (
        tuple([uri.strip() for uri in tags.get(name, "").split(",") if _URI.match(uri.strip())])
        for name in ("rua", "ruf")
    )
    p, sp, np = (tags[name].lower() if name in tags else "" for name in ("p", "sp", "np"))
    known = p in POLICIES and (not sp or sp in POLICIES) and (not np or np in POLICIES)
    if not known:
        p, sp, np = "none" if rua else "", "", ""
    psd = tags.get("psd", "u").lower()
    return Policy(
        p or None,
        sp or p,
        np or sp or p,
        psd if psd in ("y", "n") else "u",
        tags.get("t", "").lower() == "y",
        tags.get("adkim", "").lower() == "s",
        tags.get("aspf", "").lower() == "s",
        rua,
        ruf,
        tuple([option.strip().lower() for option in tags.get("fo", "0").split(":")]),
    )


def _tags(text: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    return tags
