"""JMAPACCESS is announced, and answered, only where the operator names a JMAP server.  RFC 9698."""

from __future__ import annotations

import asyncio

import pytest

from courriel.imap.settings import ImapSettings
from tests.dialogues.runner import MemoryLink
from tests.imap.house import make_house

URL = "https://mail.courriel.test/.well-known/jmap"


@pytest.mark.parametrize("url", ["", URL])
def test_where_there_is_one(url: str) -> None:
    async def play() -> None:
        link = MemoryLink((await make_house(settings=ImapSettings(jmap_url=url))).service)
        await link.line()
        link.send(b"a LOGIN alice secret\r\nb GETJMAPACCESS\r\n")
        assert (b" JMAPACCESS" in (await link.line() or b"")) == bool(url)
        if url:
            assert await link.line() == b'* JMAPACCESS "%b"\r\n' % URL.encode()
        assert (await link.line() or b"").startswith(b"b OK" if url else b"b NO [CANNOT]")

    asyncio.run(play())
