"""Where a domain's mail goes next: routes of the administrator, then MX records.  RFC 5321 §5, RFC 7505.

Addresses of hosts are looked up when a host's turn comes, not before: the first one usually answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from courriel.base.errors import CourrielError
from courriel.delivery.relay.settings import NextHop, RelaySettings
from courriel.model.attempt import Attempt, Result, Stage
from courriel.ports.resolver import Answer, DnsFailure, Mx, Resolver, Status


class NoRoute(CourrielError):
    """There is no server to ask, now or ever: ``attempt`` says which."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.reply)
        self.attempt = attempt


@dataclass(frozen=True, slots=True)
class Host:
    """One server that takes the mail.  ``secure``: DNSSEC vouches for its name (RFC 7672 §2.2.1).

    ``hop`` is set for a server that the administrator named.  ``is_us``: no server, the mailboxes here.
    """

    name: str
    port: int
    secure: bool = False
    hop: NextHop | None = None
    is_us: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """A host and its addresses, in the order in which they are to be tried.

    ``secure``: DNSSEC vouches for the addresses; ``name`` is the host's after CNAMEs (RFC 7672 §2.2.2).
    """

    host: Host
    ips: tuple[str, ...]
    name: str
    secure: bool = False


def next_hop(domain: str, settings: RelaySettings) -> NextHop | None:
    """The server that the administrator named for a domain, None where the DNS decides."""
    return settings.routes.get(domain) or settings.smart_host


def nothing_is_ours(_domain: str) -> bool:
    """Where no mail waits for mailboxes here."""
    return False


class Router:
    """Finds hosts and their addresses.

    ``shuffle`` puts a list in random order, in place.  ``is_ours`` knows the domains whose mailboxes are here.
    """

    def __init__(
        self,
        resolver: Resolver,
        settings: RelaySettings,
        shuffle: Callable[[list[Mx]], None],
        is_ours: Callable[[str], bool] = nothing_is_ours,
    ) -> None:
        self._resolver = resolver
        self._settings = settings
        self._shuffle = shuffle
        self._is_ours = is_ours

    def lane_key(self, domain: str) -> str:
        """What shares connections, limits and failures: a named next hop, else the domain."""
        hop = next_hop(domain, self._settings)
        return domain if hop is None or self._is_ours(domain) else f"{hop.host}:{hop.port}"

    async def hosts(self, domain: str) -> list[Host]:
        """Servers for ``domain`` in the order in which they are to be tried.  Raises NoRoute."""
        settings = self._settings
        if self._is_ours(domain):
            return [Host(domain, 0, is_us=True)]
        hop = next_hop(domain, settings)
        if hop is not None:
            return [Host(hop.host, hop.port, hop=hop)]
        if domain.startswith("["):
            return [Host(domain, settings.port)]
        try:
            answer = await self._resolver.mx(domain)
        except DnsFailure as failure:
            raise NoRoute(deferred("4.4.3", f"MX of {domain}: {failure}")) from None
        if answer.status is Status.NO_NAME:
            raise NoRoute(failed("5.1.2", f"there is no domain {domain}"))
        if answer.status is Status.NO_DATA:  # RFC 5321 §5.1: the domain itself, with preference 0
            return [Host(answer.name, settings.port, answer.secure)]
        return self._ordered(domain, answer)

    def _ordered(self, domain: str, answer: Answer[Mx]) -> list[Host]:
        if any(not mx.host for mx in answer.records):
            raise NoRoute(failed("5.1.10", f"{domain} takes no mail (null MX)"))
        records = list(answer.records)
        self._shuffle(records)
        records.sort(key=lambda mx: mx.preference)
        own = self._settings.hostname.lower().rstrip(".")
        ours = [mx.preference for mx in records if mx.host.lower().rstrip(".") == own]
        if ours:  # RFC 5321 §5.1: hosts no better than ourselves would send it back to us
            records = [mx for mx in records if mx.preference < ours[0]]
        if not records:
            raise NoRoute(failed("5.4.6", f"{domain} leads back to this server, which does not know it"))
        return [Host(mx.host, self._settings.port, answer.secure) for mx in records[: self._settings.hosts]]

    async def locate(self, host: Host) -> Located:
        """The addresses of ``host``, IPv6 and IPv4 by turns.  Raises NoRoute."""
        literal = _literal(host.name)
        if literal:
            return Located(host, (literal,), host.name)
        if host.hop is not None or host.is_us:  # the administrator's own names are the system's business (/etc/hosts)
            return Located(host, (host.name,), host.name)
        failures: list[DnsFailure] = []
        answers: list[Answer[str]] = []
        for ask in (self._resolver.aaaa, self._resolver.a):
            try:
                answers.append(await ask(host.name))
            except DnsFailure as failure:
                failures.append(failure)
        ips = _by_turns(*(answer.records for answer in answers))
        if ips:
            found = [answer for answer in answers if answer.records]
            secure = all(answer.secure for answer in found)
            return Located(host, tuple(ips[: self._settings.addresses]), found[0].name, secure)
        if failures:
            raise NoRoute(deferred("4.4.3", f"address of {host.name}: {failures[0]}", host.name))
        raise NoRoute(failed("5.4.4", f"{host.name} has no address", host.name))


def deferred(status: str, what: str, host: str = "") -> Attempt:
    """An attempt that came no further than the DNS, and may later."""
    return Attempt(Result.DEFERRED, status, what, Stage.DNS, host)


def failed(status: str, what: str, host: str = "") -> Attempt:
    """An attempt that the DNS ended for good."""
    return Attempt(Result.FAILED, status, what, Stage.DNS, host)


_V6_TAG: Final = "ipv6:"


def _literal(name: str) -> str:
    """The address in ``[192.0.2.1]``, ``[IPv6:2001:db8::1]`` or a bare address; "" for a name.  RFC 5321 §4.1.3."""
    bare = name.removeprefix("[").removesuffix("]")
    if bare.lower().startswith(_V6_TAG):
        bare = bare[len(_V6_TAG) :]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""


def _by_turns(*lists: Sequence[str]) -> list[str]:
    mixed: list[str] = []
    for place in range(max(map(len, lists), default=0)):
        mixed += [one[place] for one in lists if place < len(one)]
    return mixed
