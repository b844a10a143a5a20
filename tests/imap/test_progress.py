"""A long search says how far it is.  RFC 9585."""

from __future__ import annotations

import asyncio

import pytest

from courriel.imap.settings import ImapSettings
from tests.imap.house import PASSWORD, listening, make_house

LARGE = b"Subject: large\r\n\r\n" + b"nothing of interest\r\n" * 30_000
"""More than half of what is looked through in one turn."""


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
