"""MTA-STS policies of destinations: asked for, kept, renewed.  RFC 8461 §3.3, §5.1.

A policy once seen is believed until it is too old, whatever the DNS says meanwhile: that is what it is for.  So
the policies are kept in a file and outlive the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError, FormatError
from courriel.base.log import Level, log
from courriel.formats.mta_sts import Mode, Policy, parse_policy, record_id
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.ports.resolver import DnsFailure, Resolver
from courriel.ports.tls_reports import TlsReports

RETRY_S: Final = 300.0
"""RFC 8461 §3.3 suggests at least five minutes before a policy that could not be had is asked for again."""

LOOK_S: Final = 3_600.0
"""``sts.look``: how often a domain's record is looked at for a new id while its policy is good."""

DOMAINS: Final = 10_000
"""``sts.domains``: policies kept; the ones that end first go first."""

Fetch = Callable[[str], Awaitable[bytes]]
"""The policy file of a domain.  Raises CourrielError."""


class Known(msgspec.Struct):
    """What is known of one domain; times are POSIX seconds."""

    id: str
    policy: Policy
    until: float
    looked_at: float


class Keeper(Protocol):
    """Where policies outlive the process."""

    def load(self) -> dict[str, Known]: ...

    def save(self, known: dict[str, Known]) -> None: ...


class StsPolicies:
    """The policies of the domains we send to."""

    def __init__(self, resolver: Resolver, fetch: Fetch, keeper: Keeper, reports: TlsReports, clock: Clock) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._keeper = keeper
        self._reports = reports
        self._clock = clock
        self._known = keeper.load()
        self._failed_at: dict[str, float] = {}

    async def policy(self, domain: str) -> Policy | None:
        """The policy that holds for ``domain`` now, None for none.  Never raises."""
        now = self._clock.now()
        known = self._known.get(domain)
        if known is not None and known.until <= now:
            known = None
        if known is None or now - known.looked_at >= LOOK_S:
            known = await self._renewed(domain, known, now)
        return None if known is None or known.policy.mode is Mode.NONE else known.policy

    async def _renewed(self, domain: str, known: Known | None, now: float) -> Known | None:
        """Look for a new id; on any failure what is known stays (RFC 8461 §3.3)."""
        try:
            id = record_id((await self._resolver.txt(f"_mta-sts.{domain}")).records)
        except DnsFailure:
            return known
        if known is not None and id in (None, known.id):
            known.looked_at = now
            return known
        if id is None or now - self._failed_at.get(domain, float("-inf")) < RETRY_S:
            return known
        try:
            policy = parse_policy(await self._fetch(domain))
        except CourrielError as error:
            log.event("relay.sts.no_policy", Level.WARNING, domain=domain, error=str(error))
            result = "sts-policy-invalid" if isinstance(error, FormatError) else "sts-policy-fetch-error"
            self._reports.note(TlsSession(TlsSubject(domain, PolicyType.STS), result))  # once a try, not a session
            if len(self._failed_at) >= DOMAINS:
                self._failed_at.clear()
            self._failed_at[domain] = now
            return known
        known = self._known[domain] = Known(id, policy, now + policy.max_age_s, now)
        self._save(now)
        return known

    def _save(self, now: float) -> None:
        if len(self._known) > DOMAINS:
            last = sorted(self._known, key=lambda domain: self._known[domain].until)
            for domain in last[: len(last) - DOMAINS]:
                del self._known[domain]
        for domain in [domain for domain, known in self._known.items() if known.until <= now]:
            del self._known[domain]
        try:
            self._keeper.save(self._known)
        except OSError as error:
            log.event("relay.sts.not_saved", Level.WARNING, error=str(error))
