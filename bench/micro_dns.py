"""The resolver: processor time of an answer from memory, and of answers that need servers.

    .venv/bin/python -m bench.micro_dns [--profile]

The server is another process on the loopback that sends answers made before, so that what is measured is ours:
``wall`` has its share, ``cpu`` is of this process alone.  ``cold`` validates root, TLD and zone from nothing;
``warm`` knows the zone and asks for one more name; ``cached`` asks for the same name again.
"""

from __future__ import annotations

import asyncio
import cProfile
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import dns.message

from courriel.base.clock import ManualClock
from courriel.net.dns import DnsSettings, ValidatingResolver, open_resolver
from tests.net.dns.tree import NOW, Tree

COLD_TURNS = 100
WARM_TURNS = 300
CACHED_TURNS = 20_000
HEADER_OCTETS = 12


def tree(algorithm: int) -> Tree:
    """Root, TLD and zone, all of one algorithm."""
    made = Tree()
    made.add(".", "", algorithm=algorithm)
    made.add("test.", "ns A 127.0.0.1\n", "optout", algorithm=algorithm)
    hosts = "".join(f"h{n} A 192.0.2.{n % 250}\n" for n in range(WARM_TURNS))
    made.add("zone.test.", f"@ MX 10 h0\n{hosts}", algorithm=algorithm)
    return made.sign()


def serve(made: Tree, port: Connection) -> None:
    """Answers for ever, from memory after the first time; id and spelling of the name are the question's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        port.send(door.getsockname()[1])
        known: dict[bytes, bytes] = {}
        while True:
            wire, source = door.recvfrom(4_096)
            end = wire.index(b"\0", HEADER_OCTETS) + 5
            question = wire[HEADER_OCTETS:end]
            if question.lower() not in known:
                known[question.lower()] = made.answer(dns.message.from_wire(wire)).to_wire(max_size=4_096)
            answer = known[question.lower()]
            door.sendto(wire[:2] + answer[2:HEADER_OCTETS] + question + answer[end:], source)


async def timed(act: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Wall and processor time, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    await act()
    return time.perf_counter() - wall, time.process_time() - cpu


def row(what: str, figures: list[tuple[float, float]], unit: str, scale: float) -> None:
    wall, cpu = (statistics.median(column) * scale for column in zip(*figures, strict=True))
    print(f"  {what:36}{wall:10.2f} {unit} wall{cpu:10.2f} {unit} cpu", flush=True)


async def measure(open_one: Callable[[], ValidatingResolver]) -> None:
    async def cold() -> None:
        resolver = open_one()
        assert (await resolver.mx("zone.test")).secure
        await resolver.close()

    await cold()
    row("cold: root, TLD, zone", [await timed(cold) for _ in range(COLD_TURNS)], "ms", 1e3)
    for _ in ("the server makes its answers", "the server has them"):
        resolver = open_one()
        await resolver.mx("zone.test")
        warm = [await timed(lambda n=n, one=resolver: one.a(f"h{n}.zone.test")) for n in range(1, WARM_TURNS)]
    row("warm: one more name of the zone", warm, "ms", 1e3)

    async def cached() -> None:
        for _ in range(CACHED_TURNS):
            await resolver.mx("zone.test")

    row("cached", [await timed(cached) for _ in range(5)], "µs", 1e6 / CACHED_TURNS)
    await resolver.close()


def main() -> None:
    for name, algorithm in (("ECDSA P-256", 13), ("RSA-2048, SHA-256", 8)):
        made = tree(algorithm)
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(made, theirs), daemon=True)
        server.start()
        settings = DnsSettings(servers=(f"127.0.0.1:{ours.recv()}",), anchors=(made.anchor(),))
        print(name)
        profile = cProfile.Profile()
        if "--profile" in sys.argv:
            profile.enable()
        asyncio.run(measure(lambda settings=settings: open_resolver(settings, ManualClock(NOW))))
        profile.disable()
        if "--profile" in sys.argv:
            profile.print_stats("tottime")
        server.terminate()


if __name__ == "__main__":
    main()
