"""Questions to the DNS.  RFC 1034, RFC 4035 §4.9 (what a validating resolver tells its callers)."""

from __future__ import annotations

from enum import Enum
from typing import Generic, Protocol, TypeVar

import msgspec

from courriel.base.errors import CourrielError

T = TypeVar("T")


class DnsFailure(CourrielError):
    """No answer that could be believed: nobody answered, SERVFAIL, or a signature that does not hold (``bogus``).

    Always temporary for the caller: it says nothing about whether the name exists.
    """

    def __init__(self, reason: str, *, bogus: bool = False) -> None:
        super().__init__(reason)
        self.bogus = bogus


class Status(Enum):
    """What the DNS says of a name and a type."""

    FOUND = "found"
    NO_DATA = "no data"
    """The name exists, without records of this type.  RFC 2308 §2.2."""
    NO_NAME = "no such name"
    """NXDOMAIN.  RFC 2308 §2.1."""


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """An answer; ``records`` are empty unless FOUND.

    ``name`` is the name asked for after following CNAMEs, lower-case, without a final dot.  ``secure``: DNSSEC
    validated from the root, for the absence of records too.  ``ttl_s`` is how long it may be kept.
    """

    status: Status
    records: tuple[T, ...]
    name: str
    secure: bool
    ttl_s: int


class Mx(msgspec.Struct, frozen=True, order=True):
    """RFC 5321 §5.1.  ``host`` "" is the null MX (RFC 7505): the domain takes no mail."""

    preference: int
    host: str


class Tlsa(msgspec.Struct, frozen=True):
    """RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Srv(msgspec.Struct, frozen=True, order=True):
    """RFC 2782.  ``host`` "" says that the service is not to be had there."""

    priority: int
    weight: int
    port: int
    host: str


class ServiceResolver(Protocol):
    """Where a domain's services are."""

    async def srv(self, name: str) -> Answer[Srv]:
        """``name`` with service and protocol, ``_imaps._tcp.example.org``; the lowest priority first.  Raises
        DnsFailure."""
        ...


class Resolver(Protocol):
    """Names are text, with or without a final dot, U-labels allowed.  Every method raises DnsFailure."""

    async def mx(self, domain: str) -> Answer[Mx]:
        """Lowest preference first; order inside one preference is the caller's matter."""
        ...

    async def a(self, host: str) -> Answer[str]: ...

    async def aaaa(self, host: str) -> Answer[str]: ...

    async def txt(self, name: str) -> Answer[bytes]:
        """Each record with its strings joined.  RFC 7208 §3.3."""
        ...

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        """``name`` with its port and protocol: ``_25._tcp.mx.example.org``."""
        ...

    async def ptr(self, ip: str) -> Answer[str]: ...
