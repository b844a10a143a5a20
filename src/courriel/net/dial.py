"""Connecting to the first of several addresses that answers.  RFC 8305 §5 ("happy eyeballs").

A server with a dead IPv6 address costs a quarter of a second, not a connect time-out.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

NEXT_S: Final = 0.25
"""``dial.next``: the next address is tried beside those before after this, or as soon as one fails.  RFC 8305 §5."""


class NoAnswer(OSError):
    """Nobody took the call; ``ip`` is the address that failed last, the text says why."""

    def __init__(self, ip: str, why: str) -> None:
        super().__init__(why)
        self.ip = ip


async def dial(ips: Sequence[str], port: int, limit_s: float, next_s: float = NEXT_S) -> tuple[str, socket.socket]:
    """The first of ``ips`` (at least one) that takes a TCP connection, and that connection; the caller closes it.

    Raises NoAnswer when all have failed, or none has answered within ``limit_s``.
    """
    race = _Race(ips, port)
    try:
        async with asyncio.timeout(limit_s):
            return await race.run(next_s)
    except TimeoutError:
        raise NoAnswer(ips[-1], "no answer to the connection in time") from None
    finally:
        await race.end()


class _Race:
    def __init__(self, ips: Sequence[str], port: int) -> None:
        self._waiting = deque(ips)
        self._port = port
        self._running: dict[asyncio.Task[socket.socket], str] = {}

    async def run(self, next_s: float) -> tuple[str, socket.socket]:
        failure = NoAnswer("", "no address")
        while self._waiting or self._running:
            if self._waiting:
                ip = self._waiting.popleft()
                self._running[asyncio.create_task(_connect(ip, self._port))] = ip
            done, _ = await asyncio.wait(
                self._running, timeout=next_s if self._waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (error := task.exception()) is None:
                    return self._running.pop(task), task.result()
                failure = NoAnswer(self._running.pop(task), str(error) or type(error).__name__)
        raise failure

    async def end(self) -> None:
        """Whoever lost hangs up."""
        for task in self._running:
            task.cancel()
        for outcome in await asyncio.gather(*self._running, return_exceptions=True):
            if isinstance(outcome, socket.socket):
                outcome.close()


async def _connect(ip: str, port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        door.setblocking(False)
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(door, (ip, port))
    except BaseException:
        door.close()
        raise
    return door
