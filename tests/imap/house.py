"""A running IMAP server over the memory store, on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from courriel.base.clock import ManualClock
from courriel.formats.message.summary import summarise
from courriel.imap.server import ImapService
from courriel.imap.settings import ImapSettings
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage
from courriel.model.refusals import AuthenticationFailed
from courriel.net.listener import Listener
from courriel.ports.credentials import SaslExchange, SaslStep
from courriel.store.memory.lessons import MemoryLessons
from courriel.store.memory.store import MemoryStore

PASSWORD = "secret"
HELLO = b"From: Bob <bob@courriel.test>\r\nTo: alice@courriel.test\r\nSubject: hello\r\n\r\nHello Alice\r\n"


class PlainExchange:
    """SASL PLAIN against the one password of these tests."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def step(self, response: bytes) -> SaslStep:
        _, name, password = response.decode().split("\0")
        return SaslStep(None, await self._gate.password(name, password, ip="", protocol="imap"))

    def abort(self) -> None: ...


class Gate:
    """Everyone whose account exists comes in with PASSWORD."""

    def __init__(self, accounts: dict[str, Account]) -> None:
        self.accounts = accounts
        self.clear_text = True

    def account(self, account: AccountId) -> Account | None:
        return next((one for one in self.accounts.values() if one.id == account), None)

    def by_login(self, login: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.login == login.lower()), None)

    def mechanisms(self, *, tls: bool, loopback: bool) -> tuple[str, ...]:
        return ("PLAIN",) if tls or self.clear_text else ()

    def may_log_in(self, *, tls: bool, loopback: bool) -> bool:
        return tls or self.clear_text

    async def password(self, login: str, password: str, *, ip: str, protocol: str) -> Account:
        account = self.accounts.get(login.partition("@")[0])
        if account is None or password != PASSWORD:
            raise AuthenticationFailed(login)
        return account

    def begin(self, mechanism: str, *, ip: str, protocol: str, tls: bool) -> SaslExchange | None:
        return PlainExchange(self) if mechanism == "PLAIN" else None


@dataclass
class House:
    """A store with people in it, and a service over it."""

    store: MemoryStore
    gate: Gate
    service: ImapService
    clock: ManualClock
    lessons: MemoryLessons

    async def deliver(self, person: str, content: bytes = HELLO, path: str = "INBOX") -> None:
        account = self.gate.accounts[person].id
        mailbox = await self.store.mailbox(account, path)
        new = NewMessage(account, mailbox.id, content, summarise(content), self.clock.now())
        await self.store.append([new])


async def make_house(people: tuple[str, ...] = ("alice", "bob"), settings: ImapSettings | None = None) -> House:
    clock = ManualClock()
    store = MemoryStore(clock)
    accounts = {name: Account(AccountId(at), f"{name}@courriel.test") for at, name in enumerate(people, 1)}
    for account in accounts.values():
        await store.create_account(account.id, SPECIAL_MAILBOXES)
    gate = Gate(accounts)
    lessons = MemoryLessons(clock)
    service = ImapService(store, gate, settings, clock=clock, people=gate, lessons=lessons)
    return House(store, gate, service, clock, lessons)


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[int]:
    """The port the house's service listens on."""
    listener = Listener(house.service)
    port = await listener.open_tcp("127.0.0.1", 0)
    try:
        yield port
    finally:
        await listener.close()
