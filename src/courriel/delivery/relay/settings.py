"""Limits and habits of the relay, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from courriel.delivery.relay.pace import Rate
from courriel.model.retry import RetrySettings


@dataclass(frozen=True, slots=True)
class NextHop:
    """A server that the administrator named: ``host`` and ``port``, and a login where it wants one.

    ``lmtp``: it speaks LMTP (RFC 2033); then ``host`` may be the path of a unix socket, with port 0.
    ``tls`` is "starttls" (verified), "tls" (from the first octet, verified), "may" (STARTTLS if offered, unverified)
    or "none".
    """

    host: str
    port: int = 25
    tls: str = "may"
    user: str = ""
    password: str = ""
    lmtp: bool = False

    @property
    def is_socket(self) -> bool:
        """Whether ``host`` is the path of a unix socket."""
        return self.lmtp and self.host.startswith("/")


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How the relay behaves."""

    hostname: str
    port: int = 25
    """Port towards MX hosts.  RFC 5321 §4.5.4.2."""
    smart_host: NextHop | None = None
    """Where everything goes for which there is no route of its own; None: where its MX records say."""
    routes: dict[str, NextHop] = field(default_factory=dict)
    """Domain → next hop, before MX records and smart host."""
    rates: dict[str, Rate] = field(default_factory=dict)
    """Destination (a domain, or ``host:port`` of a named next hop) → how much it takes; none of its own: no limit."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    connections: int = 200
    """Connections to other servers, all together."""
    probes: int = 50
    """Of these, those to next hops that did not answer last time: they may take minutes to fail again."""
    lane_connections: int = 20
    """Connections to one next hop (Postfix: default_destination_concurrency_limit 20)."""
    batch: int = 50
    """Recipients claimed at once; a further connection is opened when a batch is full."""
    lease_s: float = 1_800.0
    """How long a claim lasts: RFC 5321 §4.5.3.2 lets one transaction take 5 + 2 + 3 + 10 minutes and more."""
    linger_s: float = 2.0
    """How long an idle connection is kept for more mail to the same next hop."""
    hosts: int = 8
    """MX hosts tried in one attempt.  RFC 5321 §5.1: at least two."""
    addresses: int = 4
    """Addresses tried of one host."""
    connect_s: float = 30.0
    """Longest wait for a connection; RFC 5321 has none, Postfix takes 30 s."""
    grace_s: float = 5.0
    """How long messages under way may finish when the relay stops."""
