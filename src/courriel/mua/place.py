"""Where a mailbox account is, and how to get in: ``imaps://alice@mail.example.org``.

    imaps://user@host[:993]     TLS from the first octet
    imap://user@host[:143]      STARTTLS, which must be on offer unless the host is this machine

The user may hold an @ (``imap://alice@example.org@mail.example.org``) or be percent-encoded.  RFC 5092 is followed that
far; a password in the address is refused, since others could read it in the list of processes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import msgspec

from courriel.base.errors import FormatError
from courriel.imap.client import ImapClient, Refused
from courriel.model.refusals import AuthenticationFailed
from courriel.net.tls import client_context

_URL: Final = re.compile(r"(imaps?)://([^/\s]+)@([^/@\s]+?|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?/?", re.IGNORECASE)

IMAP: Final = 143
IMAPS: Final = 993


class Place(msgspec.Struct, frozen=True):
    """One account on one server."""

    host: str
    port: int
    user: str
    implicit_tls: bool

    def __str__(self) -> str:
        return f"{self.user} @ {self.host}:{self.port}"


def parse(url: str) -> Place:
    """Raises FormatError."""
    found = _URL.fullmatch(url)
    if found is None:
        raise FormatError("address of an account", 0, "like imaps://alice@mail.example.org")
    scheme, user, host, port = found.groups()
    if ":" in user:
        raise FormatError("address of an account", -1, "no password belongs here")
    secure = scheme.lower() == "imaps"
    number = int(port) if port else IMAPS if secure else IMAP
    if not 0 < number < 65_536:
        raise FormatError("address of an account", -1, "no such port")
    return Place(host.strip("[]").lower(), number, unquote(user), secure)


async def enter(place: Place, password: str, ca: Path | None = None) -> ImapClient:
    """A connection that is logged in; its certificate is checked, by ``ca`` too.

    Raises AuthenticationFailed, what the client raises, and CleartextRefused where there is no TLS.
    """
    context = client_context(ca)
    if place.implicit_tls:
        client = await ImapClient.connect(place.host, place.port, context)
    else:
        client = await ImapClient.connect(place.host, place.port)
        if "STARTTLS" in await client.capabilities():
            client.abandon()
            client = await ImapClient.connect(place.host, place.port, context, starttls=True)
    try:
        await client.login(place.user, password)
    except Refused as refusal:
        client.abandon()
        raise AuthenticationFailed(refusal.text) from refusal
    except BaseException:
        client.abandon()
        raise
    return client
