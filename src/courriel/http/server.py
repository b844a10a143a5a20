"""HTTP on a connection of ours: the listener, TLS, limits and sweeps of all protocols, uvicorn's HTTP/1.1 behind them.

uvicorn's protocol object is given a transport that is our connection, so it has no socket, no TLS and no signal
handlers of its own.  It and the application are imported with the first request, in a thread: some 40 ms of processor
time and 4 MB that a server without web visitors does not spend.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from courriel.base.log import Level, log
from courriel.http.settings import HttpSettings
from courriel.http.site import Site
from courriel.net.connection import Connection, Dialogue

if TYPE_CHECKING:
    from courriel.http.engine import Engine

PIECE_OCTETS: Final = 16_384
"""``http.piece``: given to uvicorn at once."""

BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 60\r\nConnection: close\r\n\r\n"
TIMEOUT: Final = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""RFC 9110 §15.5.9."""
FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class HttpService:
    """Makes a dialogue for each connection; both doors share it."""

    name = "http"

    def __init__(self, settings: HttpSettings) -> None:
        self.patience_s = settings.patience_s
        self.settings = settings
        self.site: Site | None = None
        """Told once all doors are open; until then there is nothing to tell."""
        self._engine: Engine | None = None
        self._loading = asyncio.Lock()

    def dialogue(self, connection: Connection) -> Dialogue:
        return HttpDialogue(connection, self)

    def refusal(self) -> bytes:
        return BUSY

    async def engine(self) -> Engine:
        """uvicorn and the application, imported once."""
        if self._engine is None:
            async with self._loading:
                if self._engine is None:
                    self._engine = await asyncio.to_thread(self._load)
        return self._engine

    def _load(self) -> Engine:
        from courriel.http.engine import Engine

        logger = logging.getLogger("uvicorn.error")
        logger.handlers, logger.propagate = [Events()], False
        assert self.site is not None
        return Engine(self.site, self.settings)


class Events(logging.Handler):
    """What uvicorn has to say becomes events: strangers' requests write no lines of their own."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            log.event("http.bug", Level.ERROR, error=f"{type(error).__name__}: {error}")
        elif record.levelno >= logging.WARNING:
            log.count("http.refused")


class HttpDialogue:
    """One client."""

    __slots__ = ("_connection", "_last", "_protocol", "_request_by", "_service", "_transport")

    def __init__(self, connection: Connection, service: HttpService) -> None:
        self._connection = connection
        self._service = service
        self._transport = BehindConnection(connection)
        self._protocol: Any = None
        self._last: object = None
        self._request_by = connection.loop.time() + service.settings.request_s

    def opened(self) -> None:
        """The client speaks first."""

    async def received(self, data: bytes) -> None:
        if not data:
            self._no_more()
            return
        if self._protocol is None:
            self._protocol = (await self._service.engine()).protocol(self._connection.loop)
            self._transport.protocol = self._protocol
            self._protocol.connection_made(self._transport)
        if self._is_late():
            self.expired()
            self._connection.close()
            return
        for at in range(0, len(data), PIECE_OCTETS):  # the bound of a head is looked at between pieces
            self._protocol.data_received(data[at : at + PIECE_OCTETS])
            await self._transport.reading.wait()
            if self._connection.closing:
                return

    def _is_late(self) -> bool:
        """Whether the request under way has taken too long to arrive."""
        now, cycle = self._connection.loop.time(), self._protocol.cycle
        if cycle is not None and cycle is not self._last and cycle.response_complete:
            self._last, self._request_by = cycle, now + self._service.settings.request_s
        return now > self._request_by

    def _no_more(self) -> None:
        """Half-close: an answer under way is still sent."""
        cycle = self._protocol.cycle if self._protocol is not None else None
        if cycle is None or cycle.response_complete:
            self._connection.close()
        else:
            cycle.keep_alive = False

    def expired(self) -> None:
        if self._protocol is None or self._protocol.cycle is None:
            self._connection.write(TIMEOUT)

    def stopping(self) -> None:
        """RFC 9112 §9.6: closing is how a server says so."""

    def failed(self) -> None:
        self._connection.write(FAILED)

    def closed(self) -> None:
        self._transport.gone()
        if self._protocol is not None:
            self._protocol.connection_lost(None)


class BehindConnection(asyncio.Transport):
    """What uvicorn takes for its transport."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._flushing = False
        self._draining: asyncio.Task[None] | None = None
        self.protocol: Any = None
        self.reading = asyncio.Event()
        """Cleared while uvicorn wants to be given no more."""
        self.reading.set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return (self._connection.peer_ip, self._connection.peer_port)
        if name == "sslcontext":
            return bool(self._connection.tls)
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Head and body of an answer leave together, at the end of this turn of the loop."""
        self._connection.write(bytes(data))
        if not self._flushing:
            self._flushing = True
            self._connection.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._connection.flush()
        if self._connection.congested and self._draining is None:
            self.protocol.pause_writing()
            self._draining = self._connection.loop.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            await self._connection.drain()
        except ConnectionError:
            return  # the dialogue is told that it is closed
        finally:
            self._draining = None
        self.protocol.resume_writing()

    def close(self) -> None:
        self.reading.set()
        self._connection.close()

    def is_closing(self) -> bool:
        return self._connection.closing

    def pause_reading(self) -> None:
        self.reading.clear()

    def resume_reading(self) -> None:
        self.reading.set()

    def gone(self) -> None:
        """The connection is: nobody waits any more."""
        self.reading.set()
        if self._draining is not None:
            self._draining.cancel()
