"""A large command says that it goes on; a small one has no timer.  RFC 9585."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from courriel.imap.commands import progress
from tests.dialogues.runner import MemoryLink
from tests.imap.house import make_house


@pytest.mark.parametrize("least", [3, 4])
def test_while_the_store_is_slow(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(progress, "MESSAGES", least)
    monkeypatch.setattr(progress, "PERIOD_S", 0.01)

    async def play() -> None:
        house = await make_house()
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
