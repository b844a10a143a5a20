"""One question to one server: UDP, and TCP where the answer does not fit or is in doubt.  RFC 1035 §4.2, RFC 7766."""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from dns.message import Message

from courriel.base.log import log
from courriel.net.dns.query import Match, Query, read
from courriel.net.dns.settings import Address

STRANGE_DATAGRAMS: Final = 100
"""``dns.strange_datagrams``: datagrams that do not fit before we ask over TCP instead: somebody is guessing."""

_LENGTH: Final = struct.Struct("!H")


class _Listening(asyncio.DatagramProtocol):
    """Waits on a connected socket (the kernel drops other sources) for the answer; None means: ask over TCP."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._strange = 0
        self.answer: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.answer.done():
            return
        match self._query.match(data):
            case Match.OURS if (message := read(data)) is not None:
                self.answer.set_result(message)
            case Match.TRUNCATED:
                self.answer.set_result(None)
            case Match.OTHER_CASE:
                log.count("dns.other_case")
                self.answer.set_result(None)
            case _:
                log.count("dns.strange_datagram")
                self._strange += 1
                if self._strange > STRANGE_DATAGRAMS:
                    self.answer.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def exchange(server: Address, query: Query) -> Message:
    """The answer of ``server``.  OSError where it cannot be reached or breaks off; it may take for ever."""
    answer = await _over_udp(server, query)
    return answer if answer is not None else await _over_tcp(server, query)


async def _over_udp(server: Address, query: Query) -> Message | None:
    loop = asyncio.get_running_loop()
    transport, listening = await loop.create_datagram_endpoint(
        lambda: _Listening(query), remote_addr=(server.ip, server.port)
    )
    try:
        transport.sendto(query.wire)
        return await listening.answer
    finally:
        transport.close()


async def _over_tcp(server: Address, query: Query) -> Message:
    """Case is not compared here: who can write into the connection sees the question."""
    reader, writer = await asyncio.open_connection(server.ip, server.port)
    try:
        writer.write(_LENGTH.pack(len(query.wire)) + query.wire)
        (octets,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        data = await reader.readexactly(octets)
    except EOFError as error:
        raise ConnectionError("closed before the answer") from error
    finally:
        writer.close()
    message = read(data) if query.match(data) in (Match.OURS, Match.OTHER_CASE) else None
    if message is None:
        raise ConnectionError("no answer to what was asked")
    return message
