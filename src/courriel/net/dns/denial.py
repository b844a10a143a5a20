"""Proofs that something does not exist, whichever way the zone gives them.  RFC 4035 §5.4, RFC 5155 §8.

All records handed in have been verified with the keys of their zone.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from dns.name import Name
from dns.rdatatype import RdataType


class Proof(Enum):
    """What a denial amounts to."""

    NONE = auto()
    """It does not show what was to be shown."""
    HOLDS = auto()
    INSECURE = auto()
    """It shows that signatures need not be expected here: opt-out (RFC 5155 §6), a delegation without DS, or
    parameters that we do not follow (RFC 9276 §3.2)."""


class Proofs(Protocol):
    """The proofs of one answer, from one zone."""

    def no_name(self, name: Name) -> Proof:
        """``name`` does not exist, and no wildcard stands for it."""
        ...

    def no_data(self, name: Name, rdtype: RdataType) -> Proof:
        """``name`` has no ``rdtype`` and no CNAME; or a wildcard stands for it and has none."""
        ...

    def no_closer(self, name: Name, labels: int) -> Proof:
        """Between ``name`` and the wildcard below its last ``labels`` labels there is nothing."""
        ...

    def delegates(self, name: Name) -> bool:
        """``name`` is known to be a delegation."""
        ...


Windows = tuple[tuple[int, bytes], ...]


def has_type(windows: Windows, rdtype: RdataType) -> bool:
    """Whether a type bit map has this type.  RFC 4034 §4.1.2."""
    block, octet, bit = rdtype >> 8, (rdtype & 0xFF) >> 3, 0x80 >> (rdtype & 7)
    return any(window == block and len(bits) > octet and bits[octet] & bit for window, bits in windows)


def is_delegation(windows: Windows) -> bool:
    """NS without SOA: the parent's side of a cut."""
    return has_type(windows, RdataType.NS) and not has_type(windows, RdataType.SOA)


def speaks_for_below(windows: Windows) -> bool:
    """Whether its owner's zone goes on below the owner: not at a delegation, not at a DNAME (RFC 6840 §4.1)."""
    return not is_delegation(windows) and not has_type(windows, RdataType.DNAME)


def lacks(windows: Windows, rdtype: RdataType, *, root: bool) -> bool:
    """Whether the bit map shows that there is no ``rdtype`` at its owner.

    The parent's side says nothing but whether there is a DS, the child's side everything else (RFC 6840 §4.1, §4.4).
    """
    if has_type(windows, rdtype) or has_type(windows, RdataType.CNAME):
        return False
    if rdtype is RdataType.DS:
        return root or not has_type(windows, RdataType.SOA)
    return not is_delegation(windows)
