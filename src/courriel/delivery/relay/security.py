"""How sure we must be of a host before it gets mail: DANE, then MTA-STS, then whatever it offers.

DANE comes first, and MTA-STS never overrules a DANE that fails (RFC 8461 §2).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from courriel.delivery.relay.routing import Located, NoRoute
from courriel.delivery.relay.settings import NextHop
from courriel.delivery.relay.sts import StsPolicies
from courriel.formats.mta_sts import Mode, Policy
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.net.tls_policy import CLEAR, OPPORTUNISTIC, TlsMode, TlsPolicy, dane_policy, verified
from courriel.ports.resolver import DnsFailure, Resolver, Status, Tlsa
from courriel.ports.tls_reports import TlsReports


class Security:
    """Decides the TLS policy for a host.  ``ca``: a file of further authorities (PEM) beside the system's.

    What keeps a policy from being applied at all is counted here (RFC 8460 §4.3.2), the sessions in ``carrier``.
    """

    def __init__(self, resolver: Resolver, sts: StsPolicies, reports: TlsReports, ca: Path | None = None) -> None:
        self._reports = reports
        self._resolver = resolver
        self._sts = sts
        self._ca = ca

    async def policy(self, domain: str, located: Located, lax: bool = False) -> TlsPolicy:
        """Raises NoRoute when the host must not be used now.

        ``lax``: what the receiving domain asks for is left aside, what the administrator asked for is not.
        """
        host = located.host
        if host.hop is not None:
            return self._of_hop(host.hop)
        if lax:
            return OPPORTUNISTIC
        dane = await self._dane(domain, located)
        return dane if dane is not None else await self._mta_sts(domain, located)

    def _of_hop(self, hop: NextHop) -> TlsPolicy:
        """What the administrator asked for; a login is never sent to whoever happens to answer."""
        if hop.tls == "none":
            return CLEAR
        if hop.tls == "may" and not hop.user:
            return OPPORTUNISTIC
        return verified(hop.host, ca=self._ca, first=hop.tls == "tls")

    async def _dane(self, domain: str, located: Located) -> TlsPolicy | None:
        """RFC 7672 §2.2: only where DNSSEC vouches for MX and address; without an answer the host is left out."""
        host = located.host
        if not (host.secure and located.secure):
            return None
        try:
            answer = await self._resolver.tlsa(f"_{host.port}._tcp.{located.name}")
            if answer.status is not Status.FOUND and located.name != host.name:  # RFC 7671 §7
                answer = await self._resolver.tlsa(f"_{host.port}._tcp.{host.name}")
        except DnsFailure as failure:
            if failure.bogus:
                subject = TlsSubject(domain, PolicyType.TLSA)
                self._reports.note(TlsSession(subject, "dnssec-invalid", host.name))
            reply = f"TLSA of {host.name}: {failure}"
            raise NoRoute(Attempt(Result.DEFERRED, "4.7.5", reply, Stage.POLICY, host.name)) from None
        if answer.status is not Status.FOUND or not answer.secure:
            return None
        policy = dane_policy(answer.records, tuple(dict.fromkeys((host.name, located.name, domain))))
        subject = TlsSubject(domain, PolicyType.TLSA, tuple(map(_tlsa_text, answer.records)))
        if policy.mode is not TlsMode.DANE:  # the failure is counted, so its session is not
            self._reports.note(TlsSession(subject, "tlsa-invalid", host.name))
            return policy
        return replace(policy, subject=subject)

    async def _mta_sts(self, domain: str, located: Located) -> TlsPolicy:
        host = located.host
        policy = await self._sts.policy(domain)
        if policy is None:
            return replace(OPPORTUNISTIC, subject=TlsSubject(domain, PolicyType.NONE))
        subject, testing = TlsSubject(domain, PolicyType.STS, _sts_lines(policy)), policy.mode is Mode.TESTING
        if not policy.names(host.name):
            self._reports.note(TlsSession(subject, "validation-failure", host.name))
            if testing:
                return OPPORTUNISTIC
            reply = f"{host.name} is not in the MTA-STS policy of {domain}"
            raise NoRoute(Attempt(Result.DEFERRED, "4.7.5", reply, Stage.POLICY, host.name))
        return replace(verified(host.name, ca=self._ca), subject=subject, testing=testing)


def _tlsa_text(record: Tlsa) -> str:
    """RFC 6698 §2.2."""
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex().upper()}"


def _sts_lines(policy: Policy) -> tuple[str, ...]:
    """The policy file as it was understood."""
    hosts = [f"mx: {host}" for host in policy.mx]
    return ("version: STSv1", f"mode: {policy.mode.value}", *hosts, f"max_age: {policy.max_age_s}")
