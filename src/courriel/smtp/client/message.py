"""A message to hand over, with its envelope."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.formats.message.canonical import to_crlf
from courriel.model.envelope import Address, Body, Recipient, address_of, reverse_path_of_text
from courriel.model.wishes import Deadline


class Outgoing(msgspec.Struct, frozen=True):
    """One transaction's worth.  ``content`` has CRLF line ends; addresses have A-label domains.

    ``downgraded``: the same message in 7 bits, for servers that take no others.  ``smtputf8``: its sender declared it
    so (RFC 6531 §3.4).  ``ret``, ``envid``: RFC 3461 §4.3–4.4.  ``require_tls``: RFC 8689.
    ``by``: RFC 2852, its time in seconds from now.  ``priority``: RFC 6710.
    """

    reverse_path: Address
    recipients: tuple[Recipient, ...]
    content: bytes
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None
    require_tls: bool = False
    downgraded: bytes | None = None
    by: Deadline | None = None
    priority: int = 0


def outgoing(sender: str, recipients: Sequence[str], content: bytes) -> Outgoing:
    """A message of a person: addresses as text ("" for the null reverse-path), line ends of any kind.

    Raises FormatError for what is no address.
    """
    return Outgoing(
        reverse_path_of_text(sender),
        tuple([Recipient(address_of(one)) for one in recipients]),
        to_crlf(content),
        smtputf8=not all(one.isascii() for one in (sender, *recipients)),
    )
