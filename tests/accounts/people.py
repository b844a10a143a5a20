"""A few people in memory, cheap hashes and hands on the clock, for tests of logins."""

from __future__ import annotations

from courriel.accounts.authenticator import AccountAuthenticator, GateSettings
from courriel.accounts.lockout import Lockout, LockoutSettings
from courriel.accounts.passwords import Passwords, PasswordSettings
from courriel.base.clock import ManualClock
from courriel.model.account import Account, Domain
from courriel.model.ids import AccountId
from courriel.model.roster import Roster
from courriel.ports.credentials import CredentialRecord, TokenJudge

CHEAP = PasswordSettings(argon2_memory_kib=8, scram_iterations=4096, scram_sha1=True)
"""Parameters that take microseconds: the rules are tested here, not the price."""

ELSEWHERE = "192.0.2.7"


class House:
    """alice (secret), bob (secret, disabled), dora@two.test (pässword)."""

    def __init__(
        self,
        limits: LockoutSettings | None = None,
        settings: GateSettings | None = None,
        tokens: TokenJudge | None = None,
    ) -> None:
        self.roster = Roster()
        self.records: dict[AccountId, CredentialRecord] = {}
        self.clock = ManualClock()
        self.slept: list[float] = []
        self.passwords = Passwords(CHEAP, self.clock)
        self.lockout = Lockout(self.clock, limits or LockoutSettings())
        self.gate = AccountAuthenticator(
            self,
            self.passwords,
            self.lockout,
            b"k" * 32,
            settings or GateSettings(scram_sha1=True),
            sleep=self._sleep,
            random=lambda size: b"n" * size,
            tokens=tokens,
        )

    async def open(self) -> House:
        for name in ("one.test", "two.test"):
            self.roster.put_domain(Domain(name))
        for number, (login, password) in enumerate(
            [("alice@one.test", "secret"), ("bob@one.test", "secret"), ("dora@two.test", "pässword")], 1
        ):
            self.roster.put_account(Account(AccountId(number), login, enabled=number != 2))
            self.records[AccountId(number)] = await self.passwords.record(password)
        return self

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def by_login(self, login: str) -> Account | None:
        return self.roster.by_login(login)

    def secret(self, account: AccountId) -> CredentialRecord | None:
        return self.records.get(account)

    async def password(self, login: str, password: str, ip: str = ELSEWHERE, protocol: str = "imap") -> Account:
        return await self.gate.password(login, password, ip=ip, protocol=protocol)
