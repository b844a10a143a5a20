"""How far an address reaches: a machine or a house, or the whole net.  RFC 1918, RFC 6598, RFC 4193, RFC 6890."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

__all__ = ["is_private", "is_public"]

_PRIVATE: Final = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
]


def is_private(ip: str) -> bool:
    """Whether the address belongs to no public network; not so for what is no address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)


def is_public(ip: str) -> bool:
    """Whether it is an address that the whole net could reach."""
    try:
        return not is_private(str(ip_address(ip)))
    except ValueError:
        return False
