"""COMPRESS where dialogues do not reach: garbage, one packet with the command and what is behind it, TLS.  RFC 4978."""

from __future__ import annotations

import asyncio
import datetime
import zlib
from pathlib import Path

from courriel.net.listener import Listener
from courriel.net.tls import client_context, private_authority, server_context
from tests.dialogues.runner import MemoryLink
from tests.imap.house import make_house


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


def test_garbage_ends_the_connection_with_a_word() -> None:
    async def play() -> None:
        link = MemoryLink((await make_house()).service)
        for said in (b"a LOGIN alice secret\r\n", b"b COMPRESS DEFLATE\r\n"):
            link.send(said)
        while not (line := await link.line() or b"").startswith(b"b OK"):
            assert line
        link.start_deflate()
        link._server.data_received(b"c NOOP\r\n")
        assert await link.line() == b"* BYE This cannot be inflated\r\n"
        assert await link.line() is None

    asyncio.run(play())


def test_pipelined_behind_compress_in_one_packet() -> None:
    async def play() -> None:
        link = MemoryLink((await make_house()).service)
        link.send(b"a LOGIN alice secret\r\nb COMPRESS DEFLATE\r\n" + raw(b"c NOOP\r\nd SELECT INBOX\r\n"))
        while not (line := await link.line() or b"").startswith(b"b OK"):
            assert line
        link.start_deflate()
        assert (await link.line() or b"").startswith(b"c OK")
        while not (line := await link.line() or b"").startswith(b"d OK"):
            assert line

    asyncio.run(play())


def test_under_tls_with_a_large_message(tmp_path: Path) -> None:
    """Message in by a literal of many pieces, out again, all of it compressed below TLS."""
    authority = private_authority(tmp_path, ("localhost",), datetime.datetime.now(datetime.UTC))
    message = b"Subject: large\r\n\r\n" + b"".join(b"line %d of the text\r\n" % n for n in range(40_000))

    async def play() -> None:
        house = await make_house()
        listener = Listener(house.service)
        port = await listener.open_tcp("127.0.0.1", 0, server_context(authority.server))
        context = client_context(authority.ca)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        inflater, deflater = zlib.decompressobj(-15), zlib.compressobj(1, zlib.DEFLATED, -15)
        writer.write(b"a LOGIN alice secret\r\nb COMPRESS DEFLATE\r\n")
        await reader.readuntil(b"b OK Compressed from here on\r\n")
        said = b"c APPEND INBOX {%d+}\r\n%b\r\nd SELECT INBOX\r\ne FETCH 1 BODY.PEEK[]\r\n" % (len(message), message)
        writer.write(deflater.compress(said) + deflater.flush(zlib.Z_SYNC_FLUSH))
        got = b""
        async with asyncio.timeout(20):
            while b"e OK" not in got:
                got += inflater.decompress(await reader.read(65_536))
        assert message in got
        writer.close()
        await listener.close()

    asyncio.run(play())
