"""Records as callers know them, from those of the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dns.name import root
from dns.rdatatype import RdataType
from dns.rrset import RRset

from courriel.net.dns.names import text_of
from courriel.ports.resolver import Mx, Srv, Tlsa

Record = Mx | Srv | Tlsa | str | bytes


def of(rrset: RRset) -> tuple[Record, ...]:
    """The records of a set: of the types that ``ports.resolver`` knows as such, of others their presentation form."""
    return _READERS.get(rrset.rdtype, presentation)(rrset)


def presentation(rrset: RRset) -> tuple[str, ...]:
    """Each as in a master file (RFC 1035 §5.1), names absolute and in lower case where they are all there is."""
    return tuple([each.to_text() for each in rrset])


def _mx(rrset: RRset) -> tuple[Mx, ...]:
    """By preference.  A null MX beside others means nothing (RFC 7505 §3 forbids it)."""
    found = sorted([Mx(each.preference, _host(each)) for each in rrset])
    real = [mx for mx in found if mx.host]
    return tuple(real or found[:1])


def _host(each: Any) -> str:
    return "" if each.exchange == root else text_of(each.exchange)


def _srv(rrset: RRset) -> tuple[Srv, ...]:
    """By priority, then the heavier first."""
    found = [
        Srv(each.priority, each.weight, each.port, "" if each.target == root else text_of(each.target))
        for each in rrset
    ]
    return tuple(sorted(found, key=lambda one: (one.priority, -one.weight, one.host)))


_READERS: Final[dict[RdataType, Callable[[RRset], tuple[Record, ...]]]] = {
    RdataType.MX: _mx,
    RdataType.A: lambda rrset: tuple([each.address for each in rrset]),
    RdataType.AAAA: lambda rrset: tuple([each.address for each in rrset]),
    RdataType.TXT: lambda rrset: tuple([b"".join(each.strings) for each in rrset]),
    RdataType.SRV: _srv,
    RdataType.TLSA: lambda rrset: tuple(
        [Tlsa(each.usage, each.selector, each.mtype, bytes(each.cert)) for each in rrset]
    ),
    RdataType.PTR: lambda rrset: tuple([text_of(each.target) for each in rrset]),
}
