"""IP addresses as far as limits care: who counts as one client, and who is this machine."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

ADDRESSES: Final = 4_096
"""``networks.addresses``: parsed addresses that are kept."""


def network_of(ip: str) -> str:
    """What counts as one client: an IPv4 address, an IPv6 /64 (what one household gets, RFC 6177 §2).

    "" (a unix socket) stays ""; what is no address counts as itself.
    """
    if ":" not in ip:
        return ip
    try:
        address = ipaddress.IPv6Address(ip.partition("%")[0])
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


@lru_cache(maxsize=ADDRESSES)
def client_address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address as a value, one of IPv4 in IPv6 clothes (RFC 4291 §2.5.5) as what it is; raises ValueError.

    Remembered: the same few are asked about again and again, and making one takes 2 µs.
    """
    address = ipaddress.ip_address(ip)
    return (address.ipv4_mapped or address) if address.version == 6 else address


def is_loopback(ip: str) -> bool:
    """Whether the client is this machine: a loopback address or a unix socket."""
    return ip in ("", "::1") or ip.startswith(("127.", "::ffff:127."))
