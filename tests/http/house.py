"""The web server on real sockets with TLS, and a client that sends bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from courriel.formats.mail_servers import servers_of
from courriel.formats.mta_sts import Mode, Policy
from courriel.http.server import HttpService
from courriel.http.settings import HttpSettings
from courriel.http.site import Site
from courriel.net.listener import Listener
from courriel.net.tls import CertificateFiles, server_context, unverified_context
from tests.net.certificates import make

PORTS = {"imaps": 993, "imap": 143, "submissions": 465, "pop3": 110}
POLICY = Policy(Mode.ENFORCE, ("mx.example.org", "*.backup.example"), 86_400)


def site(policy: Policy | None = POLICY) -> Site:
    is_ours: Callable[[str], bool] = {"example.org", "example.net"}.__contains__
    return Site("mx.example.org", is_ours, servers_of("mx.example.org", PORTS), policy, 443)


class Answer(msgspec.Struct):
    status: int
    fields: dict[str, str]
    body: bytes


class House:
    """``listener`` is that of the TLS door."""

    def __init__(self, ports: tuple[int, int], listener: Listener) -> None:
        self.https, self.http = ports
        self.listener = listener

    async def send(self, raw: bytes, *, tls: bool = True, end: bool = False) -> bytes:
        """Everything that comes back until the server hangs up."""
        context: ssl.SSLContext | None = unverified_context() if tls else None
        port = self.https if tls else self.http
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="mx.example.org" if tls else None
        )
        try:
            writer.write(raw)
            if end:
                writer.write_eof()
            async with asyncio.timeout(20):
                return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.transport.abort()

    async def ask(
        self, host: str, path: str, *, method: str = "GET", body: bytes = b"", tls: bool = True, more: str = ""
    ) -> Answer:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}{more}Connection: close\r\n\r\n"
        return answer(await self.send(head.encode() + body, tls=tls))


def answer(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status.split()[1]), fields, body)


@asynccontextmanager
async def house(
    directory: Path,
    settings: HttpSettings | None = None,
    about: Site | None = None,
    names: tuple[str, ...] = ("mx.example.org",),
) -> AsyncIterator[House]:
    chain, key = make("mx.example.org", names=names).write(directory)
    service = HttpService(settings or HttpSettings())
    service.site = about or site()
    secure, clear = Listener(service), Listener(service)
    context = server_context(CertificateFiles(chain, key))
    ports = (await secure.open_tcp("127.0.0.1", 0, context), await clear.open_tcp("127.0.0.1", 0))
    try:
        yield House(ports, secure)
    finally:
        await secure.close()
        await clear.close()
