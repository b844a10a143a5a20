"""One client's connection: bytes to a dialogue, its replies back in one write a burst.

The dialogue (SMTP, IMAP, POP3) is told of bytes by ``received``, one call at a time: while a call waits (for the
disk, say), further bytes are kept here, up to a mark, then the client is no longer read.  A call that finds all
it needs in memory runs inside ``data_received``, without a task (``eager``).

Not here: lines, commands, states, which are each protocol's ``session``.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, cast

from courriel.base.errors import FormatError
from courriel.base.log import Level, Value, log
from courriel.base.networks import is_loopback
from courriel.net import eager
from courriel.net.deflate import Deflate

BACKLOG_OCTETS: Final = 256 * 1024
"""Input kept while a command runs; past it the client is not read until the command is done."""

WRITE_MARK_OCTETS: Final = 64 * 1024
"""Output gathered before it is handed to the kernel within one burst."""

HIGH_WATER_OCTETS: Final = 512 * 1024
"""Output waiting for a slow reader before ``drain`` waits."""

GATHER_OCTETS: Final = 16 * 1024
"""Below this, pieces are joined and written; above, the kernel gathers them and no octet is copied twice."""

TRACE_OUT: Final = "S"
TRACE_IN: Final = "C"

_ids = itertools.count(1)


class Dialogue(Protocol):
    """What a protocol gives a connection."""

    def opened(self) -> None:
        """The connection stands (TLS included where it comes first): greet."""
        ...

    async def received(self, data: bytes) -> None:
        """Bytes came; b"" says the client will send no more."""
        ...

    def expired(self) -> None:
        """The client was silent too long: say so; the connection closes behind it."""
        ...

    def stopping(self) -> None:
        """The server stops: say so; the connection closes behind it."""
        ...

    def failed(self) -> None:
        """An error nobody foresaw: say so in the protocol's words; the connection closes behind it."""
        ...

    def closed(self) -> None:
        """The connection is gone: let go of everything."""
        ...


class Service(Protocol):
    """One protocol on one or more listeners: makes a dialogue for each connection."""

    name: str
    patience_s: float
    """Longest silence of a client before ``expired``; a dialogue may change its connection's own."""

    def dialogue(self, connection: Connection) -> Dialogue: ...

    def refusal(self) -> bytes:
        """What to say to a client there is no room for."""
        ...


class Keeper(Protocol):
    """Who counts connections, and what goes over them (the listener)."""

    def admit(self, connection: Connection) -> bool: ...

    def release(self, connection: Connection) -> None: ...

    def identified(self, connection: Connection, account: int) -> None: ...

    def heard(self) -> None:
        """A client has sent something."""
        ...

    def replied(self, connection: Connection) -> None:
        """Its client has its answer and may go on."""
        ...


class Connection(asyncio.Protocol):
    """A client, its transport and its dialogue."""

    __slots__ = (
        "_backlog",
        "_backlog_octets",
        "_busy",
        "_deflate",
        "_eof",
        "_garbled",
        "_keeper",
        "_loop",
        "_out",
        "_out_octets",
        "_service",
        "_task",
        "_transport",
        "_writable",
        "closing",
        "deadline",
        "dialogue",
        "id",
        "local_port",
        "patience_s",
        "peer_ip",
        "peer_port",
        "trace",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, service: Service, keeper: Keeper) -> None:
        self._loop = loop
        self._service = service
        self._keeper = keeper
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes | memoryview] = []
        self._out_octets = 0
        self._backlog: list[bytes] = []
        self._backlog_octets = 0
        self._busy = False
        self._deflate: Deflate | None = None
        self._eof = False
        self._garbled = b""
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self.closing = False
        self.id = next(_ids)
        self.patience_s = service.patience_s
        self.deadline = 0.0
        self.dialogue: Dialogue | None = None
        self.peer_ip = ""
        self.peer_port = 0
        self.local_port = 0
        self.trace: Callable[[str, bytes], None] | None = None

    # --- what a dialogue uses -------------------------------------------------------------------------------
    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def is_local(self) -> bool:
        """Whether the peer is this machine: a loopback address or a unix socket."""
        return is_loopback(self.peer_ip)

    @property
    def tls(self) -> str:
        """Protocol and cipher ("TLSv1.3 TLS_AES_256_GCM_SHA384"), "" without TLS."""
        transport = self._transport
        inner: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport else None
        if inner is None:
            return ""
        cipher = inner.cipher()
        return f"{inner.version()} {cipher[0]}" if cipher else str(inner.version())

    def write(self, data: bytes | memoryview) -> None:
        """Queue output; it leaves at the end of the burst, or sooner when there is much."""
        self._out.append(data)
        self._out_octets += len(data)
        if self._out_octets >= WRITE_MARK_OCTETS:
            self.flush()

    def write_many(self, pieces: list[bytes]) -> None:
        """Queue many pieces at once."""
        self._out.extend(pieces)
        self._out_octets += sum(map(len, pieces))
        if self._out_octets >= WRITE_MARK_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Hand what is queued to the kernel."""
        out = self._out
        if not out:
            return
        octets = self._out_octets
        self._out = []
        self._out_octets = 0
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self.trace is not None:
            self.trace(TRACE_OUT, b"".join(out))
        if self._deflate is not None:
            transport.write(self._deflate.pack(b"".join(out)))
        elif len(out) == 1:
            transport.write(out[0])
        elif octets < GATHER_OCTETS:
            transport.write(b"".join(out))
        else:
            transport.writelines(out)

    @property
    def congested(self) -> bool:
        """Whether the client reads too slowly just now, so that ``drain`` would wait."""
        return self._writable is not None

    async def drain(self) -> None:
        """Flush, and wait while the client reads too slowly."""
        self.flush()
        if self._writable is not None:
            await self._writable

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go over to TLS.  What came in clear and was not read yet is dropped.  RFC 3207 §6, RFC 9051 §11.3.

        The reply that invites the client must be written before.  Raises OSError or ssl.SSLError when the
        handshake fails; the connection is then of no more use.
        """
        self.flush()
        dropped = self._backlog_octets
        self._backlog.clear()
        self._backlog_octets = 0
        if dropped:
            self.event("net.starttls.plaintext_dropped", Level.WARNING, octets=dropped)
        transport = self._transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        upgraded = await self._loop.start_tls(
            transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S
        )
        if upgraded is None:
            raise ConnectionResetError("the client went away in the handshake")
        self._transport = upgraded
        upgraded.set_write_buffer_limits(high=HIGH_WATER_OCTETS)

    @property
    def compressed(self) -> bool:
        """Whether both sides compress."""
        return self._deflate is not None

    def start_deflate(self, rest: bytes, garbled: bytes) -> None:
        """Compress from here on, both ways.  RFC 4978 §3.

        The reply that says so must be written before.  ``rest``: what the dialogue holds of what came behind the
        command, which is compressed already.  ``garbled``: the last words to a client whose bytes are no DEFLATE.
        """
        self.flush()
        self._deflate = Deflate()
        self._garbled = garbled
        self._backlog.insert(0, rest)
        self._backlog_octets += len(rest)

    def close(self) -> None:
        """Send what is queued, then hang up."""
        if not self.closing:
            self.closing = True
            self.flush()
            if self._transport is not None:
                self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self.closing = True
        if self._transport is not None:
            self._transport.abort()

    def identify(self, account: int) -> None:
        """The client has logged in; call it with the account, so that its wire can be traced from here on."""
        self._keeper.identified(self, account)

    def event(self, name: str, level: Level = Level.INFO, **fields: Value) -> None:
        """An event of this connection."""
        log.event(name, level, conn=self.id, **fields)

    def touch(self) -> None:
        """The client is alive: its patience starts anew."""
        self.deadline = self._loop.time() + self.patience_s

    # --- asyncio's side -------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_OCTETS)
        self._learn_addresses(transport)
        self.touch()
        if not self._keeper.admit(self):
            self.write(self._service.refusal())
            self.close()
            return
        self.dialogue = self._service.dialogue(self)
        self.dialogue.opened()
        self.flush()

    def _learn_addresses(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer_ip, self.peer_port = str(peer[0]).partition("%")[0].removeprefix("::ffff:"), int(peer[1])
        here = transport.get_extra_info("sockname")
        if isinstance(here, tuple):
            self.local_port = int(here[1])

    def data_received(self, data: bytes) -> None:
        self.deadline = self._loop.time() + self.patience_s
        self._keeper.heard()
        if self.trace is not None and self._deflate is None:
            self.trace(TRACE_IN, data)
        if self._busy:
            self._keep(data)
        elif self._deflate is not None:
            self._keep(data)
            if clear := self._inflate():
                self._begin(clear)
        elif not self.closing:
            self._begin(data)

    def eof_received(self) -> bool:
        """The client sends no more: what it asked so far is still answered (half-close)."""
        if self._busy:
            self._eof = True
        elif not self.closing:
            self._begin(b"")
        return not self.tls

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self._transport = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ConnectionResetError("the client has gone"))
            self._writable.exception()  # seen: nobody may be waiting
        self._writable = None
        if self._task is not None:
            self._task.cancel()
        dialogue, self.dialogue = self.dialogue, None
        if dialogue is not None:
            dialogue.closed()
        self._keeper.release(self)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- the pump -------------------------------------------------------------------------------------------
    def _keep(self, data: bytes) -> None:
        self._backlog.append(data)
        self._backlog_octets += len(data)
        if self._backlog_octets >= BACKLOG_OCTETS and self._transport is not None:
            self._transport.pause_reading()

    def prompt(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``act`` as if the client had sent something, unless a call is under way: that one looks after it."""
        if not self._busy and not self.closing and self.dialogue is not None:
            self._run(act(), asked=False)

    def _begin(self, data: bytes) -> None:
        if self.dialogue is not None:
            self._run(self.dialogue.received(data))

    def _run(self, call: Coroutine[Any, Any, None], asked: bool = True) -> None:
        """``asked``: the client waits for this, and may go on when it has it."""
        self._busy = True
        try:
            rest = eager.start(call)
        except Exception as error:  # the connection's edge: a bug must not take the server down
            self._fail(error)
            return
        if rest is None and (self._deflate is None or not (self._backlog or self._deflate.waiting)):
            self._busy = False
            self.flush()
            if asked:
                self._keeper.replied(self)
        else:
            self.flush()
            self._task = self._loop.create_task(self._go_on(rest))

    async def _go_on(self, rest: Awaitable[None] | None) -> None:
        """Finish a call that had to wait, then serve what came meanwhile."""
        try:
            if rest is not None:
                await rest
            while not self.closing and (self._backlog or self._eof) and self._deflate is None:
                if self.dialogue is None:
                    return
                await self.dialogue.received(self._take_backlog())
            await self._serve_deflated()
        except asyncio.CancelledError:
            raise
        except ConnectionError:
            self.abort()
        except Exception as error:  # the connection's edge
            self._fail(error)
        finally:
            self._task = None
            self._busy = False
            self.flush()
            self._keeper.replied(self)
            if self._transport is not None and not self.closing:
                self._transport.resume_reading()

    async def _serve_deflated(self) -> None:
        """The same where it is compressed: a little that came may be much, so others are served between pieces."""
        while self._deflate is not None and not self.closing and self.dialogue is not None:
            data = self._inflate()
            if not data and not self._eof:
                return
            if not data:
                self._eof = False
            await asyncio.sleep(0)  # before it: behind the last piece nothing waits, and a prompt is not missed
            await self.dialogue.received(data)

    def _inflate(self) -> bytes:
        """The next piece of what came, in clear; b"" when there is none.  What is garbled ends the connection."""
        deflate = self._deflate
        assert deflate is not None
        if self._backlog:
            deflate.feed(self._take_backlog())
        try:
            data = b""
            while not data and deflate.waiting:
                data = deflate.take()
        except FormatError as error:
            self.event("net.deflate.refused", Level.WARNING, service=self._service.name, error=str(error))
            self.write(self._garbled)
            self.close()
            return b""
        if self.trace is not None and data:
            self.trace(TRACE_IN, data)
        return data

    def _take_backlog(self) -> bytes:
        if not self._backlog:
            self._eof = False
            return b""
        data = b"".join(self._backlog)
        self._backlog.clear()
        self._backlog_octets = 0
        return data

    def _fail(self, error: Exception) -> None:
        self._busy = False
        detail = f"{type(error).__name__}: {error}"
        self.event("net.connection.bug", Level.ERROR, service=self._service.name, error=detail, where=_place(error))
        if self.dialogue is not None and not self.closing:
            self.dialogue.failed()
        self.close()

    def dismiss(self) -> None:
        """The server stops.  A client whose command runs is not spoken to in the middle of its answer."""
        if self.dialogue is not None and not self._busy and not self.closing:
            self.dialogue.stopping()
        self.close()

    def expire(self) -> None:
        """The sweep found this connection silent for too long."""
        if self.closing:  # it was told, and does not read that either
            self.abort()
            return
        self.event("net.connection.expired", service=self._service.name)
        if self.dialogue is not None:
            self.dialogue.expired()
        self.close()


HANDSHAKE_TIMEOUT_S: Final = 30.0
"""Longest TLS handshake; RFC 5321 §4.5.3.2 has no figure, mail servers use 30–60 s."""


def _place(error: BaseException) -> str:
    """File and line where ``error`` was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
