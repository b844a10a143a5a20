"""The DMARC record of a domain of ours: kept where one stands, begun where none does.  RFC 9989 §4.7.

A new record asks for reports and for nothing else: p=none hurts nobody, and the reports say who else sends.  Names
that do not exist send no mail, so np=reject costs nothing (RFC 9989 §4.7).
"""

from __future__ import annotations

from typing import Final

from courriel.model.roster import POSTMASTER

VERSION: Final = "v=DMARC1"
REPORTS: Final = POSTMASTER
"""Local part that takes reports: every domain has it (RFC 5321 §4.5.1)."""


def is_dmarc(text: str) -> bool:
    """Whether a TXT record at ``_dmarc`` is meant to be one: the version is exact (RFC 9989 §4.8)."""
    return text.partition(";")[0].strip().replace(" ", "") == VERSION


def tags(text: str) -> dict[str, str]:
    """Tag → value; names in lower case."""
    pairs = [part.partition("=") for part in text.split(";")]
    return {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}


def record(existing: tuple[str, ...], domain: str, reports: str = REPORTS) -> str:
    """The record this domain should have; ``reports`` is the local part that takes reports."""
    if len(existing) == 1 and tags(existing[0]).get("p", "").lower() in ("none", "quarantine", "reject"):
        if "rua" in tags(existing[0]):
            return existing[0]
        return f"{existing[0].rstrip().rstrip(';')}; rua=mailto:{reports}@{domain}"
    return f"{VERSION}; p=none; np=reject; rua=mailto:{reports}@{domain}"
