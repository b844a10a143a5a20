"""The dialogues of tests/dialogues/imap, in memory and over a socket, on each store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from courriel.imap.server import ImapService
from courriel.imap.settings import ImapSettings
from courriel.model.flags import DELETED, FlagAction, FlagChange
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.rights import parse_change
from courriel.store.sqlite.store import SqliteStore
from tests.dialogues.runner import MemoryLink, Player, SocketLink, Stage, everywhere, parse
from tests.imap.house import House, listening, make_house

DIALOGUES = Path(__file__).parent.parent / "dialogues" / "imap"

SMALL = ImapSettings(append_octets=10_000, append_memory_octets=15_000, bad_commands=5, metadata_octets=40)
"""Limits that a dialogue can reach."""


async def build(kind: str, path: Path) -> House:
    house = await make_house(settings=SMALL)
    if kind == "sqlite":
        store = await SqliteStore.open(path, clock=house.clock)
        for account in house.gate.accounts.values():
            await store.create_account(account.id, SPECIAL_MAILBOXES)
        house.store = store  # type: ignore[assignment]
        house.service = ImapService(store, house.gate, SMALL, house.clock, people=house.gate, lessons=house.lessons)
    return house


def stage(house: House, port: int | None) -> Stage:
    async def connect() -> MemoryLink | SocketLink:
        return MemoryLink(house.service) if port is None else await SocketLink.connect("127.0.0.1", port)

    async def deliver(arguments: str) -> None:
        """``deliver alice Subject``: a message of known size arrives in INBOX."""
        person, subject = arguments.split(" ", 1)
        await house.deliver(person, f"From: bob@courriel.test\r\nSubject: {subject}\r\n\r\nbody\r\n".encode())

    async def expunge(arguments: str) -> None:
        """``expunge alice UID…``: somebody else (POP3, say) removes messages."""
        person, *uids = arguments.split()
        account = house.gate.accounts[person].id
        inbox = await house.store.mailbox(account, "INBOX")
        await house.store.expunge(account, inbox.id, [int(uid) for uid in uids])

    async def mark(arguments: str) -> None:
        """``mark alice UID…``: somebody else marks messages as \\Deleted."""
        person, *uids = arguments.split()
        account = house.gate.accounts[person].id
        inbox = await house.store.mailbox(account, "INBOX")
        change = FlagChange(FlagAction.ADD, DELETED)
        await house.store.change_flags(account, inbox.id, [int(uid) for uid in uids], change)

    async def shelve(arguments: str) -> None:
        """``shelve alice Subject MAILBOX``: a message arrives in another mailbox."""
        person, subject, path = arguments.split()
        await house.deliver(person, f"Subject: {subject}\r\n\r\nbody\r\n".encode(), path)

    async def limit(arguments: str) -> None:
        """``limit alice OCTETS MESSAGES``: the operator limits an account."""
        person, octets, messages = arguments.split()
        await house.store.set_quota(house.gate.accounts[person].id, int(octets), int(messages))

    async def wait(arguments: str) -> None:
        """``wait SECONDS``: time goes by on the clock of server and store."""
        house.clock.advance(float(arguments))

    async def public(arguments: str) -> None:
        """``public NAME WHO RIGHTS``: a public mailbox."""
        name, who, letters = arguments.split()
        await house.store.create_account(PUBLIC_ACCOUNT, [])
        made = await house.store.create_mailbox(PUBLIC_ACCOUNT, name)
        await house.store.change_rights(PUBLIC_ACCOUNT, made.id, who, parse_change(letters))

    actions = {
        "deliver": deliver,
        "expunge": expunge,
        "limit": limit,
        "shelve": shelve,
        "mark": mark,
        "wait": wait,
        "public": public,
    }
    return Stage(connect, actions)


@everywhere(DIALOGUES)
def test_dialogue(path: Path, way: str, kind: str, tmp_path: Path) -> None:
    steps = parse(path.read_text())

    async def play() -> None:
        house = await build(kind, tmp_path)
        try:
            async with listening(house) as port:
                await Player(stage(house, port if way == "socket" else None)).play(steps)
        finally:
            await house.store.close()

    asyncio.run(play())
