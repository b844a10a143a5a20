"""Whether clients can be told apart here at all.

In a container whose ports are published by its host, every client may seem to come from the gateway of the container's
network.  Trust by address would then mean trust in the whole internet: an open relay.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from courriel.base.errors import CourrielError
from courriel.model.device import Device, Fleet

CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman put into a container."""

ROUTES: Final = Path("/proc/net/route")


class BehindGateway(CourrielError):
    """Devices are trusted by an address that strangers may seem to have."""


def check(devices: Iterable[Device], marks: Iterable[Path] = CONTAINER_MARKS, routes: Path = ROUTES) -> None:
    """Raises BehindGateway when a device's network holds the gateway of this container."""
    if not any(mark.exists() for mark in marks):
        return
    fleet = Fleet(devices)
    for gateway in gateways(routes):
        device = fleet.at(gateway)
        if device is not None:
            raise BehindGateway(
                f"device {device.name} is trusted at {gateway}, the gateway of this container: every client may seem"
                " to come from there. Give the device a smaller network, or run with the host's network"
                " (docker run --network host)"
            )


def gateways(routes: Path = ROUTES) -> list[str]:
    """IPv4 gateways of this machine, from the kernel's table (proc(5), /proc/net/route: hexadecimal, host order)."""
    try:
        lines = routes.read_text("ascii").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return []
    found: dict[str, None] = {}
    for line in lines:
        words = line.split()
        if len(words) > 3 and len(words[2]) == 8 and words[2] != "00000000":
            found[socket.inet_ntoa(struct.pack("=L", int(words[2], 16)))] = None
    return list(found)
