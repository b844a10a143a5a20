"""CPU of one POP3 session that fetches a whole maildrop: microseconds a RETR, server's thread alone.

    .venv/bin/python -m bench.micro_pop3 [null|sqlite] [messages] [octets]

The client is a thread of the same process that only reads; the figure is the CPU time of the loop's thread.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from pathlib import Path

from courriel.model.ids import AccountId, MessageId
from tests.pop3.house import build, listening


def _drain(port: int, messages: int) -> float:
    link = socket.create_connection(("127.0.0.1", port))
    link.sendall(b"USER alice\r\nPASS secret\r\n")
    answer = b""
    while answer.count(b"\n") < 3:
        answer += link.recv(65536)
    started = time.perf_counter()
    for first in range(1, messages + 1, 1000):
        link.sendall(b"".join([b"RETR %d\r\n" % n for n in range(first, min(first + 1000, messages + 1))]))
        seen = 0
        tail = b""
        while seen < min(1000, messages + 1 - first):
            data = tail + link.recv(1 << 20)
            seen += data.count(b"\r\n.\r\n")
            tail = b"" if data.endswith(b"\r\n.\r\n") else data[-4:]
    link.close()
    return time.perf_counter() - started


async def main(kind: str, messages: int, octets: int) -> None:
    """``kind`` null: the store's part is a dictionary, what is left is POP3's own cost."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        house = await build("sqlite" if kind == "sqlite" else "memory", Path(directory))
        content = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * (octets // 18)
        await house.deliver("alice", *[content] * messages)
        if kind == "null":

            async def read(account: AccountId, message: MessageId) -> bytes:
                return content

            house.store.read = read  # type: ignore[method-assign]
        async with listening(house) as port:
            for _ in range(3):
                before = time.thread_time()
                seconds = await asyncio.to_thread(_drain, port, messages)
                cpu_us = (time.thread_time() - before) / messages * 1e6
                print(
                    f"{kind}: {messages} RETR of {len(content)} octets: "
                    f"{cpu_us:.1f} us CPU each, {messages / seconds:.0f}/s"
                )


if __name__ == "__main__":
    kind, messages, octets = [*sys.argv[1:], *("null", "10000", "4600")[len(sys.argv) - 1 :]]
    asyncio.run(main(kind, int(messages), int(octets)))
