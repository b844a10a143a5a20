"""ports/index.py on every adapter: the index says what reading says, and what it does not know is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.formats.message.summary import summarise
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage
from courriel.ports.index import Matches, Place, TextIndex
from courriel.ports.store import MailStore, View
from courriel.store.memory.index import MemoryIndex
from courriel.store.memory.store import MemoryStore
from tests.contracts.place import ALICE
from tests.store.search.library import Library

MAIL = b"""\
From: Zo\xc3\xa9 <zoe@example.org>
Subject: =?utf-8?q?R=C3=A9union?= of the board
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Le d=E9jeuner est =E0 midi
--b
Content-Type: text/html

<p>hidden <b>tr</b>easure</p><style>poison</style>
--b
Content-Type: message/rfc822

Subject: inner subject

inner body
--b--
"""
PREFIX = b"Return-Path: <bounce@example.net>\r\n"


class Case:
    """One adapter over one message, indexed, and one that is not."""

    def __init__(self, store: MailStore, index: TextIndex, view: View) -> None:
        self.store, self.index, self.view = store, index, view

    async def find(self, place: Place, text: str) -> Matches:
        return await self.index.find(self.view, place, text)


@asynccontextmanager
async def memory(_directory: Path) -> AsyncIterator[Case]:
    store = MemoryStore(ManualClock())
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    box = (await store.mailbox(ALICE, "INBOX")).id
    content = MAIL.replace(b"\n", b"\r\n")
    await store.append([NewMessage(ALICE, box, content, summarise(content), 1.8e9, PREFIX)])
    yield Case(store, MemoryIndex(store), await store.view(ALICE, box))


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[Case]:
    library = await Library(directory).open()
    await library.put(MAIL.replace(b"\n", b"\r\n"), prefix=PREFIX)
    await library.feed()
    yield Case(library.store, library.index, await library.view())
    await library.close()


Opening = AbstractAsyncContextManager[Case]
ADAPTERS = pytest.mark.parametrize("adapter", [memory, sqlite])

FOUND = [
    (Place.HEADER, "réunion", True),
    (Place.HEADER, "zoé", True),
    (Place.HEADER, "union of the", True),
    (Place.HEADER, "bounce", True),
    (Place.HEADER, "midi", False),
    (Place.HEADER, "inner", False),
    (Place.BODY, "déjeuner", True),
    (Place.BODY, "jeune", True),
    (Place.BODY, "est à mi", True),
    (Place.BODY, "dejeuner", False),
    (Place.BODY, "treasure", True),
    (Place.BODY, "poison", False),
    (Place.BODY, "inner subject", True),
    (Place.BODY, "inner body", True),
    (Place.BODY, "board", False),
    (Place.BODY, "bounce", False),
    (Place.MESSAGE, "board", True),
    (Place.MESSAGE, "midi", True),
    (Place.MESSAGE, "bounce@example.net", True),
    (Place.MESSAGE, "nowhere", False),
]


@ADAPTERS
@pytest.mark.parametrize(("place", "text", "expected"), FOUND)
def test_what_is_found_where(
    adapter: Callable[[Path], Opening], place: Place, text: str, expected: bool, tmp_path: Path
) -> None:
    async def run() -> None:
        async with adapter(tmp_path) as case:
            found = await case.find(place, text)
            truth = (await MemoryIndex(case.store).find(case.view, place, text)).hits
            assert bool(truth) is expected
            assert found.hits <= truth <= found.hits | found.doubts
            assert not found.doubts or not text.isalnum()

    asyncio.run(run())


@ADAPTERS
def test_rebuilding_loses_nothing(adapter: Callable[[Path], Opening], tmp_path: Path) -> None:
    async def run() -> None:
        async with adapter(tmp_path) as case:
            await case.index.rebuild()
            found = await case.find(Place.BODY, "treasure")
            assert found.hits | found.doubts == {1}

    asyncio.run(run())


@ADAPTERS
def test_the_state_adds_up(adapter: Callable[[Path], Opening], tmp_path: Path) -> None:
    async def run() -> None:
        async with adapter(tmp_path) as case:
            for state in await case.index.state():
                assert 0 <= state.indexed <= state.bodies
                assert (state.octets > 0) is (state.indexed > 0)

    asyncio.run(run())
