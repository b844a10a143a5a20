"""The commands of extensions in any pieces, in clear and compressed: the replies are the same."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from tests.dialogues.runner import MemoryLink
from tests.imap.house import make_house
from tests.imap.test_limits import LOGIN, talk

SAID = (
    b"b APPEND INBOX {12+}\r\nSubject: x\r\n\r\nc SELECT INBOX\r\n"
    b"d SETMETADATA INBOX (/private/comment {4+}\r\nab\r\n /shared/x ~{2+}\r\n\0\0)\r\n"
    b"e GETMETADATA (DEPTH infinity) INBOX (/private {7+}\r\n/shared)\r\n"
    b"f NOTIFY SET STATUS (SELECTED (MessageNew (UID FLAGS) MessageExpunge)) (MAILBOXES {6+}\r\nDrafts"
    b" (MessageNew MessageExpunge))\r\ng GETQUOTAROOT {5+}\r\nINBOX\r\n"
    b'h APPEND INBOX (\\Seen) CATENATE (URL "/INBOX/;UID=1" TEXT {3+}\r\nabc)\r\n'
    b"i UID REPLACE 1 INBOX (\\Draft) {4+}\r\nnew\n\r\nj FETCH 1:* (UID FLAGS BODY.PEEK[])\r\nk NOTIFY NONE\r\n"
    b"l UNAUTHENTICATE\r\nm LOGIN bob secret\r\nn STATUS INBOX (DELETED-STORAGE)\r\no LOGOUT\r\n"
)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_any_cut_gives_the_same_replies(chunk: int) -> None:
    async def main(size: int) -> bytes:
        return await talk(await make_house(), LOGIN + SAID, size)

    whole = asyncio.run(main(0))
    assert asyncio.run(main(chunk)) == whole
    for tag in b"bcdefghijklmno":
        assert b"\r\n%c OK " % tag in whole, chr(tag)


@pytest.mark.parametrize("chunk", [1, 2, 7, 10_000])
def test_and_so_it_is_below_compression(chunk: int) -> None:
    async def clear() -> bytes:
        return await talk(await make_house(), LOGIN + SAID)

    async def compressed() -> bytes:
        link = MemoryLink((await make_house()).service)
        link.send(LOGIN + b"z COMPRESS DEFLATE\r\n")
        lines = []
        while not lines or not lines[-1].startswith(b"z OK"):
            lines.append(await link.line() or b"")
        link.start_deflate()
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(SAID) + packer.flush(zlib.Z_SYNC_FLUSH)
        for at in range(0, len(packed), chunk):
            link._server.data_received(packed[at : at + chunk])
            await asyncio.sleep(0)
        while (line := await link.line()) is not None:
            lines.append(line)
        return b"".join([line for line in lines if not line.startswith(b"z OK")])

    offer = b" COMPRESS=DEFLATE"  # made once only
    assert asyncio.run(compressed()).replace(offer, b"") == asyncio.run(clear()).replace(offer, b"")
