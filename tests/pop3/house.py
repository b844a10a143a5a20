"""A POP3 house for tests: alice and bob, a store of either kind, a service, and messages on demand."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from courriel.accounts.authenticator import AccountAuthenticator, GateSettings
from courriel.accounts.lockout import Lockout
from courriel.accounts.passwords import Passwords, PasswordSettings
from courriel.base.clock import ManualClock
from courriel.model.account import Account, Domain
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.maildrop import PopView
from courriel.model.message import NewMessage, Summary
from courriel.model.roster import Roster
from courriel.net.listener import Listener
from courriel.pop3.server import Pop3Service
from courriel.pop3.settings import Pop3Settings
from courriel.ports.credentials import CredentialRecord
from courriel.ports.store import MailStore
from courriel.store.memory.maildrops import MemoryMaildrops
from courriel.store.memory.store import MemoryStore

PEOPLE = (("alice@one.test", "secret"), ("bob@one.test", "top secret"), ("zoé@one.test", "pässword"))

CHEAP = PasswordSettings(argon2_memory_kib=8, scram_iterations=4096)


class People:
    """A directory in memory."""

    def __init__(self) -> None:
        self.roster = Roster()
        self.roster.put_domain(Domain("one.test"))
        self.records: dict[AccountId, CredentialRecord] = {}

    def by_login(self, login: str) -> Account | None:
        return self.roster.by_login(login)

    def secret(self, account: AccountId) -> CredentialRecord | None:
        return self.records.get(account)


@dataclass
class House:
    """What a test needs to reach."""

    store: MailStore
    people: People
    service: Pop3Service
    maildrops: MemoryMaildrops
    clock: ManualClock

    def show(self, person: str, view: str) -> None:
        """From now on, somebody's clients see this."""
        account = self.people.by_login(person)
        assert account is not None
        self.people.roster.put_account(msgspec.structs.replace(account, pop_view=PopView(view)))

    async def deliver(self, person: str, *contents: bytes) -> Sequence[int]:
        account = self.people.by_login(person)
        assert account is not None
        inbox = await self.store.mailbox(account.id, "INBOX")
        stored = await self.store.append(
            [
                NewMessage(account.id, inbox.id, content, Summary(b"", b"", b"", ""), self.clock.now())
                for content in contents
            ]
        )
        return [message.uid for message in stored]

    async def inbox(self, person: str) -> list[int]:
        """UIDs in somebody's INBOX."""
        account = self.people.by_login(person)
        assert account is not None
        box = await self.store.mailbox(account.id, "INBOX")
        return list((await self.store.view(account.id, box.id)).uids)

    async def expunge(self, person: str, uids: Sequence[int]) -> None:
        account = self.people.by_login(person)
        assert account is not None
        box = await self.store.mailbox(account.id, "INBOX")
        await self.store.expunge(account.id, box.id, uids)


async def open_store(kind: str, path: Path, clock: ManualClock) -> MailStore:
    if kind == "memory":
        return MemoryStore(clock)
    from courriel.store.sqlite.store import SqliteStore

    return await SqliteStore.open(path, clock=clock)


async def build(
    kind: str = "memory",
    path: Path = Path("/nowhere"),
    tls: ssl.SSLContext | None = None,
    settings: Pop3Settings | None = None,
    gate: GateSettings = GateSettings(),  # noqa: B008 - a constant
) -> House:
    clock, people = ManualClock(), People()
    store = await open_store(kind, path, clock)
    passwords = Passwords(CHEAP, clock)
    for number, (login, password) in enumerate(PEOPLE, 1):
        people.roster.put_account(Account(AccountId(number), login))
        people.records[AccountId(number)] = await passwords.record(password)
        await store.create_account(AccountId(number), SPECIAL_MAILBOXES)
    authenticator = AccountAuthenticator(people, passwords, Lockout(clock), b"k" * 32, gate, random=lambda n: b"n" * n)
    maildrops = MemoryMaildrops()
    service = Pop3Service(store, authenticator, maildrops, clock, tls, settings)
    return House(store, people, service, maildrops, clock)


@contextlib.asynccontextmanager
async def listening(house: House, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The house on a port of its own."""
    listener = Listener(house.service)
    try:
        yield await listener.open_tcp("127.0.0.1", 0, tls)
    finally:
        await listener.close()
        await house.store.close()
