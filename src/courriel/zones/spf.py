"""The one SPF record of a domain: ours written into what stands there, and what its evaluation costs others.

RFC 7208 §3.2 (one record), §3.4 (size), §4.6.4 (ten look-ups).  Nothing here judges mail.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

import msgspec

from courriel.ports.resolver import DnsFailure, Resolver

VERSION: Final = "v=spf1"
LOOKUPS: Final = 10
"""``spf.lookups``: RFC 7208 §4.6.4; with more receivers answer permerror."""
RECORD_OCTETS: Final = 450
"""``spf.record_octets``: RFC 7208 §3.4, so that an answer with it fits 512 octets."""
INCLUDES: Final = 40
"""``spf.includes``: records read to count what one costs; a tree beyond it is wrong anyway."""

_ASKING: Final = ("include", "a", "mx", "ptr", "exists", "redirect")
"""Terms that make receivers ask the DNS."""


def is_spf(text: str) -> bool:
    """RFC 7208 §4.5: the version, then a blank or the end."""
    return text.lower() == VERSION or text.lower().startswith(VERSION + " ")


def terms_of(record: str) -> tuple[str, ...]:
    """The terms behind the version."""
    return tuple(record.split()[1:])


def _mechanism(term: str) -> str:
    """Name of a term, in lower case: ``include`` of ``?include:_spf.example.net``."""
    bare = term.lstrip("+-~?").lower()
    for mark in ":/=":
        bare = bare.partition(mark)[0]
    return bare


def merge(existing: str, needed: Sequence[str], final: str = "~all") -> str:
    """``existing`` ("": none) with the ``needed`` mechanisms before its end; what is covered already is not repeated.

    All that stands there stays, in its order: whoever wrote it had a reason.  ``final`` ends a record that has
    neither ``all`` nor ``redirect``.
    """
    kept = list(terms_of(existing)) if existing else []
    missing = [term for term in needed if not _covers(kept, term)]
    at = next((place for place, term in enumerate(kept) if _mechanism(term) in ("all", "redirect")), len(kept))
    merged = [*kept[:at], *missing, *kept[at:]]
    if not any(_mechanism(term) in ("all", "redirect") for term in kept):
        merged.append(final)
    return " ".join([VERSION, *merged])


def _covers(terms: Sequence[str], needed: str) -> bool:
    wanted = needed.lower()
    return any(term.lower().removeprefix("+") == wanted or _holds(term, wanted) for term in terms)


def _holds(term: str, wanted: str) -> bool:
    """Whether ``term`` is a network that has the address ``wanted`` in it."""
    ours, theirs = _network(wanted), _network(term.lower().removeprefix("+"))
    return (
        ours is not None
        and theirs is not None
        and ours.version == theirs.version
        and ours.network_address in theirs
        and ours.prefixlen >= theirs.prefixlen
    )


def _network(term: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    name, _, value = term.partition(":")
    if name not in ("ip4", "ip6"):
        return None
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def addresses(ips: Sequence[str]) -> tuple[str, ...]:
    """``ip4:`` and ``ip6:`` mechanisms for single addresses."""
    return tuple([f"ip{ipaddress.ip_address(ip).version}:{ip}" for ip in ips])


class Cost(msgspec.Struct, frozen=True):
    """What one evaluation may cost a receiver: look-ups, and each include with its own (depth first)."""

    lookups: int
    includes: tuple[tuple[str, int], ...] = ()
    unknown: tuple[str, ...] = ()
    """Names that did not answer, or have no SPF record: their cost is not in it."""


async def cost(record: str, resolver: Resolver) -> Cost:
    """Look-ups of a whole evaluation, includes and redirects followed (each name once)."""
    seen: dict[str, int] = {}
    unknown: list[str] = []
    total = 0
    waiting = [record]
    while waiting:
        terms = terms_of(waiting.pop())
        total += sum(_mechanism(term) in _ASKING for term in terms)
        for name in _names(terms):
            if name in seen or len(seen) >= INCLUDES:
                continue
            found = await _record(name, resolver)
            seen[name] = sum(_mechanism(term) in _ASKING for term in terms_of(found)) if found else 0
            if found:
                waiting.append(found)
            else:
                unknown.append(name)
    return Cost(total, tuple(seen.items()), tuple(unknown))


def _names(terms: Sequence[str]) -> list[str]:
    """Domains whose records are part of this one; those with macros depend on the message."""
    values = [
        term.lower().partition(":" if _mechanism(term) == "include" else "=")[2]
        for term in terms
        if _mechanism(term) in ("include", "redirect")
    ]
    return [value for value in values if value and "%" not in value]


async def _record(name: str, resolver: Resolver) -> str:
    """The SPF record of a name, "" where there is none or the DNS does not say."""
    try:
        answer = await resolver.txt(name)
    except DnsFailure:
        return ""
    found = [text for text in (raw.decode("ascii", "replace") for raw in answer.records) if is_spf(text)]
    return found[0] if len(found) == 1 else ""
