"""Proofs by NSEC: each record names the next name of the zone.  RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4."""

from __future__ import annotations

from dns.name import Name, root
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import NSEC

from courriel.net.dns.denial import Proof, is_delegation, lacks, speaks_for_below


class NsecProofs:
    """``records`` are owner and NSEC, all of ``zone``."""

    def __init__(self, records: list[tuple[Name, NSEC]], zone: Name) -> None:
        self._records = [(owner, nsec) for owner, nsec in records if owner.is_subdomain(zone)]
        self._zone = zone

    def no_name(self, name: Name) -> Proof:
        gap = self._covering(name)
        if gap is None or gap[1].next.is_subdomain(name):  # an empty non-terminal exists
            return Proof.NONE
        wildcard = _below(_closest_encloser(name, gap))
        return Proof.HOLDS if self._covering(wildcard) is not None else Proof.NONE

    def no_data(self, name: Name, rdtype: RdataType) -> Proof:
        own = self._matching(name)
        if own is not None:
            return _as_proof(lacks(own.windows, rdtype, root=name == root))
        gap = self._covering(name)
        if gap is None:
            return Proof.NONE
        if gap[1].next.is_subdomain(name):  # RFC 4035 §5.4 with an empty non-terminal: no types at all
            return Proof.HOLDS
        wildcard = self._matching(_below(_closest_encloser(name, gap)))
        return _as_proof(wildcard is not None and lacks(wildcard.windows, rdtype, root=False))

    def no_closer(self, name: Name, labels: int) -> Proof:
        gap = self._covering(name)
        return _as_proof(gap is not None and len(_closest_encloser(name, gap)) - 1 <= labels)

    def delegates(self, name: Name) -> bool:
        own = self._matching(name)
        return own is not None and is_delegation(own.windows)

    def _matching(self, name: Name) -> NSEC | None:
        return next((nsec for owner, nsec in self._records if owner == name), None)

    def _covering(self, name: Name) -> tuple[Name, NSEC] | None:
        """The record in whose gap the name would lie; the last one of a zone points back to the first."""
        if not name.is_subdomain(self._zone):
            return None
        for owner, nsec in self._records:
            if not owner < name or (name.is_subdomain(owner) and not speaks_for_below(nsec.windows)):
                continue
            if name < nsec.next or nsec.next == self._zone:
                return owner, nsec
        return None


def _as_proof(holds: bool) -> Proof:
    return Proof.HOLDS if holds else Proof.NONE


def _below(name: Name) -> Name:
    return Name((b"*", *name.labels))


def _closest_encloser(name: Name, gap: tuple[Name, NSEC]) -> Name:
    """The longest ancestor that exists: the longer of what the name shares with the two ends of the gap."""
    owner, nsec = gap
    shared = max(_shared_labels(name, owner), _shared_labels(name, nsec.next))
    return Name(name.labels[-shared:])


def _shared_labels(one: Name, other: Name) -> int:
    _, _, shared = one.fullcompare(other)
    return shared
