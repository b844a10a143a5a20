"""A small DNS server for tests, over UDP and TCP on one port of the loopback; what it answers is handed in."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import dns.flags
import dns.message
from dns.message import Message

from courriel.base.clock import ManualClock
from courriel.net.dns import DnsSettings, ValidatingResolver, open_resolver
from tests.net.dns.tree import NOW, Tree

Answering = Callable[[Message], Message | bytes | list[bytes] | None]
"""None is silence; bytes go out as they are; a list is several datagrams."""

UDP_OCTETS = 1_232


@dataclass
class Authority:
    """A running server: ``asked`` are the questions so far, as ``name type``; ``heard_from`` their datagrams."""

    answering: Answering
    ip: str = "127.0.0.1"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    over_tcp: int = 0
    delay_s: float = 0.0
    heard_from: list[tuple[bytes, object]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.ip}:{self.port}"

    def answers(self, wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        self.asked.append(f"{question.name.to_text().lower()} {question.rdtype.name}")
        given = self.answering(query)
        if given is None:
            return []
        if isinstance(given, list):
            return given
        return [given if isinstance(given, bytes) else given.to_wire(max_size=65_535)]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._authority.heard_from.append((data, addr))
        for answer in self._authority.answers(data):
            if len(answer) > UDP_OCTETS:
                answer = _truncated(data)
            asyncio.get_running_loop().call_later(self._authority.delay_s, self._transport.sendto, answer, addr)


def _truncated(query: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(query))
    answer.flags |= dns.flags.TC
    return answer.to_wire()


@contextlib.asynccontextmanager
async def serving(answering: Answering, ip: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Authority]:
    """The server, as long as the block lasts."""
    authority = Authority(answering, ip)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):
            (octets,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await reader.readexactly(octets)
            authority.over_tcp += 1
            for answer in authority.answers(wire):
                writer.write(struct.pack("!H", len(answer)) + answer)
        writer.close()

    server = await asyncio.start_server(talk, ip, port)
    authority.port = server.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(authority), local_addr=(ip, authority.port)
    )
    try:
        yield authority
    finally:
        transport.close()
        server.close()


@dataclass
class Scene:
    """A server, a resolver that asks it, and the clock of the resolver."""

    authority: Authority
    resolver: ValidatingResolver
    clock: ManualClock


@contextlib.asynccontextmanager
async def scene(
    tree: Tree, change: Callable[[Message], Answering] | Answering | None = None, **settings: object
) -> AsyncIterator[Scene]:
    """The tree served as it is, or as ``change`` answers."""
    async with serving(change or tree.answer) as authority:
        clock = ManualClock(NOW)
        given = {"anchors": (tree.anchor(),), "servers": (authority.address,), "first_wait_s": 3.0, "question_s": 10.0}
        resolver = open_resolver(DnsSettings(**(given | settings)), clock)
        try:
            yield Scene(authority, resolver, clock)
        finally:
            await resolver.close()
