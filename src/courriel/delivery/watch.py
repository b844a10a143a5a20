"""What accounts do within the hour, as far as ``model/hijack.py`` asks.  In memory: a restart begins anew.

Bounded: of one account some thousand people, and of all accounts those that sent within the hour.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import msgspec

from courriel.delivery.allowance import Sent
from courriel.model.envelope import Address
from courriel.model.hijack import HijackSettings, Lately
from courriel.model.tally import Tally

HOUR_S: Final = 3_600.0
SLICE_S: Final = 300
PEOPLE: Final = 1_000
"""``watch.people``: recipients remembered of one account; more than any threshold."""
NETWORKS: Final = 100
"""``watch.networks``: the same of networks."""
PREFIX_V4: Final = 24
PREFIX_V6: Final = 48
"""What counts as one place: the smallest network that is announced to the world, RFC 6177 §2 for IPv6."""


class Seen(msgspec.Struct):
    """One account's hour.  ``people`` and ``networks`` have the time when they were last seen."""

    people: dict[str, float] = msgspec.field(default_factory=dict)
    networks: dict[str, float] = msgspec.field(default_factory=dict)
    failed: Tally = msgspec.field(default_factory=lambda: Tally(SLICE_S, 12))
    tried: Tally = msgspec.field(default_factory=lambda: Tally(SLICE_S, 12))

    def forget_old(self, now: float) -> None:
        for known in (self.people, self.networks):
            for name in [name for name, at in known.items() if at <= now - HOUR_S]:
                del known[name]

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.networks)


class Watch:
    """All accounts, by their id as the queue writes it."""

    def __init__(self, settings: HijackSettings) -> None:
        self._settings = settings
        self._seen: dict[str, Seen] = {}
        self._sweep_at = 0.0

    def submitted(self, account: str, ip: str, recipients: list[Address], now: float) -> None:
        """A message came."""
        self._sweep(now)
        seen = self._seen.setdefault(account, Seen())
        place = network_of(ip)
        if place and (place in seen.networks or len(seen.networks) < NETWORKS):
            seen.networks[place] = now
        if len(recipients) <= self._settings.few:
            for one in recipients:
                name = str(one).lower()
                if name in seen.people or len(seen.people) < PEOPLE:
                    seen.people[name] = now

    def tried(self, account: str, is_failure: bool, now: float) -> None:
        """A recipient elsewhere was taken, or refused for good."""
        seen = self._seen.get(account)
        if seen is not None:  # who has not sent within the hour is not judged
            seen.tried.add(now, 1)
            if is_failure:
                seen.failed.add(now, 1)

    def lately(self, account: str, sent: Sent, now: float) -> Lately:
        """What the rules are to judge."""
        seen = self._seen.get(account) or Seen()
        seen.forget_old(now)
        past = sent.past_days(now)
        return Lately(
            sent.last_hour(now),
            max(past, default=0),
            len(past),
            len(seen.people),
            seen.failed.total(now),
            seen.tried.total(now),
            len(seen.networks),
        )

    def forget(self, account: str) -> None:
        """Somebody has looked at it: begin anew."""
        self._seen.pop(account, None)

    def _sweep(self, now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + HOUR_S
        for account, seen in list(self._seen.items()):
            seen.forget_old(now)
            if seen.is_empty:
                del self._seen[account]


def network_of(ip: str) -> str:
    """The place a client is at; "" for this machine and its private networks, where webmail and relays are."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if address.is_private:
        return ""
    prefix = PREFIX_V4 if address.version == 4 else PREFIX_V6
    return str(ipaddress.ip_network((address, prefix), strict=False))
