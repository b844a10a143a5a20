"""A store in a directory of its own, with a clock that is turned by hand, and a loop for tests that are coroutines."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from courriel.base.clock import ManualClock
from courriel.formats.message.index import pack
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Summary
from courriel.store.blobs.files import Files
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.contracts.place import LEAF

ALICE = AccountId(1)
BOB = AccountId(2)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test on a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        try:
            await pyfuncitem.obj(**arguments)
        finally:
            for value in arguments.values():
                if isinstance(value, Bench):
                    await value.close()

    asyncio.run(run())
    return True


class Bench:
    """Opens and reopens a store; remembers what it said."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.said: list[tuple[str, dict[str, object]]] = []
        self.stores: list[SqliteStore] = []

    async def open(self, files: Files | None = None, **settings: Any) -> SqliteStore:
        store = await SqliteStore.open(
            self.directory, StoreSettings(**settings), self.clock, files=files, say=self._say
        )
        self.stores.append(store)
        return store

    def _say(self, event: str, /, **fields: object) -> None:
        self.said.append((event, fields))

    async def close(self) -> None:
        for store in self.stores:
            await store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(tmp_path)


def letter(mailbox: MailboxId, text: str = "hello", size: int = 0, account: AccountId = ALICE) -> NewMessage:
    """A message whose body says ``text``, and goes on with ``size`` octets of noise that cannot be compressed."""
    body = b"Subject: %b\r\n\r\n" % text.encode() + Random(size).randbytes(size)
    summary = Summary(b'(NIL "%b")' % text.encode(), b'("TEXT")', pack(LEAF), text)
    return NewMessage(account, mailbox, body, summary, 1.79e9)


async def inbox(store: SqliteStore, account: AccountId = ALICE) -> MailboxId:
    await store.create_account(account, SPECIAL_MAILBOXES)
    return (await store.mailbox(account, "INBOX")).id
