"""One small file over HTTPS: MTA-STS policies.  RFC 9112, bounded in time and octets, no redirects, no cookies.

    GET /path HTTP/1.1 → status line, fields, body by Content-Length, chunked, or up to the end

The caller gives the address: nothing here asks the DNS, so an answer cannot lead anywhere else.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from courriel.base.errors import CourrielError

FETCH_S: Final = 60.0
"""``fetch.time``: RFC 8461 §3.3 suggests a minute for a policy."""

HEAD_OCTETS: Final = 16_384
"""``fetch.head``: status line and fields."""

CHUNK_LINE_OCTETS: Final = 256


class FetchFailure(CourrielError):
    """The file could not be had: no connection, no valid certificate, not 200, too large, too slow."""


class Fetched(bytes):
    """The body of a 200; ``media_type`` is its Content-Type without parameters, lower-case."""

    media_type: str = ""


async def fetch(host: str, ip: str, path: str, context: ssl.SSLContext, limit: int, port: int = 443) -> Fetched:
    """The file ``https://host/path`` from the server at ``ip``.  Raises FetchFailure."""
    try:
        async with asyncio.timeout(FETCH_S):
            return await _fetch(host, ip, path, context, limit, port)
    except (OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
        raise FetchFailure(f"https://{host}{path}: {type(error).__name__}: {error}") from None


async def _fetch(host: str, ip: str, path: str, context: ssl.SSLContext, limit: int, port: int) -> Fetched:
    reader, writer = await asyncio.open_connection(ip, port, ssl=context, server_hostname=host, limit=HEAD_OCTETS)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Courriel\r\nAccept: text/plain\r\n"
            "Connection: close\r\n\r\n".encode("ascii")
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status, _, block = head.partition(b"\r\n")
        if not status.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise FetchFailure(f"https://{host}{path}: {status[:80].decode('ascii', 'replace')}")
        fields = _fields(block)
        body = Fetched(await _body(reader, fields, limit))
        body.media_type = fields.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("ascii", "replace")
        return body
    finally:
        writer.transport.abort()


def _fields(block: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


async def _body(reader: asyncio.StreamReader, fields: dict[bytes, bytes], limit: int) -> bytes:
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return await _chunks(reader, limit)
    length = fields.get(b"content-length")
    if length is None:
        return await _up_to_the_end(reader, limit)
    if not (length.isdigit() and len(length) <= 12 and int(length) <= limit):
        raise ValueError(f"length {length[:20]!r}, at most {limit} octets are taken")
    return await reader.readexactly(int(length))


async def _up_to_the_end(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = b""
    while data := await reader.read(limit + 1 - len(body)):
        body += data
        if len(body) > limit:
            raise ValueError(f"more than {limit} octets")
    return body


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    """RFC 9112 §7.1; trailers are not read."""
    body = b""
    while True:
        line = await reader.readline()
        size = line.partition(b";")[0].strip()
        if len(line) > CHUNK_LINE_OCTETS or not size or len(size) > 8:
            raise ValueError("chunk size")
        count = int(size, 16)
        if count < 0 or len(body) + count > limit:
            raise ValueError(f"more than {limit} octets")
        if count == 0:
            return body
        body += await reader.readexactly(count)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("chunk end")
