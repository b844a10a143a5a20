"""IP addresses as far as limits care: who counts as one client, and who is this machine."""

from __future__ import annotations

import ipaddress


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


def is_loopback(ip: str) -> bool:
    """Whether the client is this machine: a loopback address or a unix socket."""
    return ip in ("", "::1") or ip.startswith(("127.", "::ffff:127."))
