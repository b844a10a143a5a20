"""What the web server knows of the house, and whose name a request was sent to.  RFC 9110 §7.2, §7.4.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.domain import normalise
from courriel.formats.mail_servers import MailServer
from courriel.formats.mta_sts import Policy

OWN: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""This machine, for whoever is on it; no name that somebody else's DNS can point at us."""

MTA_STS: Final = "mta-sts"
AUTOCONFIG: Final = "autoconfig"
AUTODISCOVER: Final = "autodiscover"
ROLES: Final = (MTA_STS, AUTOCONFIG, AUTODISCOVER)
"""First labels of names that others ask below a domain.  RFC 8461 §3.3."""


@dataclass(frozen=True, slots=True)
class Site:
    """``servers`` are the doors for mail programs; ``policy`` what we promise about encryption, None for nothing."""

    hostname: str
    is_ours: Callable[[str], bool]
    servers: tuple[MailServer, ...]
    policy: Policy | None
    https_port: int


@dataclass(frozen=True, slots=True)
class Asked:
    """``name`` is the host asked for, ``role`` its first label where that is one of ROLES, ``domain`` "" for the house
    itself."""

    name: str
    role: str
    domain: str


def host_asked(site: Site, field: bytes) -> Asked | None:
    """Whose name a Host field has; None for one that is not ours."""
    name = _name(field)
    if name is None:
        return None
    if site.is_ours(name):
        return Asked(name, "", name)
    role, _, domain = name.partition(".")
    if role in ROLES and site.is_ours(domain):
        return Asked(name, role, domain)
    return Asked(name, "", "") if name == site.hostname or name in OWN else None


def _name(field: bytes) -> str | None:
    """``host [":" port]``.  RFC 9110 §7.2."""
    text = field.decode("latin-1").lower()
    if not text.endswith("]"):
        host, colon, port = text.rpartition(":")
        text = host if colon and port.isascii() and (port.isdigit() or not port) else text
    if text in OWN:
        return text
    try:
        return normalise(text.removesuffix("."))
    except FormatError:
        return None


def domain_of(site: Site, address: str) -> str:
    """The domain of an address, "" where it is not ours."""
    try:
        domain = normalise(address.rpartition("@")[2])
    except FormatError:
        return ""
    return domain if site.is_ours(domain) else ""
