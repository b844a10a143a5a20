"""The servers a mail program is told of.  RFC 6186 §3; TLS from the first octet before STARTTLS RFC 8314 §3.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Protocol = Literal["imap", "pop3", "smtp"]


class MailServer(msgspec.Struct, frozen=True):
    """``implicit_tls``: TLS from the first octet, else STARTTLS; never without."""

    protocol: Protocol
    host: str
    port: int
    implicit_tls: bool


DOORS: Final[Mapping[str, tuple[Protocol, bool]]] = {
    "imaps": ("imap", True),
    "imap": ("imap", False),
    "pop3s": ("pop3", True),
    "pop3": ("pop3", False),
    "submissions": ("smtp", True),
    "submission": ("smtp", False),
}
"""Doors for clients, in the order in which they are offered: IMAP before POP3, TLS before STARTTLS."""


def servers_of(host: str, ports: Mapping[str, int]) -> tuple[MailServer, ...]:
    """What a host offers; ``ports``: door → port, 0 or absent where it is shut."""
    return tuple(
        [MailServer(protocol, host, ports[door], tls) for door, (protocol, tls) in DOORS.items() if ports.get(door)]
    )
