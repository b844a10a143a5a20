"""Proofs by NSEC3: each record names the next hash of a name of the zone.  RFC 5155 §8, RFC 9276."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

import msgspec
from dns.name import Name, root
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC3 import NSEC3

from courriel.net.dns.budget import Budget
from courriel.net.dns.denial import Proof, Windows, is_delegation, lacks, speaks_for_below

ITERATIONS: Final = 100
"""``dns.nsec3_iterations``: more make the answer insecure.  RFC 9276 §3.2; what resolvers agreed on in 2021."""

_SHA1: Final = 1
_OPT_OUT: Final = 0x01


class _Entry(msgspec.Struct, frozen=True):
    """``start`` and ``end`` are hashes; nothing lies between them but what ``opt_out`` leaves out."""

    start: bytes
    end: bytes
    opt_out: bool
    windows: Windows


class Nsec3Proofs:
    """``records`` are owner and NSEC3, all of ``zone``.  Those with parameters unknown are left out (§8.1, §8.2)."""

    def __init__(self, records: list[tuple[Name, NSEC3]], zone: Name, budget: Budget) -> None:
        known = [(owner, one) for owner, one in records if one.algorithm == _SHA1 and one.flags in (0, _OPT_OUT)]
        self._zone = zone
        self._budget = budget
        self._salt: bytes = known[0][1].salt if known else b""
        self._iterations: int = known[0][1].iterations if known else 0
        same = [each for each in known if (each[1].salt, each[1].iterations) == (self._salt, self._iterations)]
        self._entries = [entry for owner, one in same if (entry := _entry(owner, one, zone)) is not None]
        self._hashed: dict[Name, bytes] = {}

    def no_name(self, name: Name) -> Proof:
        if self._too_slow:
            return Proof.INSECURE
        closest = self._closest_encloser(name)
        if closest is None:
            return Proof.NONE
        encloser, gap = closest
        if self._covering(Name((b"*", *encloser.labels))) is None:
            return Proof.NONE
        return _as_proof(gap)

    def no_data(self, name: Name, rdtype: RdataType) -> Proof:
        if self._too_slow:
            return Proof.INSECURE
        own = self._matching(name)
        if own is not None:
            return Proof.HOLDS if lacks(own.windows, rdtype, root=name == root) else Proof.NONE
        closest = self._closest_encloser(name)
        if closest is None:
            return Proof.NONE
        encloser, gap = closest
        if gap.opt_out:  # §8.6: a delegation without DS may lie here
            return Proof.INSECURE
        wildcard = self._matching(Name((b"*", *encloser.labels)))
        return Proof.HOLDS if wildcard is not None and lacks(wildcard.windows, rdtype, root=False) else Proof.NONE

    def no_closer(self, name: Name, labels: int) -> Proof:
        if self._too_slow:
            return Proof.INSECURE
        gap = self._covering(Name(name.labels[-labels - 2 :]))
        return Proof.NONE if gap is None else _as_proof(gap)

    def delegates(self, name: Name) -> bool:
        own = None if self._too_slow else self._matching(name)
        return own is not None and is_delegation(own.windows)

    @property
    def _too_slow(self) -> bool:
        return bool(self._entries) and self._iterations > ITERATIONS

    def _closest_encloser(self, name: Name) -> tuple[Name, _Entry] | None:
        """The longest ancestor that exists, and the gap in which the next longer one would lie.  §8.3."""
        longer = name
        while longer != self._zone and longer.is_subdomain(self._zone):
            encloser = longer.parent()
            entry = self._matching(encloser)
            if entry is not None:
                gap = self._covering(longer)
                return (encloser, gap) if gap is not None and speaks_for_below(entry.windows) else None
            longer = encloser
        return None

    def _matching(self, name: Name) -> _Entry | None:
        hashed = self._hash(name)
        return next((entry for entry in self._entries if entry.start == hashed), None)

    def _covering(self, name: Name) -> _Entry | None:
        hashed = self._hash(name)
        return next((entry for entry in self._entries if _lies_in(hashed, entry)), None)

    def _hash(self, name: Name) -> bytes:
        """RFC 5155 §5."""
        if name not in self._hashed:
            self._budget.spend_hashes(self._iterations + 1)
            digest = hashlib.sha1(name.to_digestable() + self._salt, usedforsecurity=False).digest()
            for _ in range(self._iterations):
                digest = hashlib.sha1(digest + self._salt, usedforsecurity=False).digest()
            self._hashed[name] = digest
        return self._hashed[name]


def _entry(owner: Name, one: NSEC3, zone: Name) -> _Entry | None:
    """The hash of an NSEC3 is the first label of its owner, directly below the zone (§3)."""
    if owner == root or owner.parent() != zone:
        return None
    try:
        start = base64.b32hexdecode(owner.labels[0].upper())
    except binascii.Error:
        return None
    return _Entry(start, one.next, bool(one.flags & _OPT_OUT), one.windows)


def _lies_in(hashed: bytes, gap: _Entry) -> bool:
    if gap.start < gap.end:
        return gap.start < hashed < gap.end
    return hashed > gap.start or hashed < gap.end  # the last one points back to the first


def _as_proof(gap: _Entry) -> Proof:
    """§9.2: what opt-out leaves out may exist."""
    return Proof.INSECURE if gap.opt_out else Proof.HOLDS
