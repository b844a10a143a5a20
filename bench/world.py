"""Many mail servers in one process: each address of the loopback is one, and some of them are ill.

    python -m bench.world PORT DESTINATIONS [ill]       answers a line on standard input with the mails taken so far

Destination n is 127.0.(1 + n / 250).(1 + n % 250), as in ``smtpload -a``.  With "ill" one in ten is, in one of four
ways by turns: nobody listens, nothing is ever said, every reply takes its time, every recipient is put off.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

ILL_OF: Final = 10
SLOW_S: Final = 5.0

ABSENT, MUTE, SLOW, PUTS_OFF = range(4)


def address(destination: int) -> str:
    return f"127.0.{1 + destination // 250}.{1 + destination % 250}"


def illness(destination: int) -> int | None:
    """What a destination suffers from, None when it is well."""
    return destination // ILL_OF % 4 if destination % ILL_OF == ILL_OF - 1 else None


class World:
    """``taken`` counts the mails of those who are well."""

    def __init__(self) -> None:
        self.taken = 0

    def host(self, ill: int | None) -> Callable[[], Host]:
        return lambda: Host(self, ill)


class Host(asyncio.Protocol):
    """One connection to one server; it knows just enough SMTP."""

    def __init__(self, world: World, ill: int | None) -> None:
        self._world, self._ill = world, ill
        self._seen, self._in_data = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._ill != MUTE:
            self._say(b"220 world ESMTP\r\n")

    def _say(self, replies: bytes) -> None:
        if self._ill == SLOW:
            asyncio.get_running_loop().call_later(SLOW_S, self._transport.write, replies)
        else:
            self._transport.write(replies)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        replies = []
        while True:
            end = self._seen.find(b"\r\n.\r\n" if self._in_data else b"\r\n")
            if end < 0:
                break
            line, self._seen = self._seen[:end], self._seen[end + (5 if self._in_data else 2) :]
            replies.append(self._answer(line))
        if replies:
            self._say(b"".join(replies))

    def _answer(self, line: bytes) -> bytes:
        if self._in_data:
            self._in_data = False
            self._world.taken += self._ill is None
            return b"250 2.0.0 taken\r\n"
        verb = line[:4].upper()
        if verb == b"DATA":
            self._in_data = self._ill != PUTS_OFF
            return b"354 go on\r\n" if self._in_data else b"554 5.5.1 no recipients\r\n"
        if verb == b"EHLO":
            return b"250-world\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"RCPT" and self._ill == PUTS_OFF:
            return b"450 4.2.1 not now\r\n"
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"


async def serve(port: int, destinations: int, some_are_ill: bool) -> None:
    loop, world = asyncio.get_running_loop(), World()
    for destination in range(destinations):
        ill = illness(destination) if some_are_ill else None
        if ill != ABSENT:
            await loop.create_server(world.host(ill), address(destination), port, backlog=1_024)
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(world.taken, flush=True)


class Seen:
    """What a running world has seen."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def taken(self) -> int:
        """Mails taken so far by those who are well."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def world(port: int, destinations: int, *, ill: bool = False) -> Iterator[Seen]:
    """The servers, as long as the block lasts."""
    argv = [sys.executable, "-m", "bench.world", str(port), str(destinations), *(["ill"] if ill else [])]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise OSError("the world did not begin")
        yield Seen(process)
    finally:
        process.kill()
        process.wait(60)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), "ill" in sys.argv[3:]))
