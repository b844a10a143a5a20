"""Connections to other servers by our own SMTP client, under the policy that holds for them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import msgspec

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.delivery.relay.links import Outgoing, Unreached
from courriel.delivery.relay.routing import Located
from courriel.delivery.relay.security import Security
from courriel.delivery.relay.settings import RelaySettings
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Body, reverse_path_of_text
from courriel.model.tls_session import TlsSession
from courriel.net.dial import NoAnswer, dial
from courriel.net.tls_policy import CLEAR, OPPORTUNISTIC, TlsPolicy
from courriel.ports.tls_reports import TlsReports
from courriel.smtp import client as smtp


class SmtpLink:
    """Fulfils ``links.Link``."""

    def __init__(self, client: smtp.SmtpClient, clock: Clock) -> None:
        self._client = client
        self._following: tuple[Outgoing, smtp.Outgoing] | None = None
        self._clock = clock

    @property
    def is_usable(self) -> bool:
        return self._client.usable

    async def send(self, outgoing: Outgoing, following: Outgoing | None) -> Sequence[Attempt]:
        known = self._following
        this = known[1] if known is not None and known[0] is outgoing else self._in_words(outgoing)
        self._following = None if following is None else (following, self._in_words(following))
        return await self._client.send(this, None if self._following is None else self._following[1])

    def _in_words(self, outgoing: Outgoing) -> smtp.Outgoing:
        """As the client wants it."""
        message = outgoing.message
        by = message.deadline
        if by is not None:
            by = msgspec.structs.replace(by, at=float(int(by.at - self._clock.now())))
        return smtp.Outgoing(
            _address(outgoing.reverse_path),
            outgoing.recipients,
            outgoing.content,
            Body(message.body),
            message.smtputf8,
            message.ret,
            message.envid,
            message.require_tls,
            by=by,
            priority=message.priority,
        )

    async def close(self) -> None:
        await self._client.close()


class SmtpCarrier:
    """Fulfils ``links.Carrier``."""

    def __init__(self, security: Security, settings: RelaySettings, reports: TlsReports, clock: Clock) -> None:
        self._reports = reports
        self._security = security
        self._settings = settings
        self._clock = clock
        self._client_settings = smtp.ClientSettings(connect_s=settings.connect_s)

    async def policy(self, domain: str, located: Located, lax: bool) -> TlsPolicy:
        return await self._security.policy(domain, located, lax)

    async def connect(self, located: Located, policy: TlsPolicy) -> SmtpLink:
        """The address that answers first has the first try, those that are left have theirs after it."""
        left, furthest = list(located.ips), None
        while left:
            try:
                ip, connected = await self._dial(located, left)
            except Unreached as nobody:
                raise furthest or nobody from None
            left.remove(ip)
            try:
                return await self._open(located, ip, policy, connected)
            except Unreached as unreached:
                if furthest is None or unreached.attempt.stage is not Stage.CONNECT:
                    furthest = unreached
        assert furthest is not None  # the router gives at least one address
        raise furthest

    async def _dial(self, located: Located, ips: list[str]) -> tuple[str, socket.socket | None]:
        """Who answers first; nobody is asked where there is no choice.  Raises Unreached."""
        if len(ips) == 1:
            return ips[0], None
        try:
            return await dial(ips, located.host.port, self._settings.connect_s)
        except NoAnswer as none:
            attempt = Attempt(Result.DEFERRED, "4.4.1", str(none), Stage.CONNECT, located.host.name, none.ip)
            raise Unreached(attempt) from None

    async def _open(self, located: Located, ip: str, policy: TlsPolicy, connected: socket.socket | None) -> SmtpLink:
        while True:
            try:
                return await self._connect(located, ip, policy, connected)
            except smtp.NoSession as no:
                if no.tls_failure:
                    self._count(located, ip, policy, no.tls_failure)
                softer = _softer(policy, no)
                if softer is None:
                    raise Unreached(_for_now(no.attempt)) from None
                log.event("relay.tls.fallback", Level.WARNING, host=located.host.name, ip=ip, error=no.attempt.reply)
                policy, connected = softer, None

    def _count(self, located: Located, ip: str, policy: TlsPolicy, result: str) -> None:
        if policy.subject is not None:
            self._reports.note(TlsSession(policy.subject, result, located.host.name, ip))

    async def _connect(
        self, located: Located, ip: str, policy: TlsPolicy, connected: socket.socket | None = None
    ) -> SmtpLink:
        host, hop = located.host, located.host.hop
        peer = smtp.Peer(ip, host.port, host.name, policy, connected=connected)
        if hop is not None and hop.lmtp:
            peer = replace(peer, address=Path(ip) if hop.is_socket else ip, lmtp=True)
        client = await smtp.SmtpClient.connect(
            peer, name=self._settings.hostname, settings=self._client_settings, clock=self._clock
        )
        self._count(located, ip, policy, "" if client.tls else "starttls-not-supported")
        if hop is not None and hop.user:
            try:
                await client.login(hop.user, hop.password)
            except BaseException:
                client.abort()
                raise
        return SmtpLink(client, self._clock)


def _softer(policy: TlsPolicy, no: smtp.NoSession) -> TlsPolicy | None:
    """What to try after that; None for nothing.  Only the first try of a session is counted."""
    if policy.testing and no.tls_failure:
        return OPPORTUNISTIC
    return CLEAR if no.clear_may_help else None


def _for_now(attempt: Attempt) -> Attempt:
    """A server that does not take our call at all is tried again, whatever it says: another one, another day.

    RFC 5321 §3.1 lets 554 greet for good, but a list that blocks us, or a fault of ours, is mended within days.
    """
    if attempt.result is Result.FAILED:
        return Attempt(
            Result.DEFERRED, "4" + attempt.status[1:], attempt.reply, attempt.stage, attempt.host, attempt.ip,
            attempt.tls,
        )  # fmt: skip
    return attempt


_address = lru_cache(maxsize=4_096)(reverse_path_of_text)
