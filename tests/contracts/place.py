"""Where the contract is tried: a store with its clock, that can be closed and opened again where it survives that.

Also the few words the tests are written in: ``letter`` (a message to append), ``seed`` (an account with mail in it)
and ``picture`` (everything a store lets one see of an account, in plain values, for comparing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from courriel.base.clock import ManualClock
from courriel.formats.message.index import Node, pack
from courriel.formats.message.media import Kind
from courriel.model.flags import Flags
from courriel.model.ids import AccountId, MailboxId, Uid
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Stored, Summary
from courriel.ports.store import Column, MailStore, View

ALICE = AccountId(1)
BOB = AccountId(2)

DAY_S = 86_400.0


class Place(Protocol):
    """One kind of store, opened."""

    clock: ManualClock
    store: MailStore
    survives: bool
    """Whether what it holds outlives ``close``."""

    async def open(self) -> MailStore: ...

    async def reopen(self) -> MailStore:
        """Close and open again; the same store where it does not survive that."""
        ...

    async def maintain(self) -> None:
        """Run the jobs a server runs each minute."""
        ...


class MemoryPlace:
    """The memory store."""

    survives = False

    def __init__(self) -> None:
        self.clock = ManualClock()

    async def open(self) -> MailStore:
        from courriel.store.memory.store import MemoryStore

        self.store: MailStore = MemoryStore(self.clock)
        return self.store

    async def reopen(self) -> MailStore:
        return self.store

    async def maintain(self) -> None:
        """It has none."""


LEAF = Node(0, 0, 0, Kind.TEXT, b"", b"", b"plain", ())
"""A part as good as any."""


def letter(
    mailbox: MailboxId,
    text: str = "hello",
    *,
    account: AccountId = ALICE,
    flags: Flags = 0,
    keywords: tuple[str, ...] = (),
    prefix: bytes = b"",
    received_at: float = 1_790_000_000.0,
    message_id: bytes | None = None,
    references: tuple[bytes, ...] = (),
    pad_octets: int = 0,
) -> NewMessage:
    """A small message whose every stored value names ``text``."""
    body = b"Subject: %b\r\n\r\n%b\r\n" % (text.encode(), b"x" * pad_octets)
    summary = Summary(
        envelope=b'(NIL "%b" NIL NIL NIL NIL NIL NIL NIL NIL)' % text.encode(),
        bodystructure=b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" %d 1 NIL NIL NIL NIL)' % len(body),
        parts=pack(LEAF, text.encode()),
        preview=text + " é",
        message_id=message_id,
        references=references,
        sent_at=received_at - 60.0,
    )
    return NewMessage(account, mailbox, body, summary, received_at, prefix, flags, keywords)


async def inbox(store: MailStore, account: AccountId = ALICE) -> MailboxId:
    """INBOX of an account, which is made if need be."""
    await store.create_account(account, SPECIAL_MAILBOXES)
    return (await store.mailbox(account, "INBOX")).id


async def fill(store: MailStore, mailbox: MailboxId, count: int, account: AccountId = ALICE) -> Sequence[Stored]:
    """Append ``count`` messages called "1", "2", …"""
    return await store.append([letter(mailbox, str(n + 1), account=account) for n in range(count)])


async def bodies(store: MailStore, account: AccountId, path: str) -> list[bytes]:
    """All octets of every message of a mailbox, in order."""
    box = await store.mailbox(account, path)
    view = await store.view(account, box.id)
    ids = await store.column(view, Column.ID, 0, len(view.uids))
    return [await store.read(account, number) for number in ids]  # type: ignore[arg-type]


async def subjects(store: MailStore, account: AccountId, path: str) -> list[str]:
    """The ``text`` of each message of a mailbox, in order."""
    return [body.split(b"\r\n")[0].removeprefix(b"Subject: ").decode() for body in await bodies(store, account, path)]


async def heard() -> None:
    """Let the loop run what was scheduled "soon"."""
    for _ in range(3):
        await asyncio.sleep(0)


async def picture(store: MailStore, account: AccountId) -> dict[str, Any]:
    """Everything that can be seen of an account, numbers included."""
    boxes = await store.mailboxes(account)
    seen: dict[str, Any] = {
        "mailboxes": {box.path: box for box in boxes},
        "subscriptions": list(await store.subscriptions(account)),
        "quota": await store.quota(account),
        "keywords": store.keyword_names(account),
        "expunged": sorted(await store.expunged(account), key=lambda gone: gone.id),
    }
    seen["metadata"] = {box.path: await store.metadata(account, box.id, account) for box in boxes}
    for box in boxes:
        view = await store.view(account, box.id)
        seen[box.path] = await contents(store, view)
    return seen


async def contents(store: MailStore, view: View) -> dict[str, Any]:
    """Everything that can be seen of one mailbox."""
    uids = list(view.uids)
    columns = {column: list(await store.column(view, column, 0, len(uids))) for column in Column}
    return {
        "uidvalidity": view.uidvalidity,
        "uidnext": view.uidnext,
        "modseq": view.modseq,
        "uids": uids,
        "flags": list(view.flags),
        "modseqs": list(view.modseqs),
        "columns": columns,
        "records": [await store.record(view.account, view.mailbox, uid) for uid in uids],
        "octets": [await store.read(view.account, number) for number in columns[Column.ID]],
        "vanished": list(await store.vanished(view.account, view.mailbox, 0) or []),
    }


def ram_directory(tmp_path_factory: Any) -> Path:
    """A fresh directory, in memory where the machine has /dev/shm: the contract is about meaning, not about disks."""
    shm = Path("/dev/shm")
    if shm.is_dir():
        import tempfile

        return Path(tempfile.mkdtemp(prefix="courriel-contract-", dir=shm))
    return Path(tmp_path_factory.mktemp("store"))


def uid_list(stored: Sequence[Stored]) -> list[Uid]:
    return [one.uid for one in stored]
