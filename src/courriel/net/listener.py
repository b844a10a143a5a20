"""Ports that are open, who may come in, and who has been silent too long.

One coarse sweep per listener replaces a timer per connection (PERFORMANCE, rule 6).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from courriel.base.log import Level, log
from courriel.base.networks import network_of
from courriel.net.connection import HANDSHAKE_TIMEOUT_S, Connection, Service
from courriel.net.vigil import Vigil

SWEEP_S: Final = 5.0
"""How often silent connections are looked for; a time-out is exact to this much."""

BACKLOG: Final = 1024
"""Connections the kernel keeps while we are busy."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections there is room for.

    ``per_network`` counts an IPv4 address or an IPv6 /64 as one; this machine itself is not counted.
    """

    connections: int = 20_000
    per_network: int = 200


def _bound_unix(path: Path) -> socket.socket:
    """A unix socket at ``path``, whatever an earlier run left there."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o660)
    return listening


class Tracer(Protocol):
    """Who may want to see the wire of an account's connections."""

    def trace(self, connection: Connection, account: int) -> Callable[[str, bytes], None] | None:
        """Where this connection's bytes should go as well, None for nowhere."""
        ...


class Listener:
    """One open port (or unix socket) of one service."""

    def __init__(self, service: Service, room: Room = Room(), tracer: Tracer | None = None) -> None:
        self.service = service
        self._room = room
        self._tracer = tracer
        self._connections: set[Connection] = set()
        self._networks: Counter[str] = Counter()
        self._server: asyncio.AbstractServer | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._vigil: Vigil | None = None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def open_tcp(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on ``host:port`` (0: any free port); TLS from the first byte when a context is given.

        Returns the port.  Raises OSError when it cannot be bound.
        """
        loop = self._awaken()
        handshake = HANDSHAKE_TIMEOUT_S if tls is not None else None
        server = await loop.create_server(
            self._connection, host, port, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=handshake
        )
        self._started(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def open_unix(self, path: Path) -> None:
        """Listen on a unix socket that only its owner and group can reach."""
        loop = self._awaken()
        listening = _bound_unix(path)
        self._started(await loop.create_unix_server(self._connection, sock=listening, backlog=BACKLOG))

    def _awaken(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = asyncio.get_running_loop()
        self._vigil = Vigil(loop)
        return loop

    def _connection(self) -> Connection:
        assert self._loop is not None
        return Connection(self._loop, self.service, self)

    def _started(self, server: asyncio.AbstractServer) -> None:
        assert self._loop is not None
        self._server = server
        self._sweep = self._loop.call_later(SWEEP_S, self._sweep_silent)

    def admit(self, connection: Connection) -> bool:
        """Count a new connection; False when there is no room."""
        network = network_of(connection.peer_ip)
        crowded = not connection.is_local and self._networks[network] >= self._room.per_network
        if crowded or len(self._connections) >= self._room.connections:
            log.event("net.connection.refused", Level.WARNING, service=self.service.name, ip=connection.peer_ip)
            return False
        self._connections.add(connection)
        self._networks[network] += 1
        log.count("net.connection.opened")
        return True

    def release(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        network = network_of(connection.peer_ip)
        self._networks[network] -= 1
        if self._networks[network] <= 0:
            del self._networks[network]

    def identified(self, connection: Connection, account: int) -> None:
        """A client has logged in: trace it if somebody asked for that."""
        if self._tracer is not None:
            connection.trace = self._tracer.trace(connection, account)

    def heard(self) -> None:
        """A client has sent something."""
        if self._vigil is not None:
            self._vigil.heard()

    def replied(self, connection: Connection) -> None:
        """Its client has its answer and may go on."""
        if self._vigil is not None:
            self._vigil.replied(connection.id)

    def _sweep_silent(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for connection in [one for one in self._connections if one.deadline < now]:
            connection.expire()
        self._sweep = self._loop.call_later(SWEEP_S, self._sweep_silent)

    def stop(self) -> None:
        """Take no new connections; the open ones go on."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Take no new connections, and hang up on the open ones."""
        self.stop()
        for connection in list(self._connections):
            connection.dismiss()
