"""CPU of handing mail on: microseconds a message of the client's process, over one connection on loopback.

    .venv/bin/python -m bench.micro_smtp_client [messages] [octets] [--loop asyncio] [--profile]

The other side is a process of its own that takes everything; it offers what each row says.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import multiprocessing
import pstats
import socket
import time
from typing import cast

import uvloop

from bench.micro_smtp import message
from courriel.model.attempt import Result
from courriel.net.tls_policy import CLEAR
from courriel.smtp.client import ClientSettings, Outgoing, Peer, SmtpClient, outgoing

EAGER = ClientSettings(eager_octets=65_536)
ROWS = (
    ("DATA, one command after another", (), ClientSettings()),
    ("DATA, pipelined", ("PIPELINING",), ClientSettings()),
    ("BDAT", ("PIPELINING", "CHUNKING"), ClientSettings()),
    ("BDAT, eager", ("PIPELINING", "CHUNKING"), EAGER),
)


class _Sink(asyncio.Protocol):
    """Counts lines and octets, and says 250 to all of it."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._buffer = b""
        self._left = 0
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        out = []
        while (reply := self._next()) is not None:
            out.append(reply)
        self._transport.write(b"".join(out))

    def _next(self) -> bytes | None:
        if self._left:
            taken = min(self._left, len(self._buffer))
            self._buffer, self._left = self._buffer[taken:], self._left - taken
            return None if self._left else b"250 2.0.0 Ok\r\n"
        if self._in_data:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return None
            self._buffer, self._in_data = self._buffer[end + 5 :], False
            return b"250 2.0.0 Ok: queued as 4DnQvB1Wz\r\n"
        line, end_of_line, rest = self._buffer.partition(b"\r\n")
        if not end_of_line:
            return None
        self._buffer = rest
        if line.startswith(b"EHLO"):
            return "".join(f"250-{word}\r\n" for word in ("sink", *self._words)).encode() + b"250 SIZE\r\n"
        if line == b"DATA":
            self._in_data = True
            return b"354 go on\r\n"
        if line.startswith(b"BDAT"):
            self._left = int(line.split()[1])
            return self._next()
        return b"250 2.1.0 Ok\r\n"


def _serve(listening: socket.socket, words: tuple[str, ...]) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Sink(words), sock=listening)
        await server.serve_forever()

    uvloop.run(run())


async def _send(port: int, settings: ClientSettings, mail: Outgoing, messages: int) -> float:
    client = await SmtpClient.connect(Peer("127.0.0.1", port, policy=CLEAR), settings=settings)
    begun = 0.0
    for number in range(messages + 200):
        if number == 200:
            begun = time.process_time()
        (attempt,) = await client.send(mail)
        assert attempt.result is Result.DELIVERED, attempt
    spent = time.process_time() - begun
    await client.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=int, nargs="?", default=5_000)
    parser.add_argument("octets", type=int, nargs="?", default=4_096)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    mail = outgoing("sender@example.org", ["alice@courriel.test"], message(options.octets))
    for title, words, settings in ROWS:
        listening = socket.create_server(("127.0.0.1", 0))
        sink = multiprocessing.Process(target=_serve, args=(listening, words), daemon=True)
        sink.start()
        port = listening.getsockname()[1]
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        run = uvloop.run if options.loop == "uvloop" else asyncio.run
        spent = run(_send(port, settings, mail, options.messages))
        profile.disable()
        sink.kill()
        print(f"{title:34} {spent / options.messages * 1e6:6.1f} µs a message")
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
