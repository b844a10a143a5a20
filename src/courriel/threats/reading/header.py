"""The header as people and servers read it: decoded fields, people, and the way the message came.

RFC 5322 §3.4 and §3.6.7; Received as RFC 5321 §4.4 has it and as the world writes it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from courriel.formats import dates, encoded_word
from courriel.formats.address import Mailbox, parse_mailbox_list
from courriel.formats.header import HeaderLimits, split_block
from courriel.threats.reading.organisation import host_name, organisation
from courriel.threats.view import Hop, Person

LIMITS: Final = HeaderLimits(block_octets=262_144, fields=500)
"""Of what is looked at; honest headers have under 150 fields."""
VALUE_OCTETS: Final = 16_384
"""Of one field."""
PEOPLE: Final = 100
"""Mailboxes of one kind of field."""
HOPS: Final = 50
"""RFC 5321 §6.3: a server takes a message with 100 for a loop; no honest one has half of that."""

Fields = tuple[tuple[str, str], ...]

_FROM: Final = re.compile(r"\bfrom\s+(\S+)", re.IGNORECASE)
_BY: Final = re.compile(r"\bby\s+(\S+)", re.IGNORECASE)
_WITH: Final = re.compile(r"\bwith\s+(\S+)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{3,45})\]", re.IGNORECASE)
_LOOSE_ADDRESS: Final = re.compile(r"\(([0-9A-Fa-f.:]{3,45})\)")


def fields(raw: bytes) -> tuple[Fields, list[tuple[str, bytes]]]:
    """Decoded fields with names in lower case, and the same undecoded.  ``raw`` begins with the header."""
    block = split_block(raw, LIMITS)
    found = [(name.decode("ascii").lower(), value[:VALUE_OCTETS]) for name, value in block.items()]
    return tuple([(name, encoded_word.decode(value)) for name, value in found]), found


def people(values: Iterable[bytes]) -> tuple[Person, ...]:
    """The mailboxes of fields, in order."""
    found: list[Person] = []
    for value in values:
        for mailbox in parse_mailbox_list(value):
            if len(found) == PEOPLE:
                return tuple(found)
            found.append(person(mailbox))
    return tuple(found)


def person(mailbox: Mailbox) -> Person:
    """One mailbox."""
    domain = host_name(mailbox.domain.decode("utf-8", "replace"))
    display = " ".join(mailbox.display_name.split())
    return Person(display, mailbox.local.decode("utf-8", "replace"), domain, organisation(domain))


def hops(headers: Fields) -> tuple[Hop, ...]:
    """Received fields, newest first (as they stand)."""
    return tuple([_hop(value) for name, value in headers if name == "received"][:HOPS])


def _hop(value: str) -> Hop:
    words, semicolon, date = value.rpartition(";")
    if not semicolon:
        words, date = value, ""
    by_at = _BY.search(words)
    source = words[: by_at.start()] if by_at else words
    from_name = _FROM.match(source.lstrip())
    moment = dates.parse(date.strip().encode("utf-8", "replace")) if date else None
    with_ = _WITH.search(words, by_at.end() if by_at else 0)
    return Hop(
        text=value,
        from_name=from_name[1].strip("()[],;").lower() if from_name else "",
        from_ip=_address(source),
        by=by_at[1].strip("()[],;").lower() if by_at else "",
        with_=with_[1] if with_ else "",
        at=moment.timestamp() if moment is not None else None,
    )


@lru_cache(maxsize=4_096)
def _address(source: str) -> str:
    """The address of the client, which stands in brackets: the last that is one."""
    for pattern in (_ADDRESS, _LOOSE_ADDRESS):
        for found in reversed(pattern.findall(source)):
            try:
                return str(ipaddress.ip_address(found))
            except ValueError:
                continue
    return ""
