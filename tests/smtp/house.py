"""An SMTP house for tests: people, aliases, a store of either kind, a queue, and all three doors."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from courriel.accounts.authenticator import AccountAuthenticator, GateSettings
from courriel.accounts.device_logins import senders_of
from courriel.accounts.lockout import Lockout
from courriel.accounts.passwords import Passwords, PasswordSettings
from courriel.base.clock import ManualClock
from courriel.delivery.allowance import Allowance
from courriel.delivery.authenticate import SenderCheck
from courriel.delivery.guard import Guard, Origin
from courriel.delivery.intake import Delivery
from courriel.delivery.report_reader import ReportReader
from courriel.delivery.seal import Sealer
from courriel.delivery.settings import DeliverySettings, SenderSettings, SubmissionSettings
from courriel.delivery.sign import Signer
from courriel.model.envelope import Door
from courriel.model.hijack import HijackSettings
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.net.listener import Listener
from courriel.ports.credentials import CredentialRecord
from courriel.ports.dkim_judge import DkimJudge
from courriel.ports.intake import Intake
from courriel.ports.mail_reports import MailReports
from courriel.ports.queue import OutboundQueue
from courriel.ports.resolver import Resolver
from courriel.ports.scanner import Scanner
from courriel.ports.store import MailStore
from courriel.smtp.budget import Budget
from courriel.smtp.lmtp import lmtp_service
from courriel.smtp.server import Desk, SmtpService
from courriel.smtp.settings import SmtpSettings
from courriel.store.memory.directory import MemoryDirectory
from courriel.store.memory.lists import MemoryLists
from courriel.store.memory.queue import MemoryQueue
from courriel.store.memory.sieve import MemorySieve
from courriel.store.memory.store import MemoryStore
from tests.dialogues.runner import MemoryLink

PEOPLE = (("alice", "secret"), ("bob", "secret"), ("carol", "secret"), ("dave", "secret"), ("zoé", "pässword"))
"""All of courriel.test; carol is disabled, dave has room for DAVES_OCTETS."""

DAVES_OCTETS = 2_000

ALIASES = {
    "team@courriel.test": ("alice@courriel.test", "bob@courriel.test"),
    "sales@courriel.test": ("alice@courriel.test",),
    "away@courriel.test": ("anna@elsewhere.test",),
    "both@courriel.test": ("bob@courriel.test", "anna@elsewhere.test"),
    "ring1@courriel.test": ("ring2@courriel.test",),
    "ring2@courriel.test": ("ring1@courriel.test",),
}

CHEAP = PasswordSettings(argon2_memory_kib=8, scram_iterations=4096)

KEYS = (b"k" * 32,)

_records: dict[str, CredentialRecord] = {}
"""Hashes that were made once, for all houses."""


@dataclass
class House:
    """What a test needs to reach."""

    directory: MemoryDirectory
    store: MailStore
    queue: OutboundQueue
    intake: Intake
    mx: SmtpService
    submission: SmtpService
    lmtp: SmtpService
    devices: SmtpService
    clock: ManualClock
    budget: Budget
    book: MemoryLists
    scripts: MemorySieve
    reader: ReportReader | None
    pauses: list[float] = field(default_factory=list)

    def door(self, name: str) -> SmtpService:
        return {"mx": self.mx, "submission": self.submission, "lmtp": self.lmtp, "devices": self.devices}[name]

    async def mail(self, person: str, path: str = "INBOX") -> list[bytes]:
        """All messages of a mailbox, oldest first."""
        account = self.directory.by_login(person)
        assert account is not None
        box = await self.store.mailbox(account.id, path)
        view = await self.store.view(account.id, box.id)
        records = await self.store.records(account.id, box.id, list(view.uids))
        return [await self.store.read(account.id, record.id) for record in records]

    async def close(self) -> None:
        await self.store.close()
        await self.queue.close()


async def _people(directory: MemoryDirectory, passwords: Passwords, store: MailStore) -> None:
    await directory.add_domain("courriel.test")
    await directory.add_domain("two.test")
    for name, password in PEOPLE:
        if password not in _records:
            _records[password] = await passwords.record(password)
        account = await directory.add_account(f"{name}@courriel.test", _records[password])
        await store.create_account(account.id, SPECIAL_MAILBOXES)
    await directory.set_enabled("carol@courriel.test", False)
    await directory.set_quota("dave@courriel.test", DAVES_OCTETS)
    dave = directory.by_login("dave")
    assert dave is not None
    await store.set_quota(dave.id, DAVES_OCTETS)
    for alias, targets in ALIASES.items():
        await directory.add_alias(alias, targets)
    await directory.set_catch_all("two.test", "bob@courriel.test")


async def _storage(kind: str, path: Path, clock: ManualClock) -> tuple[MailStore, OutboundQueue]:
    if kind == "memory":
        return MemoryStore(clock), MemoryQueue()
    from courriel.store.sqlite.queue import SqliteQueue
    from courriel.store.sqlite.store import SqliteStore

    return await SqliteStore.open(path, clock=clock), await SqliteQueue.open(path / "queue.sqlite")


async def no_delay(_seconds: float) -> None:
    """Failed logins are answered at once: how late they are is tested with the authenticator."""


async def build(
    kind: str = "memory",
    path: Path = Path("/nowhere"),
    *,
    tls: ssl.SSLContext | None = None,
    settings: SmtpSettings = SmtpSettings(),  # noqa: B008 - a constant
    delivery: DeliverySettings | None = None,
    gate: GateSettings = GateSettings(),  # noqa: B008 - a constant
    store: MailStore | None = None,
    queue: OutboundQueue | None = None,
    intake: Intake | None = None,
    submission_settings: SubmissionSettings | None = None,
    scanner: Scanner | None = None,
    zone: Resolver | None = None,
    dkim: DkimJudge | None = None,
    senders: SenderSettings = SenderSettings(),  # noqa: B008 - a constant
    signer: Signer | None = None,
    sealer: Sealer | None = None,
    reports: MailReports | None = None,
) -> House:
    """With a ``zone``, mail at the MX door is judged by what it says."""
    clock, directory, pauses = ManualClock(), MemoryDirectory(), list[float]()
    if store is None or queue is None:
        own_store, own_queue = await _storage(kind, path, clock)
        store, queue = store or own_store, queue or own_queue
    passwords = Passwords(CHEAP, clock)
    await _people(directory, passwords, store)
    authenticator = AccountAuthenticator(
        directory, passwords, Lockout(clock), b"k" * 32, gate, senders=senders_of(directory), sleep=no_delay,
        random=lambda count: b"n" * count,
    )  # fmt: skip
    book, scripts = MemoryLists(), MemorySieve()
    reader = ReportReader(reports, "reports", lambda: ["courriel.test"], clock.now) if reports is not None else None
    if intake is None:
        guard = None
        if submission_settings is not None:
            origin = Origin("mail.courriel.test", lambda octets: b"r" * octets, ("en", "fr"))
            allowance = Allowance(submission_settings)
            guard = Guard(directory, queue, allowance, HijackSettings(), origin, clock)
        intake = Delivery(
            directory,
            store,
            queue,
            delivery or DeliverySettings("mail.courriel.test"),
            clock,
            guard=guard,
            lists=book,
            keys=KEYS,
            scanner=scanner,
            senders=SenderCheck(zone, senders, "mail.courriel.test", clock, dkim) if zone is not None else None,
            signer=signer,
            sealer=sealer,
            scripts=scripts,
            report_reader=reader,
        )

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    budget = Budget(settings.in_flight_octets)
    desk = Desk("mail.courriel.test", intake, budget, settings, authenticator, tls, pause, clock=clock)
    mx, submission, devices = (SmtpService(desk, door) for door in (Door.MX, Door.SUBMISSION, Door.DEVICE))
    return House(
        directory,
        store,
        queue,
        intake,
        mx,
        submission,
        lmtp_service(desk),
        devices,
        clock,
        budget,
        book,
        scripts,
        reader,
        pauses,
    )


@contextlib.asynccontextmanager
async def listening(house: House, door: str = "mx", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """One door of the house on a port of its own."""
    listener = Listener(house.door(door))
    try:
        yield await listener.open_tcp("127.0.0.1", 0, tls)
    finally:
        await listener.close()
        await house.close()


async def say(house: House, data: bytes, door: str = "mx", ip: str = "192.0.2.1") -> bytes:
    """Everything the server says to these octets (the greeting left out), then a half-close."""
    link = MemoryLink(house.door(door), ip)
    await link.line()
    link.send(data)
    link.eof()
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    return b"".join(said)


def in_house(test: Callable[[House], Awaitable[None]], **options: Any) -> None:
    """Run ``test`` in a house made with these options of ``build``, and close it."""

    async def run() -> None:
        house = await build(**options)
        try:
            await test(house)
        finally:
            await house.close()

    asyncio.run(run())
