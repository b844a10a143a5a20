"""Trace fields: Received, Return-Path, Delivered-To.  RFC 5321 §4.4; protocol names RFC 3848 and RFC 6531 §4.3.

    Received: from <helo> ([<address>])
            by <host> with ESMTPS (TLSv1.3 …) id <id>
            for <forward-path>; <date>

``for`` stands there only for a single recipient: others must not learn of each other (RFC 5321 §7.2).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from courriel.formats import dates
from courriel.formats.path import Path
from courriel.model.envelope import Address, Client, Door, Envelope

_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?|\[[A-Za-z0-9.:]{1,64}\]")


def protocol(door: Door, client: Client, smtputf8: bool) -> str:
    """The ``with`` word: S for TLS, A for a login.  RFC 3848 §3, RFC 6531 §4.3."""
    marks = ("S" if client.tls else "") + ("A" if client.is_logged_in else "")
    if door is Door.LMTP:
        return ("UTF8LMTP" if smtputf8 else "LMTP") + marks
    if smtputf8:
        return "UTF8SMTP" + marks
    return "ESMTP" + marks if client.esmtp or marks else "SMTP"


def address_literal(ip: str) -> str:
    """RFC 5321 §4.1.3."""
    return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"


@lru_cache(maxsize=1024)
def _origin(client: Client) -> str:
    """From whom, and how they are called; the same for all messages of a connection."""
    name = client.helo if _DOMAIN.fullmatch(client.helo) else "unknown"
    return f"from {name} ({address_literal(client.ip)})" if client.ip else f"from {name}"


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return dates.render(datetime.fromtimestamp(second, UTC)).decode("ascii")


def received_field(hostname: str, envelope: Envelope, id: str, now: float) -> bytes:
    """One Received field with its CRLF."""
    client = envelope.client
    how = protocol(envelope.door, client, envelope.smtputf8)
    tls = f" ({client.tls})" if client.tls else ""
    only = envelope.recipients[0].address if len(envelope.recipients) == 1 else None
    line = f"Received: {_origin(client)}\r\n\tby {hostname} with {how}{tls} id {id}"
    line += f"\r\n\tfor {path(only)}; " if only is not None else ";\r\n\t"
    return f"{line}{_date(int(now))}\r\n".encode()


def path(address: Address) -> str:
    """An address in angle brackets, quoted where needed; ``<>`` for the null path."""
    return f"<{Path(address.local, address.domain).address}>"


def recipient_prefix(reverse_path: Address, recipient: Address, received: bytes) -> bytes:
    """What goes before the body in one recipient's mailbox.  RFC 5321 §4.4 puts Return-Path first.

    Received is in here too, not in the body, so that the body is the same octets for all recipients, and the same
    as came in.
    """
    address = Path(recipient.local, recipient.domain).address
    return b"Return-Path: %b\r\nDelivered-To: %b\r\n%b" % (path(reverse_path).encode(), address.encode(), received)
