"""One filter over its socket: connections that are kept, talks that cannot take too long.

Whatever a filter does (hang, hang up, flood, write garbage), it costs one message's wait at most: every wait has a
limit, packets and changes are bounded (``wire``, ``session``), and a connection that broke a rule is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from courriel.base.errors import FormatError, Unavailable
from courriel.milter import session, wire
from courriel.milter.session import Facts, Verdict, Wait
from courriel.milter.settings import CONNECTIONS, IDLE, WHOLE_S, MilterSettings
from courriel.milter.wire import Answer, PacketReader, Terms

READ_OCTETS: Final = 65_536


class Broken(Unavailable):
    """The filter cannot be asked, or its answers make no sense."""


class _Stale(Broken):
    """A connection that was kept had been closed meanwhile: a fresh one may do."""


class _Connection:
    """One connection; ``terms`` once negotiated."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._packets = PacketReader()
        self._heard = False
        self.is_used = False
        self.terms: Terms

    @property
    def is_fresh(self) -> bool:
        """Whether it may be used: nothing came unasked, and nobody hung up."""
        return self._packets.is_empty and not self._reader.at_eof() and not self._writer.is_closing()

    async def negotiate(self, limit_s: float) -> None:
        self._writer.write(wire.negotiate())
        with _limits():
            async with asyncio.timeout(limit_s):
                terms = await self._answer()
        if not isinstance(terms, Terms):
            raise Broken("it does not negotiate")
        self.terms = terms

    async def talk(self, facts: Facts, settings: MilterSettings) -> Verdict:
        """Ask about one message.  Raises Broken."""
        limits = {Wait.COMMAND: settings.command_s, Wait.CONTENT: settings.content_s}
        talk = session.talk(self.terms, facts)
        answer: Answer | None = None
        self._heard = False
        with _limits():
            async with asyncio.timeout(WHOLE_S):
                while True:
                    try:
                        line = talk.send(answer)
                    except StopIteration as end:
                        verdict: Verdict = end.value
                        return verdict
                    async with asyncio.timeout(limits.get(line.wait, settings.command_s)):
                        await self._write(line.octets)
                        answer = await self._answer() if line.wait is not Wait.NOTHING else None

    def forget(self) -> None:
        """The message is over, the filter's client is gone; the next may come.  No answer comes to this."""
        self.is_used = True
        self._writer.write(wire.NEXT_CONNECTION)

    def close(self, *, politely: bool) -> None:
        if politely and not self._writer.is_closing():
            self._writer.write(wire.QUIT)
            self._writer.close()
        else:
            self._writer.transport.abort()

    async def _write(self, octets: bytes) -> None:
        if octets and not self._packets.is_empty:
            raise Broken("it speaks unasked")
        self._writer.write(octets)
        await self._writer.drain()

    async def _answer(self) -> Answer:
        while (packet := self._packets.next()) is None:
            data = await self._reader.read(READ_OCTETS)
            if not data:
                raise Broken("it hung up") if self._heard or not self.is_used else _Stale("it hung up")
            self._heard = True
            self._packets.receive(data)
        return wire.read(packet)


@contextmanager
def _limits() -> Iterator[None]:
    """What can go wrong, as Broken."""
    try:
        yield
    except TimeoutError:
        raise Broken("it does not answer in time") from None
    except FormatError as error:
        raise Broken(str(error)) from None
    except ConnectionError as error:
        raise _Stale(str(error)) from None
    except OSError as error:
        raise Broken(str(error)) from None


class MilterClient:
    """Talks to one filter, on several connections at a time."""

    def __init__(self, settings: MilterSettings) -> None:
        self._settings = settings
        self._idle: list[_Connection] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, facts: Facts) -> tuple[Verdict, Terms]:
        """What the filter says of a message.  Raises Broken (Unavailable)."""
        with _limits():
            async with asyncio.timeout(WHOLE_S):
                await self._room.acquire()
        try:
            try:
                return await self._ask(facts, fresh=False)
            except _Stale:
                return await self._ask(facts, fresh=True)
        finally:
            self._room.release()

    async def _ask(self, facts: Facts, *, fresh: bool) -> tuple[Verdict, Terms]:
        connection = (None if fresh else self._kept()) or await self._connect()
        try:
            verdict = await connection.talk(facts, self._settings)
        except BaseException:
            connection.close(politely=False)
            raise
        self._keep(connection)
        return verdict, connection.terms

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh:
                return connection
            connection.close(politely=False)
        return None

    def _keep(self, connection: _Connection) -> None:
        """For the next message, where the filter can begin anew and the administrator wants it."""
        can_begin_anew = self._settings.reuse and connection.terms.version >= wire.VERSION
        if can_begin_anew and len(self._idle) < IDLE and connection.is_fresh:
            connection.forget()
            self._idle.append(connection)
        else:
            connection.close(politely=True)

    async def _connect(self) -> _Connection:
        with _limits():
            host, port = self._settings.place
            async with asyncio.timeout(self._settings.connect_s):
                opening = asyncio.open_connection(host, port) if port else asyncio.open_unix_connection(host)
                connection = _Connection(*await opening)
        try:
            await connection.negotiate(self._settings.command_s)
        except BaseException:
            connection.close(politely=False)
            raise
        return connection

    async def close(self) -> None:
        """Say good-bye on all connections that wait."""
        while self._idle:
            self._idle.pop().close(politely=True)
