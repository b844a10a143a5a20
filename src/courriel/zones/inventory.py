"""Who sends for a domain, as far as its SPF record says: us, services, networks, and what each costs receivers."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec

from courriel.ports.resolver import Resolver
from courriel.zones import presets, report_table, spf


class Sender(Enum):
    """Who may send by one mechanism."""

    OURS = "ours"
    SERVICE = "service"
    """A service of ``presets``."""
    DOMAIN = "domain"
    """Whatever the record of another domain says."""
    NETWORK = "network"
    ANYONE = "anyone"
    """``+all``: the record says nothing."""
    REPORTED = "reported"
    """In no record: receivers saw its mail pass for another domain."""


class Source(msgspec.Struct, frozen=True):
    """One mechanism of a record.  ``lookups`` is what it costs each receiver, includes below it counted."""

    mechanism: str
    sender: Sender
    name: str
    lookups: int


async def inventory(record: str, ips: tuple[str, ...], resolver: Resolver) -> list[Source]:
    """The mechanisms of ``record`` that let somebody send, in order."""
    ours = {*spf.addresses(ips), "mx", "a"}
    sources = []
    for term in spf.terms_of(record):
        bare = term.removeprefix("+").lower()
        if bare.startswith(("-", "~", "?")) or bare.startswith("exp="):
            continue
        cost = await spf.cost(f"{spf.VERSION} {bare}", resolver)
        sources.append(Source(bare, *_who(bare, ours), cost.lookups))
    return sources


def reported(seen: Iterable[report_table.Source]) -> list[Source]:
    """Senders that receivers saw and no record names, the busiest first: a service that is not set up, or a forwarder.

    ``name`` is the service, or the domain that its mail passes for.
    """
    return [
        Source(one.ip, Sender.REPORTED, presets.service_that_signs(one.other) or one.other, 0)
        for one in seen
        if one.standing is report_table.Standing.UNKNOWN
    ]


def _who(bare: str, ours: set[str]) -> tuple[Sender, str]:
    if bare in ours:
        return Sender.OURS, ""
    if bare == "all":
        return Sender.ANYONE, ""
    kind, _, value = bare.partition("=" if bare.startswith("redirect") else ":")
    if kind in ("ip4", "ip6"):
        return Sender.NETWORK, value
    service = presets.service_of(value)
    return (Sender.SERVICE, service) if service else (Sender.DOMAIN, value or bare)
