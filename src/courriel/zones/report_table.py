"""Rows of aggregate reports put together for people: who sent in a domain's name, and how each day went.  Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from enum import Enum
from typing import Final

import msgspec

from courriel.model.mail_report import Seen

KNOWN_SHARE: Final = 0.5
"""From here on the mail of an address is the domain's own.  Below, it is one that passes now and then: a forwarder that
leaves some signatures whole, a host that others use too."""


class Standing(Enum):
    """Who an address is to the domain."""

    KNOWN = "known"
    """Ours, in the domain's SPF record, or its mail passes DMARC."""
    UNKNOWN = "unknown"
    """Passes for another domain: a forwarder, or a service that still has to be set up."""
    FORGED = "forged"
    """Nothing passes."""


class Source(msgspec.Struct, frozen=True):
    """One address: its messages, how many of them passed DMARC, and for which other domain the rest did."""

    ip: str
    standing: Standing
    messages: int
    aligned: int
    other: str = ""


class Day(msgspec.Struct, frozen=True):
    """A UTC day: messages, and how many of them passed DMARC."""

    day: str
    messages: int
    aligned: int


def sources(rows: Iterable[Seen], covered: Collection[str]) -> list[Source]:
    """Addresses, the busiest first; ``covered`` are ours and those that the SPF record lets send."""
    by_ip: defaultdict[str, list[Seen]] = defaultdict(list)
    for row in rows:
        by_ip[row.ip].append(row)
    found = [_source(ip, of_ip, ip in covered) for ip, of_ip in by_ip.items()]
    return sorted(found, key=lambda one: (-one.messages, one.ip))


def _source(ip: str, rows: list[Seen], covered: bool) -> Source:
    messages, aligned = sum(row.count for row in rows), sum(row.count for row in rows if row.aligned)
    other = max((row for row in rows if row.other), key=lambda row: row.count, default=None)
    if covered or aligned >= KNOWN_SHARE * messages:
        standing = Standing.KNOWN
    else:
        standing = Standing.UNKNOWN if aligned or other else Standing.FORGED
    return Source(ip, standing, messages, aligned, other.other if other else "")


def days(rows: Iterable[Seen]) -> list[Day]:
    """Days on which there was mail, in order."""
    messages: defaultdict[str, int] = defaultdict(int)
    aligned: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        messages[row.day] += row.count
        aligned[row.day] += row.count if row.aligned else 0
    return [Day(day, messages[day], aligned[day]) for day in sorted(messages)]
