"""Fetching one file over real TLS from servers good and bad."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Iterator

import pytest

from courriel.net import fetch as fetch_module
from courriel.net.fetch import Fetched, FetchFailure, fetch
from courriel.net.tls import client_context, private_authority, server_context

LIMIT = 1_000


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    made = private_authority(tmp_path_factory.mktemp("ca"), ("mta-sts.x.org",), datetime.datetime.now(datetime.UTC))
    yield server_context(made.server), client_context(made.ca)


def _fetch(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], answer: bytes, host: str = "mta-sts.x.org", *, hang: bool = False
) -> tuple[Fetched, bytes]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if hang:
            await asyncio.sleep(30)
        writer.close()

    async def main() -> Fetched:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts[0])
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await fetch(host, "127.0.0.1", "/.well-known/mta-sts.txt", contexts[1], LIMIT, port)

    got = asyncio.run(main())
    return got, asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello, more",
        b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_bodies(contexts: tuple[ssl.SSLContext, ssl.SSLContext], answer: bytes) -> None:
    got, asked = _fetch(contexts, answer)
    assert got == b"hello" and got.media_type == "text/plain"
    assert asked.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.x.org\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1_001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nheXX",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
    ],
)
def test_bad_answers(contexts: tuple[ssl.SSLContext, ssl.SSLContext], answer: bytes) -> None:
    with pytest.raises(FetchFailure):
        _fetch(contexts, answer)


def test_another_name_in_the_certificate(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with pytest.raises(FetchFailure, match=r"(?i)certificate"):
        _fetch(contexts, b"HTTP/1.1 200 OK\r\n\r\nhello", "mta-sts.y.org")


def test_a_server_that_says_nothing(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_module, "FETCH_S", 0.3)
    with pytest.raises(FetchFailure, match="TimeoutError"):
        _fetch(contexts, b"HTTP/1.1 200 OK\r\n", hang=True)
