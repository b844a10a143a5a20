"""From a fresh connection to a session: greeting, EHLO or HELO or LHLO, TLS, login.

RFC 5321 §3.1, §3.2, §4.1.4; RFC 2033 §4.1; RFC 3207 §4; RFC 8314 §3.3 (TLS first).  Every failure is a NoSession.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from courriel.base.clock import Clock
from courriel.base.errors import FormatError
from courriel.formats import domain as domains
from courriel.model.attempt import Result, Stage
from courriel.net import tls_policy
from courriel.net.tls_policy import OPPORTUNISTIC, TlsFailure, TlsMode, TlsPolicy
from courriel.smtp.client import login as logins
from courriel.smtp.client.errors import Broken, NoSession
from courriel.smtp.client.link import Link, Trace
from courriel.smtp.client.plan import Server
from courriel.smtp.client.settings import ClientSettings
from courriel.smtp.wire import offer as offers
from courriel.smtp.wire.offer import Offer
from courriel.smtp.wire.reply import Answer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Peer:
    """Which server, and how to talk to it.

    ``address``: an IP address (or a name for the system's resolver), or the path of a unix socket.  ``host``: its
    name, for SNI and for outcomes.  ``local_ip``: the address to come from, None for the system's choice.
    ``connected``: a TCP connection to ``address`` that is there already, once.
    """

    address: str | Path
    port: int = 25
    host: str = ""
    policy: TlsPolicy = OPPORTUNISTIC
    local_ip: str | None = None
    lmtp: bool = False
    connected: socket.socket | None = None


_NAME: Final = re.compile(r"[!-~]{1,255}")


class Opening:
    """One connection on its way to a session.  ``server`` grows with what is learnt."""

    def __init__(self, peer: Peer, name: str, settings: ClientSettings, clock: Clock) -> None:
        if _NAME.fullmatch(name) is None:
            raise FormatError("host name", 0, "RFC 5321 §4.1.1.1: a domain or an address literal")
        self._peer = peer
        self._name = name.encode("ascii")
        self._settings = settings
        self._clock = clock
        self.server = Server(host=peer.host or str(peer.address), lmtp=peer.lmtp)
        self.link: Link

    async def run(self, trace: Trace | None) -> None:
        """Connect, greet, secure.  Raises NoSession."""
        await self._connect(trace)
        try:
            if self._peer.policy.first:
                await self._tls([self._settings.greeting_s])
            await self._greeting()
            await self._hello()
            if self._peer.policy.mode is not TlsMode.NONE and not self._peer.policy.first:
                await self._start_tls()
        except BaseException:
            self.link.give_up(Broken("4.4.2", "the session was given up"))
            raise

    async def _connect(self, trace: Trace | None) -> None:
        peer, loop = self._peer, asyncio.get_running_loop()
        limits = [] if peer.policy.first else [self._settings.greeting_s]

        def link() -> Link:
            return Link(loop, self._settings, trace, limits)

        try:
            async with asyncio.timeout(self._settings.connect_s):
                if isinstance(peer.address, Path):
                    _, self.link = await loop.create_unix_connection(link, str(peer.address))
                elif peer.connected is not None:
                    _, self.link = await loop.create_connection(link, sock=peer.connected)
                else:
                    here = (peer.local_ip, 0) if peer.local_ip else None
                    _, self.link = await loop.create_connection(link, peer.address, peer.port, local_addr=here)
        except TimeoutError:
            raise self._deferred(Stage.CONNECT, "4.4.1", "no answer to the connection in time") from None
        except (OSError, ValueError) as error:
            raise self._deferred(Stage.CONNECT, "4.4.1", str(error) or type(error).__name__) from None
        self.server = msgspec.structs.replace(self.server, ip=self.link.peer_ip)

    async def _greeting(self) -> None:
        """RFC 5321 §3.1: 220, or 554 from a host that takes no mail; 521 RFC 7504."""
        said = await self.link.answers()
        if not said:
            raise self._broken(Stage.GREETING)
        if said[0].code != 220:
            raise self._refused(Stage.GREETING, said[0])

    async def _hello(self) -> None:
        """EHLO, and HELO for whoever refuses that (RFC 5321 §3.2, §4.1.4); LHLO has no second way (RFC 2033 §4.1)."""
        answer = await self._ask((b"LHLO " if self._peer.lmtp else b"EHLO ") + self._name, Stage.EHLO)
        offer = offers.read(answer) if answer.code == 250 else Offer()
        if answer.code // 100 == 5 and not self._peer.lmtp:
            # Who hangs up now has said why before; that is what is told.
            answer = next(iter(await self._tell(b"HELO " + self._name)), answer)
        if answer.code != 250:
            raise self._refused(Stage.EHLO, answer)
        self.server = msgspec.structs.replace(self.server, offer=offer)

    async def _start_tls(self) -> None:
        policy = self._peer.policy
        if "STARTTLS" not in self.server.offer:
            if policy.is_required:
                failure = "starttls-not-supported"
                raise self._deferred(Stage.POLICY, "4.7.4", "TLS is required and not offered", tls_failure=failure)
            return
        answer = await self._ask(b"STARTTLS", Stage.STARTTLS)
        if answer.code == 220:
            await self._tls()
            await self._hello()
        elif policy.is_required or answer.code // 100 not in (4, 5) or self.link.broken is not None:
            reply, failure = f"{answer.code} {answer.text}", "starttls-not-supported"
            raise self._deferred(Stage.STARTTLS, "4.7.4", reply, answer.code, tls_failure=failure)
        # Else the server goes on in clear, and we do (RFC 3207 §4.1).

    async def _tls(self, limits: Sequence[float] = ()) -> None:
        """The handshake, and the judgement on who is there, before a word is said to them."""
        policy, host = self._peer.policy, _server_name(self._peer.host)
        try:
            await self.link.start_tls(tls_policy.context_for(policy), host, limits)
            inner = self.link.tls
            if inner is None:
                raise self._broken(Stage.STARTTLS)
            self.server = msgspec.structs.replace(self.server, tls=tls_policy.describe(inner))
            tls_policy.check(policy, inner, datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC))
        except Broken as why:
            raise self._deferred(Stage.STARTTLS, why.status, str(why), tls_failure="validation-failure") from None
        except OSError as error:
            raise self._no_tls(tls_policy.handshake_failure(error)) from None
        except TlsFailure as failure:
            raise self._no_tls(failure) from None
        self.server = msgspec.structs.replace(self.server, verified=policy.is_verifying)

    async def login(self, user: str, password: str, *, private_network: bool) -> None:
        """AUTH.  Raises NoSession; FormatError for a name or password that cannot be sent."""
        if not (self.server.tls or private_network):
            raise self._deferred(Stage.AUTH, "4.7.0", "no password without TLS")
        exchange = logins.exchange(self.server.offer.keywords.get("AUTH", ""), user, password)
        if exchange is None:
            raise self._deferred(Stage.AUTH, "4.7.0", "the server offers no way to log in that we know")
        self.link.private = True
        try:
            await self._exchange_login(exchange)
        except logins.LoginRefused as refusal:
            if refusal.answer.code < 400:
                self.link.give_up(Broken("4.7.0", "the login went out of step"))
            raise self._refused(Stage.AUTH, refusal.answer) from None
        except FormatError as error:
            self.link.give_up(Broken("4.7.0", str(error)))
            raise self._deferred(Stage.AUTH, "4.7.0", str(error)) from None
        except BaseException:  # interrupted: the reply that is still to come belongs to nobody
            self.link.give_up(Broken("4.4.2", "the login was given up"))
            raise
        finally:
            self.link.private = False

    async def _exchange_login(self, exchange: logins.Exchange) -> None:
        line = next(exchange)
        while True:
            answer = await self._ask(line, Stage.AUTH)
            try:
                line = exchange.send(answer)
            except StopIteration:
                return

    async def _tell(self, line: bytes) -> list[Answer]:
        self.link.expect([self._settings.hello_s])
        self.link.write(line + b"\r\n")
        return await self.link.answers()

    async def _ask(self, line: bytes, stage: Stage) -> Answer:
        said = await self._tell(line)
        if not said:
            raise self._broken(stage)
        return said[0]

    # --- why there is no session ----------------------------------------------------------------------------------
    def _refused(self, stage: Stage, answer: Answer) -> NoSession:
        """5yz is for good, 4yz for now, anything else is a server out of step."""
        reply, digit = f"{answer.code} {answer.text}", answer.code // 100
        result = Result.FAILED if digit == 5 else Result.DEFERRED
        status = answer.status if digit in (4, 5) else "4.5.0"
        return NoSession(self.server.attempt(result, status, reply, stage), answer.code)

    def _broken(self, stage: Stage) -> NoSession:
        why = self.link.broken
        assert why is not None, "fewer replies than expected, and no reason"
        return self._deferred(stage, why.status, str(why))

    def _no_tls(self, failure: TlsFailure) -> NoSession:
        return self._deferred(Stage.STARTTLS, "4.7.5", str(failure), tls_failure=failure.kind)

    def _deferred(self, stage: Stage, status: str, reason: str, code: int = 0, *, tls_failure: str = "") -> NoSession:
        may_help = stage is Stage.STARTTLS and not self._peer.policy.is_required
        attempt = self.server.attempt(Result.DEFERRED, status, reason, stage)
        return NoSession(attempt, code, tls_failure, clear_may_help=may_help)


def _server_name(host: str) -> str | None:
    """What SNI carries: a host name, no address (RFC 6066 §3)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            return domains.normalise(host) if host else None
        except FormatError:
            return None
    return None
