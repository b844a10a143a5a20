"""A ManageSieve house for tests: alice and bob, scripts of either kind, a service."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from courriel.accounts.authenticator import AccountAuthenticator
from courriel.accounts.lockout import Lockout
from courriel.accounts.passwords import Passwords
from courriel.base.clock import ManualClock
from courriel.managesieve.server import ManageSieveService
from courriel.managesieve.settings import ManageSieveSettings
from courriel.managesieve.talk import Services
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.net.listener import Listener
from courriel.ports.sieve import SieveStore
from courriel.sieve.settings import SieveSettings
from courriel.store.memory.sieve import MemorySieve
from courriel.store.memory.store import MemoryStore
from courriel.store.sqlite.sieve import SqliteSieve
from tests.pop3.house import CHEAP, PEOPLE, People

SMALL = SieveSettings(script_octets=1_000, scripts=3)


@dataclass
class House:
    """What a test needs to reach."""

    scripts: SieveStore
    people: People
    service: ManageSieveService
    clock: ManualClock

    def active(self, person: str) -> str:
        account = self.people.by_login(person)
        assert account is not None
        kept = self.scripts.active(account.id)
        return kept.name if kept is not None else ""


async def build(
    kind: str = "memory",
    path: Path = Path("/nowhere"),
    tls: ssl.SSLContext | None = None,
    settings: ManageSieveSettings | None = None,
    language: str = "en",
) -> House:
    clock, people, store = ManualClock(), People(), MemoryStore()
    passwords = Passwords(CHEAP, clock)
    for number, (login, password) in enumerate(PEOPLE, 1):
        people.roster.put_account(Account(AccountId(number), login))
        people.records[AccountId(number)] = await passwords.record(password)
        await store.create_account(AccountId(number), SPECIAL_MAILBOXES)
    authenticator = AccountAuthenticator(people, passwords, Lockout(clock), b"k" * 32, random=lambda n: b"n" * n)
    scripts: SieveStore = MemorySieve() if kind == "memory" else SqliteSieve(path / "sieve.db")
    services = Services(scripts, store, authenticator, tls, settings or ManageSieveSettings(errors=5), SMALL, language)
    return House(scripts, people, ManageSieveService(services), clock)


@contextlib.asynccontextmanager
async def listening(house: House, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The house on a port of its own."""
    listener = Listener(house.service)
    try:
        yield await listener.open_tcp("127.0.0.1", 0, tls)
    finally:
        await listener.close()
