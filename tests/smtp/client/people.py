"""What the client's tests share: an authority, servers that lie, and short ways to connect."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from courriel.net.tls_policy import CLEAR, TlsPolicy
from courriel.smtp.client import ClientSettings, Peer, SmtpClient
from tests.smtp.client.scripted import SHORT

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def lying(script: Script) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *answers: bytes) -> list[bytes]:
    """Greet with the first, then answer one line each."""
    writer.write(answers[0])
    lines = []
    for one in answers[1:]:
        lines.append(await reader.readline())
        writer.write(one)
    await writer.drain()
    return lines


async def connected(port: int, policy: TlsPolicy = CLEAR, settings: ClientSettings = SHORT) -> SmtpClient:
    return await SmtpClient.connect(Peer("127.0.0.1", port, "localhost", policy), settings=settings)
