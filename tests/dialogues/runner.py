"""Dialogues: text files that anyone can read, played against a service in memory and over a socket.

A file has one step a line; blank lines and lines that begin with ``#`` are passed over.

=====================  =======================================================================================
``A: text``            client A sends ``text`` and CRLF; A is connected when it is first named
``A| text``            the same without CRLF, with Python's backslash escapes (``\\x00``, ``\\r\\n``)
``A< pattern``         the server's next line to A matches; ``…`` in a pattern stands for anything in the line
``A< …``               a line of only ``…``: any number of lines (none too), up to the next pattern of A
``A closed``           the server has closed A's connection, after nothing more than matched before
``A quiet``            the server has sent nothing more so far
``A eof``              A sends no more (half-close)
``A hangs up``         A closes its end
``A starttls``         A makes the TLS handshake now
``A deflate``          from here on A compresses what it sends, and inflates what comes
``word arguments``     anything else is an action the stage offers, ``deliver alice hello.eml`` for one
=====================  =======================================================================================

Connections have names of capital letters and digits (``A``, ``B2``).  The service is whatever the ``Stage`` opens.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest

from courriel.net.connection import Connection, Service

F = TypeVar("F", bound=Callable[..., object])

PATIENCE_S = 10.0
"""A server that says nothing for so long has failed the test; never waited for when all is well."""

STEP = re.compile(r"([A-Z][A-Z0-9]*)(?:(: ?|\| ?|< ?)(.*)|( closed| quiet| eof| hangs up| starttls| deflate))$")


class Step(msgspec.Struct, frozen=True):
    """One line of a dialogue: ``verb`` is one of ``: | < closed quiet eof hangs-up starttls deflate action``."""

    line: int
    who: str
    verb: str
    text: str


def parse(text: str) -> list[Step]:
    """The steps of a dialogue file."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = STEP.match(line)
        if match is None:
            word, _, rest = line.partition(" ")
            steps.append(Step(number, word, "action", rest))
        elif match[2]:
            steps.append(Step(number, match[1], match[2].strip(), match[3]))
        else:
            steps.append(Step(number, match[1], match[4].strip().replace(" ", "-"), ""))
    return steps


class Link(Protocol):
    """One client's end of a connection."""

    def send(self, data: bytes) -> None: ...

    async def line(self) -> bytes | None:
        """The next line with its line end; None when the server has closed."""
        ...

    def waiting(self) -> bytes:
        """What came and was not read yet."""
        ...

    def eof(self) -> None: ...

    async def start_tls(self) -> None: ...

    def start_deflate(self) -> None: ...

    def close(self) -> None: ...


class _Lines:
    """Bytes from a server, cut into lines as they are asked for."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.came = asyncio.Event()
        self._inflater: zlib._Decompress | None = None
        self._deflater: zlib._Compress | None = None

    def feed(self, data: bytes) -> None:
        self.data += self._inflater.decompress(data) if self._inflater else data
        self.came.set()

    def start_deflate(self) -> None:
        self._inflater, self._deflater = zlib.decompressobj(-zlib.MAX_WBITS), zlib.compressobj(wbits=-zlib.MAX_WBITS)
        rest, self.data = self.data, b""
        self.feed(rest)

    def packed(self, data: bytes) -> bytes:
        """As it goes to the server."""
        deflater = self._deflater
        return deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH) if deflater else data

    def end(self) -> None:
        self.ended = True
        self.came.set()

    async def line(self) -> bytes | None:
        while b"\n" not in self.data:
            if self.ended:
                rest, self.data = self.data, b""
                return rest or None
            self.came.clear()
            async with asyncio.timeout(PATIENCE_S):
                await self.came.wait()
        cut = self.data.index(b"\n") + 1
        line, self.data = self.data[:cut], self.data[cut:]
        return line


class _MemoryTransport(asyncio.Transport):
    """A transport whose other end is a list of lines."""

    def __init__(self, lines: _Lines, ip: str) -> None:
        super().__init__({"peername": (ip, 1), "sockname": ("127.0.0.1", 2)})
        self.lines = lines
        self.protocol: Connection | None = None
        self._closing = False

    def write(self, data: Any) -> None:
        self.lines.feed(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._lost)

    abort = close

    def _lost(self) -> None:
        self.lines.end()
        if self.protocol is not None:
            self.protocol.connection_lost(None)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


class _Open:
    """A keeper that lets everyone in."""

    def admit(self, connection: Connection) -> bool:
        return True

    def release(self, connection: Connection) -> None: ...

    def identified(self, connection: Connection, account: int) -> None: ...

    def heard(self) -> None: ...

    def replied(self, connection: Connection) -> None: ...


class MemoryLink:
    """A connection without a socket."""

    def __init__(self, service: Service, ip: str = "127.0.0.1") -> None:
        self._lines = _Lines()
        self._transport = _MemoryTransport(self._lines, ip)
        self._server = Connection(asyncio.get_running_loop(), service, _Open())
        self._transport.protocol = self._server
        self._server.connection_made(self._transport)

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._server.data_received(self._lines.packed(data))

    async def line(self) -> bytes | None:
        return await self._lines.line()

    def waiting(self) -> bytes:
        return self._lines.data

    def eof(self) -> None:
        if not self._server.eof_received():
            self._transport.close()

    async def start_tls(self) -> None:
        raise NotImplementedError("TLS needs a socket")

    def start_deflate(self) -> None:
        self._lines.start_deflate()

    def close(self) -> None:
        self._transport.close()


class SocketLink(asyncio.Protocol):
    """A connection over a real socket.  ``tls`` is for ``starttls``."""

    def __init__(self, tls: ssl.SSLContext | None = None, server_name: str = "localhost") -> None:
        self._lines = _Lines()
        self._tls = tls
        self._server_name = server_name
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> SocketLink:
        _, link = await asyncio.get_running_loop().create_connection(lambda: cls(tls), host, port)
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._lines.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.end()

    def send(self, data: bytes) -> None:
        assert self._transport
        self._transport.write(self._lines.packed(data))

    async def line(self) -> bytes | None:
        return await self._lines.line()

    def waiting(self) -> bytes:
        return self._lines.data

    def eof(self) -> None:
        assert self._transport
        self._transport.write_eof()

    async def start_tls(self) -> None:
        assert self._transport and self._tls
        self._transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, self._tls, server_hostname=self._server_name
        )

    def start_deflate(self) -> None:
        self._lines.start_deflate()

    def close(self) -> None:
        if self._transport:
            self._transport.close()


Action = Callable[[str], Awaitable[None]]


@dataclass
class Stage:
    """Where a dialogue is played: how to connect, and what else a line may ask for."""

    connect: Callable[[], Awaitable[Link]]
    actions: dict[str, Action] = field(default_factory=dict)


def matches(pattern: str, line: bytes) -> bool:
    """Whether a line without its end matches; ``…`` stands for anything."""
    expression = b".*?".join(re.escape(piece) for piece in pattern.encode().split("…".encode()))
    return re.fullmatch(expression, line, re.DOTALL) is not None


class Player:
    """Plays one dialogue."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._links: dict[str, Link] = {}
        self._skipping: set[str] = set()

    async def play(self, steps: list[Step]) -> None:
        """Raises AssertionError with the file's line where the server differs."""
        try:
            for step in steps:
                await self._step(step)
        finally:
            for link in self._links.values():
                link.close()

    async def _step(self, step: Step) -> None:
        if step.verb == "action":
            action = self._stage.actions.get(step.who)
            assert action, f"line {step.line}: no action {step.who!r}"
            await action(step.text)
            return
        link = self._links.get(step.who)
        if link is None:
            link = self._links[step.who] = await self._stage.connect()
        if step.verb == ":":
            link.send(step.text.encode() + b"\r\n")
        elif step.verb == "|":
            link.send(step.text.encode().decode("unicode_escape").encode("latin-1"))
        elif step.verb == "<":
            await self._expect(step, link)
        elif step.verb == "closed":
            await self._expect_closed(step, link)
        elif step.verb == "quiet":
            await asyncio.sleep(0)
            assert link.waiting() == b"", f"line {step.line}: the server said {link.waiting()!r}"
        elif step.verb == "eof":
            link.eof()
        elif step.verb == "starttls":
            await link.start_tls()
        elif step.verb == "deflate":
            link.start_deflate()
        else:
            link.close()

    async def _expect(self, step: Step, link: Link) -> None:
        if step.text.strip() == "…":
            self._skipping.add(step.who)
            return
        passed = []
        while True:
            line = await self._line(step, link)
            if line is None:
                raise AssertionError(f"line {step.line}: closed, expected {step.text!r}; passed over {passed}")
            if matches(step.text, line.rstrip(b"\r\n")):
                self._skipping.discard(step.who)
                return
            passed.append(line)
            if step.who not in self._skipping:
                raise AssertionError(f"line {step.line}: expected {step.text!r}, got {line!r}")

    async def _line(self, step: Step, link: Link) -> bytes | None:
        try:
            return await link.line()
        except TimeoutError:
            raise AssertionError(f"line {step.line}: silence, expected {step.text!r}") from None

    async def _expect_closed(self, step: Step, link: Link) -> None:
        line = await self._line(step, link)
        while line is not None and step.who in self._skipping:
            line = await self._line(step, link)
        assert line is None, f"line {step.line}: expected a close, got {line!r}"


def everywhere(directory: Path) -> Callable[[F], F]:
    """Runs a test for each dialogue of ``directory``, in memory and over a socket, on the memory and SQLite store."""

    def mark(test: F) -> F:
        each = pytest.mark.parametrize("path", sorted(directory.glob("*.txt")), ids=lambda path: path.stem)
        on = pytest.mark.parametrize("kind", ["memory", "sqlite"])
        by = pytest.mark.parametrize("way", ["memory", "socket"])
        return on(by(each(test)))

    return mark
