"""Where a domain wants its reports: the URIs of rua, and the record of SMTP TLS reporting.

rua    = uri *( *WSP "," *WSP uri )          RFC 9989 §4.7
uri    = "mailto:" address [ "!" digits [ "k" / "m" / "g" / "t" ] ]     (the size is RFC 7489's; it is honoured)
record = "v=TLSRPTv1" *( ";" "rua=" uri *( "," uri ) )                  RFC 8460 §3
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.path import Path, parse_address

__all__ = ["Mailbox", "mailboxes", "tls_rua"]

URIS: Final = 5
"""``report.uris``: of one record that are written to; RFC 7489 §6.2 wants two at least."""

_SIZE: Final = re.compile(r"!([0-9]{1,15})([kmgt]?)\Z", re.IGNORECASE)
_FACTOR: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_VERSION: Final = re.compile(rb"v[ \t]*+=[ \t]*+TLSRPTv1[ \t]*+;")


class Mailbox(msgspec.Struct, frozen=True):
    """``uri`` as it stands; ``octets`` is the most that one message may have, 0 for no bound."""

    uri: str
    path: Path
    octets: int = 0

    @property
    def domain(self) -> str:
        """Lower case, without a final dot."""
        return self.path.domain.lower().removesuffix(".")


def mailboxes(uris: Iterable[str]) -> list[Mailbox]:
    """Those that are mail addresses; what cannot be read, and other schemes, are left out."""
    found: list[Mailbox] = []
    for uri in uris:
        address, octets = uri[len("mailto:") :], 0
        if not uri.lower().startswith("mailto:"):
            continue
        if size := _SIZE.search(address):
            address, octets = address[: size.start()], int(size[1]) * _FACTOR[size[2].lower()]
        try:
            found.append(Mailbox(uri, parse_address(unquote(address.partition("?")[0])), octets))
        except FormatError:
            continue
    return found[:URIS]


def tls_rua(records: Sequence[bytes]) -> list[Mailbox]:
    """Where reports on TLS sessions go; nowhere unless exactly one record is one (RFC 8460 §3)."""
    own = [record for record in records if _VERSION.match(record)]
    if len(own) != 1:
        return []
    for part in own[0].decode("utf-8", "replace").split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "rua":
            return mailboxes(uri.strip() for uri in value.split(","))
    return []
