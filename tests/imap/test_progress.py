"""A large command says that it goes on, a long search how far it is; small ones say nothing.  RFC 9585."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from courriel.imap.commands import progress
from courriel.imap.settings import ImapSettings
from tests.dialogues.runner import MemoryLink
from tests.imap.house import PASSWORD, listening, make_house

LARGE = b"Subject: large\r\n\r\n" + b"nothing of interest\r\n" * 30_000
"""More than half of what is looked through in one turn."""


@pytest.mark.parametrize("least", [3, 4])
def test_while_the_store_is_slow(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(progress, "MESSAGES", least)

    async def play() -> None:
        house = await make_house(settings=ImapSettings(progress_s=0.01))
        for _ in range(3):
            await house.deliver("alice")
        link = MemoryLink(house.service)
        link.send(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n")
        while not (line := await link.line() or b"").startswith(b"b OK"):
            assert line
        go_on = asyncio.Event()
        copy = house.store.copy

        async def slow(*arguments: Any) -> Any:
            await go_on.wait()
            return await copy(*arguments)

        monkeypatch.setattr(house.store, "copy", slow)
        link.send(b"c7 COPY 1:3 Drafts\r\n")
        if least == 3:
            assert await link.line() == b'* OK [INPROGRESS ("c7" NIL NIL)] Still working\r\n'
            assert (await link.line() or b"").startswith(b"* OK [INPROGRESS ")
        else:
            await asyncio.sleep(0.05)
        go_on.set()
        while (line := await link.line() or b"").startswith(b"* OK [INPROGRESS ("):
            assert least == 3
        assert line.startswith(b"c7 OK ")
        await asyncio.sleep(0.03)
        assert link.waiting() == b""

    asyncio.run(play())


async def answers(settings: ImapSettings, command: bytes) -> list[bytes]:
    house = await make_house(settings=settings)
    for _ in range(5):
        await house.deliver("alice", LARGE)
    async with listening(house) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a LOGIN alice %b\r\nb SELECT INBOX\r\nc %b\r\n" % (PASSWORD.encode(), command))
        lines = []
        while not (lines and lines[-1].startswith(b"c ")):
            lines.append(await reader.readline())
        writer.close()
    return [line for line in lines if line.startswith((b"* OK [INPROGRESS", b"* SEARCH"))]


@pytest.mark.parametrize("command", [b"SEARCH TEXT interest", b"SEARCH HEADER X-Nothing x"])
def test_progress_is_told(command: bytes) -> None:
    told = asyncio.run(answers(ImapSettings(progress_s=0.0), command))
    assert told[0] == b'* OK [INPROGRESS ("c" 2 5)] Looked through 40%\r\n'
    assert told[1] == b'* OK [INPROGRESS ("c" 4 5)] Looked through 80%\r\n'
    assert told[2].startswith(b"* SEARCH") and len(told) == 3


def test_a_quick_search_says_nothing() -> None:
    told = asyncio.run(answers(ImapSettings(), b"SEARCH TEXT interest"))
    assert [line.split()[1] for line in told] == [b"SEARCH"]
