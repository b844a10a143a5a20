"""Devices that send mail: printers, NAS boxes, alarms.  They log in, or are known by where they are.  Pure.

Only addresses that cannot be reached from the internet may be trusted so (RFC 1918, RFC 4193, loopback, link-local):
on any other network a device has to log in.  One that has a login is never trusted by its address alone; its networks
then say from where its password may come in clear.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from courriel.base.errors import FormatError
from courriel.model.directory_refusals import DirectoryRefusal

HOURLY: Final = 100
"""``device.hourly``: messages an hour; a printer sends a few, a broken or hijacked one thousands."""

NETWORKS: Final = 20
"""``device.networks``: most networks of one device."""

FOUND: Final = 1_024
"""``device.found``: addresses whose device is kept in mind."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6890: private-use, loopback, link-local; ``is_private`` of the library has more (documentation, benchmarks).
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "::1/128", "fe80::/10"),
    )
)


class DeviceExists(DirectoryRefusal):
    """There is a device of that name already."""


class NoSuchDevice(DirectoryRefusal):
    """There is no device of that name."""


class DeviceHasNoLogin(DirectoryRefusal):
    """The device is known by its address, and has no password."""


class NotPrivate(DirectoryRefusal):
    """The network can be reached from the internet: whoever is there would be trusted."""


class Device(msgspec.Struct, frozen=True):
    """``networks`` are canonical (``192.168.1.0/24``); ``sender`` is the address it sends as; ``hourly`` its limit.

    ``has_login``: it proves who it is with its name and a password (the directory keeps what is known of that).
    """

    name: str
    networks: tuple[str, ...]
    sender: str
    hourly: int = HOURLY
    has_login: bool = False


def canonical_name(text: str) -> str:
    """Letters, digits, ``.``, ``_`` and ``-``, in lower case.  Raises FormatError."""
    name = text.strip().lower()
    if _NAME.fullmatch(name) is None:
        raise FormatError("device name", 0, "letters, digits, dots and hyphens, 63 at most")
    return name


def canonical_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Networks or addresses, each once; there may be none.  Raises FormatError, NotPrivate."""
    kept: dict[str, None] = {}
    for text in texts:
        try:
            network = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise FormatError("network", 0, f"{text}: an address, or a network such as 192.168.1.0/24") from None
        if not is_private(network):
            raise NotPrivate(str(network))
        kept[str(network)] = None
    if len(kept) > NETWORKS:
        raise FormatError("network", 0, f"no more than {NETWORKS} networks")
    return tuple(kept)


def is_private(network: Network) -> bool:
    """Whether nobody outside can have an address of it."""
    if isinstance(network, ipaddress.IPv4Network):
        return any(network.subnet_of(one) for one in _PRIVATE if isinstance(one, ipaddress.IPv4Network))
    return any(network.subnet_of(one) for one in _PRIVATE if isinstance(one, ipaddress.IPv6Network))


class Fleet:
    """All devices, found by name, or by address: the smallest network that holds it wins."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._devices = {device.name: device for device in devices}
        self._places: list[tuple[Network, Device]] = []
        self._found: dict[str, Device | None] = {}
        self._sort()

    def put(self, device: Device) -> None:
        self._devices[device.name] = device
        self._sort()

    def drop(self, name: str) -> None:
        self._devices.pop(name, None)
        self._sort()

    def all(self) -> list[Device]:
        """By name."""
        return sorted(self._devices.values(), key=lambda device: device.name)

    def get(self, name: str) -> Device | None:
        return self._devices.get(name)

    def at(self, ip: str) -> Device | None:
        """The device without a login at an address; None where there is none.  Kept: 0.1 µs instead of 10."""
        if ip not in self._found:
            if len(self._found) >= FOUND:
                self._found.clear()
            self._found[ip] = self._look_up(ip)
        return self._found[ip]

    def near(self, ip: str) -> list[Device]:
        """The devices with a login that have a network around this address."""
        found = _address(ip)
        if found is None:
            return []
        return [device for network, device in self._places if device.has_login and found in network]

    def _look_up(self, ip: str) -> Device | None:
        found = _address(ip)
        if found is None:
            return None
        return next((one for network, one in self._places if not one.has_login and found in network), None)

    def _sort(self) -> None:
        self._found.clear()
        places = [(ipaddress.ip_network(text), device) for device in self._devices.values() for text in device.networks]
        self._places = sorted(places, key=lambda place: (-place[0].prefixlen, place[1].name))


def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Without zone, IPv4 where it is an IPv4 address (RFC 4291 §2.5.5.2); None for what is no address."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    mapped: ipaddress.IPv4Address | None = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
