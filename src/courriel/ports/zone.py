"""Zones seen from outside: what stands there, record by record, and how to change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from courriel.base.errors import CourrielError
from courriel.ports.resolver import Answer, Resolver


class ZoneRefused(CourrielError):
    """The server of a zone did not take our changes, and why."""


class ZoneChange(msgspec.Struct, frozen=True):
    """Values to take away and to add at one name and type; others that stand there stay.  TXT values are texts."""

    name: str
    type: str
    remove: tuple[str, ...]
    add: tuple[str, ...]


class RecordReader(Resolver, Protocol):
    """A resolver that also knows records nobody but an administrator asks for."""

    async def records(self, name: str, type: str) -> Answer[str]:
        """Records of any type in presentation form (RFC 1035 §5.1), TXT as its text.  Raises DnsFailure."""
        ...


class ZoneWriter(Protocol):
    async def change(self, zone: str, changes: Sequence[ZoneChange], ttl_s: int) -> None:
        """Make all changes, or none where the zone's server can; what is there already is not added again.

        Raises ZoneRefused, DnsFailure.
        """
        ...
