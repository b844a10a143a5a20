"""Records of a zone as we want them, and how they compare with what the DNS says.

``value`` is the presentation form of RFC 1035 §5.1 with absolute names; of TXT it is the text itself, not quoted.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec


class ZoneRecord(msgspec.Struct, frozen=True, order=True):
    """One record.  ``name`` is absolute, in lower case, without the final dot; ``type`` as in ``"TXT"``."""

    name: str
    type: str
    value: str


class Purpose(Enum):
    """What a record is for; what people read about it is found under this name."""

    MX = "mx"
    ADDRESS = "address"
    REVERSE = "reverse"
    SPF = "spf"
    HOST_SPF = "host-spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    TLS_REPORTS = "tls-reports"
    DANE = "dane"
    STS = "mta-sts"
    """That there is a policy, and which."""
    STS_HOST = "mta-sts-host"
    """Where the policy is."""
    SERVICE = "service"
    AUTOCONFIG = "autoconfig"
    AUTODISCOVER = "autodiscover"
    CAA = "caa"


SINGLE: Final = frozenset(
    {Purpose.SPF, Purpose.HOST_SPF, Purpose.DMARC, Purpose.DKIM, Purpose.TLS_REPORTS, Purpose.STS}
)
"""Kinds of which receivers accept exactly one: a new one replaces what stands there."""


class Wanted(msgspec.Struct, frozen=True):
    """A record a domain should have.

    ``needed``: mail suffers without it; else it is a service to others or to clients.  ``replaces`` are values of the
    same kind that stand there now and must go, for there may be only one (SPF, DMARC).
    """

    record: ZoneRecord
    purpose: Purpose
    needed: bool = True
    replaces: tuple[str, ...] = ()


class State(Enum):
    """What the DNS says of a wanted record."""

    RIGHT = "right"
    MISSING = "missing"
    DIFFERENT = "different"
    """Something else of the same kind stands there."""
    UNKNOWN = "unknown"
    """The DNS did not answer."""


class Row(msgspec.Struct, frozen=True):
    """A wanted record, and what the DNS said: ``found`` are the values of its kind that stand there."""

    wanted: Wanted
    state: State
    found: tuple[str, ...] = ()
    secure: bool = False
    """DNSSEC vouches for what was found, or for its absence."""
