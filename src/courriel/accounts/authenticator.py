"""The one gate through which people come in.  Fulfils ``ports/credentials.py: Authenticator``.

Puts together the directory (who), passwords (is it right) and the lockout (may it be tried).  Unknown name, wrong
password, disabled account, wrong authorization identity: one exception, one text, the same work (AUTH row 33).
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from courriel.accounts import bearer, sasl, scram
from courriel.accounts.lockout import Lockout, Try
from courriel.accounts.passwords import SALT_OCTETS, Passwords
from courriel.base.errors import Unavailable
from courriel.base.log import Level, log
from courriel.base.networks import is_loopback
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.refusals import AuthenticationFailed, Throttled
from courriel.ports.credentials import CredentialRecord, SaslExchange, ScramKeys, TokenJudge

LOGIN_CHARACTERS: Final = 320
"""Longest login name looked up: 64 + "@" + 255.  RFC 5321 §4.5.3.1."""

SCRAM_HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}


BEARERS: Final = ("OAUTHBEARER", "XOAUTH2")
"""Mechanisms with a token in clear: offered where passwords may be sent."""


class People(Protocol):
    """What is asked of a directory here."""

    def by_login(self, login: str) -> Account | None: ...

    def secret(self, account: AccountId) -> CredentialRecord | None: ...


class Senders(People, Protocol):
    """Those who come in by one protocol; among them may be devices."""

    def is_near(self, ip: str, device: str = "") -> bool:
        """Whether a device's password (of any device, without a name) may come in clear from this address."""
        ...


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What may be used to log in."""

    cleartext_without_tls: bool = False
    """Take passwords over connections that anyone on the way can read.  Loopback is always taken."""
    scram_sha1: bool = False
    """Offer SCRAM-SHA-1 for old clients; accounts need keys for it (``PasswordSettings.scram_sha1``)."""


class AccountAuthenticator:
    """Checks logins for every protocol of the process."""

    def __init__(
        self,
        people: People,
        passwords: Passwords,
        lockout: Lockout,
        installation_key: bytes,
        settings: GateSettings = GateSettings(),
        *,
        senders: Mapping[str, Senders] = MappingProxyType({}),
        tokens: TokenJudge | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """``installation_key`` stays the same over restarts: fake SCRAM salts are derived from it.

        ``senders``: who comes in by a protocol, where that is not ``people``.  ``tokens``: without it no mechanism
        with bearer tokens is offered.
        """
        self.passwords = passwords
        self._people = people
        self._senders = senders
        self._tokens = tokens
        self._lockout = lockout
        self._installation_key = installation_key
        self._settings = settings
        self._sleep = sleep
        self._random = random
        self._under_way: dict[bytes, asyncio.Future[None]] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def may_log_in(self, *, tls: bool, loopback: bool) -> bool:
        return tls or loopback or self._settings.cleartext_without_tls

    def mechanisms(self, *, tls: bool, loopback: bool) -> tuple[str, ...]:
        safe = ("SCRAM-SHA-256", "SCRAM-SHA-1") if self._settings.scram_sha1 else ("SCRAM-SHA-256",)
        if not self.may_log_in(tls=tls, loopback=loopback):
            return safe
        return (*safe, "PLAIN", "LOGIN") if self._tokens is None else (*safe, "PLAIN", "LOGIN", *BEARERS)

    def is_near(self, ip: str, protocol: str) -> bool:
        if protocol not in self._senders:
            return is_loopback(ip)
        return is_loopback(ip) or self._senders[protocol].is_near(ip)

    async def password(self, login: str, password: str, *, ip: str, protocol: str) -> Account:
        return await self._check(login, password, "", _Gate(self, ip, protocol, tls=True))

    def begin(self, mechanism: str, *, ip: str, protocol: str, tls: bool) -> SaslExchange | None:
        mechanism = mechanism.upper()
        if mechanism not in self.mechanisms(tls=tls, loopback=self.is_near(ip, protocol)):
            return None
        gate = _Gate(self, ip, protocol, tls)
        if mechanism == "PLAIN":
            return sasl.Plain(gate)
        if mechanism == "LOGIN":
            return sasl.Login(gate)
        if self._tokens is not None and mechanism in BEARERS:
            return bearer.Bearer(gate, mechanism, self._tokens.hints)
        return sasl.Scram(gate, SCRAM_HASHES[mechanism], base64.b64encode(self._random(sasl.NONCE_OCTETS)))

    # --- one try ----------------------------------------------------------------------------------------------
    async def _check(self, login: str, password: str, authzid: str, gate: _Gate) -> Account:
        ip, protocol = gate.ip, gate.protocol
        guess = self.passwords.guess(login, password) + ip.encode()
        while guess in self._under_way:  # a client that opens five connections makes one guess
            await asyncio.wait([self._under_way[guess]])
        account, name = self._find(login, protocol)
        record = self._record(account, protocol)
        hashes = self.passwords.hashes
        attempt = await self._admit(name, ip, protocol)
        done = self._under_way[guess] = asyncio.get_running_loop().create_future()
        ended = False
        try:
            right = await self.passwords.check(name, password, record)
            ended = True
        except Throttled:  # we are busy: that is not the client's failure
            ended = True
            self._lockout.repeated(attempt)
            raise
        finally:
            if not ended:  # the client hung up, and is not the wiser
                self._lockout.failed(attempt)
            if self._under_way.get(guess) is done:
                del self._under_way[guess]
            done.set_result(None)
            self._next_turn()
        allowed = right and account is not None and self._may_enter(account, authzid, gate)
        if not allowed or account is None:
            repeated = not right and self.passwords.hashes == hashes
            await self._fail(attempt, ip, protocol, "repeated" if repeated else "wrong", repeated)
        assert account is not None
        return self._welcome(attempt, account, protocol)

    async def _proven(self, login: str, authzid: str, judge: Callable[[], bool], gate: _Gate) -> Account:
        ip, protocol = gate.ip, gate.protocol
        account, name = self._find(login, protocol)
        attempt = await self._admit(name, ip, protocol)
        right = judge()
        self._next_turn()
        if not right or account is None or not self._may_enter(account, authzid, gate):
            await self._fail(attempt, ip, protocol, "proof", repeated=False)
        assert account is not None
        return self._welcome(attempt, account, protocol)

    async def _token(self, token: str, authzid: str, gate: _Gate) -> Account:
        """A forged token is a try like a wrong password; it counts under the name it claims, which may be none."""
        assert self._tokens is not None
        ip, protocol = gate.ip, gate.protocol
        attempt = await self._admit(self._find(authzid, protocol)[1], ip, protocol)
        ended = False
        try:
            login = await self._tokens.login_of(token)
            ended = True
        except Unavailable:  # nothing was found out, and that is not the client's failure
            ended = True
            self._lockout.repeated(attempt)
            raise
        finally:
            if not ended:
                self._lockout.failed(attempt)
            self._next_turn()
        account = None if login is None else self._find(login, protocol)[0]
        if account is None or not self._may_enter(account, authzid, gate):
            await self._fail(attempt, ip, protocol, "token", repeated=False)
        assert account is not None
        return self._welcome(attempt, account, protocol)

    def _keys(self, login: str, hash_name: str, protocol: str) -> ScramKeys:
        """The account's keys, or such as look like an account's."""
        account, name = self._find(login, protocol)
        record = self._record(account, protocol)
        keys = None
        if record is not None:
            keys = record.scram_sha256 if hash_name == "sha256" else record.scram_sha1
        if keys is not None:
            return keys
        rounds = self.passwords.settings.scram_iterations
        return scram.fake_keys(self._installation_key, name, hash_name, rounds, SALT_OCTETS)

    def _people_at(self, protocol: str) -> People:
        return self._senders.get(protocol, self._people)

    def _find(self, login: str, protocol: str) -> tuple[Account | None, str]:
        """The account, and the one name under which its tries are counted."""
        typed = login[:LOGIN_CHARACTERS]
        account = self._people_at(protocol).by_login(typed)
        return account, account.login if account is not None else typed.lower()

    def _record(self, account: Account | None, protocol: str) -> CredentialRecord | None:
        return self._people_at(protocol).secret(account.id) if account is not None else None

    def _may_enter(self, account: Account, authzid: str, gate: _Gate) -> bool:
        """Nobody who is disabled; no device that shows its password on the way from somewhere else."""
        if account.device and not (gate.tls or self._is_near(account, gate)):
            return False
        return account.enabled and self._acts_as_self(account, authzid, gate.protocol)

    def _is_near(self, account: Account, gate: _Gate) -> bool:
        return is_loopback(gate.ip) or self._senders[gate.protocol].is_near(gate.ip, account.device)

    def _acts_as_self(self, account: Account, authzid: str, protocol: str) -> bool:
        """Nobody may act as another; naming oneself is no difference.  RFC 4616 §2."""
        if not authzid:
            return True
        other = self._people_at(protocol).by_login(authzid[:LOGIN_CHARACTERS])
        return other is not None and other.id == account.id

    async def _admit(self, name: str, ip: str, protocol: str) -> Try:
        """Be charged for a try, behind those under way.  Raises Throttled."""
        try:
            while (attempt := self._lockout.admit(name, ip)) is None:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn
        except Throttled:
            log.event("auth.throttled", Level.WARNING, protocol=protocol, ip=ip, login=name)
            raise
        return attempt

    def _next_turn(self) -> None:
        """A try has ended (or will before the loop goes on): let those who wait ask again."""
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)

    async def _fail(self, attempt: Try, ip: str, protocol: str, reason: str, repeated: bool) -> None:
        if repeated:
            self._lockout.repeated(attempt)
        else:
            self._lockout.failed(attempt)
        log.event("auth.failed", Level.WARNING, protocol=protocol, ip=ip, login=attempt.login, reason=reason)
        if attempt.delay_s:
            await self._sleep(attempt.delay_s)
        raise AuthenticationFailed

    def _welcome(self, attempt: Try, account: Account, protocol: str) -> Account:
        self._lockout.succeeded(attempt)
        log.count(f"auth.succeeded.{protocol}")
        return account


class _Gate:
    """One connection's way to the authenticator."""

    __slots__ = ("_authenticator", "ip", "protocol", "tls")

    def __init__(self, authenticator: AccountAuthenticator, ip: str, protocol: str, tls: bool) -> None:
        self._authenticator = authenticator
        self.ip = ip
        self.protocol = protocol
        self.tls = tls

    async def password(self, login: str, password: str, authzid: str) -> Account:
        return await self._authenticator._check(login, password, authzid, self)

    async def token(self, token: str, authzid: str) -> Account:
        return await self._authenticator._token(token, authzid, self)

    def scram_keys(self, login: str, hash_name: str) -> ScramKeys:
        return self._authenticator._keys(login, hash_name, self.protocol)

    async def proven(self, login: str, authzid: str, judge: Callable[[], bool]) -> Account:
        return await self._authenticator._proven(login, authzid, judge, self)
