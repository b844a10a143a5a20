"""Where the hosts of a scenario live: a network of its own with the real ports where we may, else the loopback.

As root each scenario runs in a thread with a network namespace of its own: what it starts lives there too, and all
of it is gone with the last process.  Elsewhere hosts are addresses 127.0.N.n with ports above 1023.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.trial import free_port

CLONE_NEWNET = 0x4000_0000


@dataclass(frozen=True)
class Network:
    """``own``: a namespace.  Host 1 is the DNS server."""

    own: bool
    smtp: int
    dns: int
    https: int

    def ip(self, host: int) -> str:
        return f"192.0.2.{host}" if self.own else f"127.0.77.{host}"


def inside(act: Callable[[Network], None], hosts: int) -> None:
    """Run ``act`` in a network with that many hosts; what it raises is raised here."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act(_enter(hosts))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _enter(hosts: int) -> Network:
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
        return Network(False, free_port(), free_port(), free_port())
    network = Network(True, 25, 53, 443)
    for words in (["link", "set", "lo", "up"], *(["addr", "add", network.ip(n), "dev", "lo"] for n in range(hosts))):
        subprocess.run(["ip", *words], check=True, capture_output=True)
    return network
