"""Settings of the resolver, each with its unit, default and source, and the servers of the machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from courriel.base.errors import FormatError

PORT: Final = 53

ROOT_ANCHORS: Final = (
    ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
"""The keys of the root zone, KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718)."""

ROOT_SERVERS: Final = (
    *("198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4"),
    *("198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33"),
)
"""a to m.root-servers.net over IPv4, as IANA lists them (RFC 9609)."""

RESOLV_CONF: Final = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """What may be set; the limits that protect us from answers stand beside the code that keeps them."""

    servers: tuple[str, ...] = ()
    """Resolvers that are asked: ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1``, ``[2001:db8::1]:5353``.
    Empty: those of /etc/resolv.conf.  With ``recurse``: the servers of the root, empty for those of the Internet."""
    recurse: bool = False
    """True: no resolver is asked, but each zone's own servers, from the root down."""
    zone_port: int = PORT
    """Where the servers of zones listen; a private tree may use another port."""
    validate: bool = True
    """False: nothing is checked and nothing is secure."""
    anchors: tuple[str, ...] = ROOT_ANCHORS
    """Where trust begins: DS records as text, ``owner DS tag algorithm digest-type digest``."""
    question_s: float = 10.0
    """Longest time for one question with all it needs.  SPF has 20 s for all of its own (RFC 7208 §4.6.4)."""
    first_wait_s: float = 1.0
    """Wait for the first server; doubled with each further attempt.  RFC 1035 §4.2.1 begins with 2–5 s, from when
    lines were slow."""
    cache_entries: int = 20_000
    """Answers remembered; the one unused longest goes first.  About 1 KB each."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: an IP address and a port."""

    ip: str
    port: int


def parse_server(text: str) -> Address:
    """``ip``, ``ip:port`` or ``[ip]:port``; FormatError for all else, host names too: who would look them up?"""
    host, port = text.strip(), ""
    if host.startswith("["):
        host, closed, port = host[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise FormatError("DNS server", 0, text)
        port = port[1:]
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port) if port else PORT
    except ValueError:
        raise FormatError("DNS server", 0, text) from None
    if not 0 < number < 65_536:
        raise FormatError("DNS server", 0, text)
    return Address(host, number)


def servers_of(settings: DnsSettings, resolv_conf: Path = RESOLV_CONF) -> tuple[Address, ...]:
    """The servers set, else those of the machine, else the one on this machine (as resolv.conf(5) has it)."""
    texts = settings.servers or _nameservers(resolv_conf) or ("127.0.0.1",)
    return tuple([parse_server(text) for text in texts])


def roots_of(settings: DnsSettings) -> tuple[Address, ...]:
    """The servers set, else those of the root of the Internet."""
    return tuple([parse_server(text) for text in settings.servers or ROOT_SERVERS])


def _nameservers(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    found = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
    return tuple([text for text in found if _is_address(text)])


def _is_address(text: str) -> bool:
    try:
        parse_server(text)
    except FormatError:
        return False
    return True
