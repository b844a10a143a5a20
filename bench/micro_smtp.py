"""CPU of taking mail: microseconds a message, of the loop's thread (and of the whole process for sqlite).

    .venv/bin/python -m bench.micro_smtp [null|memory|sqlite] [connections] [messages] [octets] [--profile]
    .venv/bin/python -m bench.micro_smtp [null|memory] 1 [messages] [octets] --no-kernel [--profile]

``null`` answers for delivery at once: what is left is SMTP's own cost and the kernel's.  The client is a process of
its own that keeps ``connections`` open and speaks without pipelining, as most senders do between DATA and the dot.
"""

from __future__ import annotations

import asyncio
import cProfile
import multiprocessing
import pstats
import selectors
import socket
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.transit import Fate, Outcome, Receipt
from courriel.net.connection import Connection
from tests.smtp.house import build, listening

ENVELOPE = (b"MAIL FROM:<sender@example.org> SIZE=4096\r\n", b"RCPT TO:<alice@courriel.test>\r\n", b"DATA\r\n")


class Null:
    """An intake that takes everything and keeps nothing."""

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None: ...

    async def check_recipient(
        self, door: Door, client: Client, sender: Address, recipient: Recipient, declared_octets: int | None = None
    ) -> None: ...

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        outcomes = tuple([Outcome(recipient, Fate.DELIVERED) for recipient in envelope.recipients])
        return Receipt("00000000000000000000", outcomes)


def message(octets: int) -> bytes:
    """multipart/alternative, about ``octets`` long."""
    head = (
        b"From: Some Sender <sender@example.org>\r\nTo: Alice <alice@courriel.test>\r\nSubject: Minutes of Tuesday\r\n"
        b"Date: Tue, 24 Nov 2026 06:00:00 +0000\r\nMessage-ID: <20261124060000.abc@example.org>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=bb\r\n"
        b"Received: from a.example by b.example; Tue, 24 Nov 2026 05:59:59 +0000\r\n\r\n"
    )
    line = b"The quick brown fox jumps over the lazy dog, and does so again and again.\r\n"
    half = line * ((octets - len(head) - 140) // 2 // len(line))
    parts = b"--bb\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + half
    parts += b"--bb\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + half + b"--bb--\r\n"
    return head + parts


class _Sender:
    """One connection's script."""

    def __init__(self, port: int, content: bytes) -> None:
        self.link = socket.create_connection(("127.0.0.1", port))
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = [*ENVELOPE, content + b".\r\n"]
        self.link.recv(65536)
        self.link.sendall(b"EHLO bench.example\r\n")
        self.link.recv(65536)
        self.at = 0

    def go_on(self) -> bool:
        """Send the next line; whether that ended a message's answer."""
        self.link.sendall(self.lines[self.at])
        self.at = (self.at + 1) % len(self.lines)
        return self.at == 1


def drive(port: int, connections: int, messages: int, octets: int) -> None:
    """Send ``messages`` over ``connections``."""
    senders = [_Sender(port, message(octets)) for _ in range(connections)]
    selector = selectors.DefaultSelector()
    for sender in senders:
        selector.register(sender.link, selectors.EVENT_READ, sender)
        sender.go_on()
    done = 0
    while done < messages:
        for key, _ in selector.select():
            reply = key.data.link.recv(65536)
            assert reply[:1] in b"23", reply
            done += key.data.at == 0
            key.data.go_on()


class Hole(asyncio.Transport):
    """A transport whose other end forgets everything."""

    def write(self, data: object) -> None: ...

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


class Open:
    """A keeper that lets everyone in."""

    def admit(self, connection: Connection) -> bool:
        return True

    def release(self, connection: Connection) -> None: ...

    def identified(self, connection: Connection, account: int) -> None: ...

    def heard(self) -> None: ...

    def replied(self, connection: Connection) -> None: ...


async def without_a_kernel(kind: str, messages: int, octets: int, profiler: cProfile.Profile | None) -> None:
    """The same conversation over a transport in memory: what Python costs, in four pieces as over a socket."""
    house = await build(intake=Null() if kind == "null" else None)
    connection = Connection(asyncio.get_running_loop(), house.mx, Open())
    connection.connection_made(Hole({"peername": ("192.0.2.1", 25)}))
    connection.data_received(b"EHLO bench.example\r\n")
    pieces = [*ENVELOPE, message(octets) + b".\r\n"]
    for _ in range(5):
        if profiler:
            profiler.enable()
        before = time.thread_time()
        for _ in range(messages):
            for piece in pieces:
                connection.data_received(piece)
        cpu = time.thread_time() - before
        if profiler:
            profiler.disable()
        print(f"{kind}, no kernel: {messages} messages of {octets} octets: {cpu / messages * 1e6:.1f} us CPU each")
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


async def main(kind: str, connections: int, messages: int, octets: int, profile: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        intake = Null() if kind == "null" else None
        house = await build("sqlite" if kind == "sqlite" else "memory", Path(directory), intake=intake)
        async with listening(house) as port:
            for _ in range(3):
                process = multiprocessing.Process(target=drive, args=(port, connections, messages, octets))
                process.start()
                profiler = cProfile.Profile() if profile else None
                if profiler:
                    profiler.enable()
                thread, whole, wall = time.thread_time(), time.process_time(), time.perf_counter()
                await asyncio.to_thread(process.join)
                thread, whole = time.thread_time() - thread, time.process_time() - whole
                wall = time.perf_counter() - wall
                if profiler:
                    profiler.disable()
                    pstats.Stats(profiler).sort_stats("tottime").print_stats(28)
                each = 1e6 / messages
                print(
                    f"{kind}: {messages} messages of {len(message(octets))} octets on {connections} connections: "
                    f"loop {thread * each:.0f} us, process {whole * each:.0f} us CPU each, {messages / wall:.0f}/s"
                )


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    kind, connections, messages, octets = words + ["null", "50", "5000", "4096"][len(words) :]
    multiprocessing.set_start_method("spawn")
    uvloop.install()
    if "--no-kernel" in sys.argv:
        profiler = cProfile.Profile() if "--profile" in sys.argv else None
        asyncio.run(without_a_kernel(kind, int(messages), int(octets), profiler))
    else:
        asyncio.run(main(kind, int(connections), int(messages), int(octets), "--profile" in sys.argv))
