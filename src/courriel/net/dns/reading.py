"""What a message says about the name that was asked.  RFC 1034 §4.3.2, RFC 2308 §2, RFC 6672 (DNAME).

Only records of that name are taken from the answer section, and only proofs of absence from the authority section;
the additional section is never looked at.  Aliases are not followed here: their targets are asked for themselves, so
that each name is validated and remembered once.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.DNAME import DNAME
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.ANY.SOA import SOA
from dns.rrset import RRset

from courriel.ports.resolver import DnsFailure, Status


class Signed(msgspec.Struct, frozen=True):
    """Records of one name and type, with the signatures that claim to cover them."""

    records: RRset
    signatures: tuple[RRSIG, ...]


class Reading(msgspec.Struct, frozen=True):
    """What a message says, before anything of it is believed.

    ``found`` are the records asked for, or the CNAME whose ``target`` is to be asked instead (``dname`` made it, where
    there is one).  ``proofs`` are NSEC and NSEC3.  ``negative_ttl_s``: RFC 2308 §5, 0 without SOA.
    """

    status: Status
    found: Signed | None
    target: Name | None
    dname: Signed | None
    proofs: tuple[Signed, ...]
    negative_ttl_s: int


def read_answer(message: Message, name: Name, rdtype: RdataType) -> Reading:
    """The message as an answer about ``name``; DnsFailure for a referral, which no resolver gives."""
    answers = _Section(message.answer)
    authority = _Section(message.authority)
    proofs = tuple(authority.all_of(RdataType.NSEC, RdataType.NSEC3))
    found, target, dname = answers.get(name, rdtype), None, None
    if found is None and rdtype is not RdataType.CNAME:
        found = answers.get(name, RdataType.CNAME)
        target = _target(found)
        dname = _made_by(answers, name, target)
    if found is not None and (target is not None or message.rcode() == Rcode.NOERROR):
        return Reading(Status.FOUND, found, target, dname, proofs, 0)
    soas = list(authority.all_of(RdataType.SOA))
    if not soas and not proofs and any(authority.all_of(RdataType.NS)):
        raise DnsFailure("a referral: the server does not resolve for us")
    absent = Status.NO_NAME if message.rcode() == Rcode.NXDOMAIN else Status.NO_DATA
    return Reading(absent, None, None, None, proofs, _negative_ttl_s(soas))


class _Section:
    """A section by name and type."""

    def __init__(self, rrsets: Iterable[RRset]) -> None:
        self._records: dict[tuple[Name, RdataType], RRset] = {}
        self._signatures: dict[tuple[Name, RdataType], tuple[RRSIG, ...]] = {}
        for rrset in rrsets:
            if rrset.rdclass != RdataClass.IN:
                continue
            if rrset.rdtype == RdataType.RRSIG:
                signatures = tuple([rdata for rdata in rrset if isinstance(rdata, RRSIG)])
                self._signatures[rrset.name, rrset.covers] = signatures
            else:
                self._records[rrset.name, rrset.rdtype] = rrset

    def get(self, name: Name, rdtype: RdataType) -> Signed | None:
        records = self._records.get((name, rdtype))
        return None if records is None else Signed(records, self._signatures.get((name, rdtype), ()))

    def all_of(self, *rdtypes: RdataType) -> Iterable[Signed]:
        for (name, rdtype), records in self._records.items():
            if rdtype in rdtypes:
                yield Signed(records, self._signatures.get((name, rdtype), ()))


def _target(found: Signed | None) -> Name | None:
    if found is None:
        return None
    (alias,) = found.records  # of several the parser keeps one (RFC 2181 §10.1)
    return alias.target if isinstance(alias, CNAME) else None


def _made_by(answers: _Section, name: Name, target: Name | None) -> Signed | None:
    """The DNAME that gives this target for ``name``: then the CNAME itself is not signed (RFC 6672 §5.3.1)."""
    if target is None:
        return None
    for dname in answers.all_of(RdataType.DNAME):
        owner, (rdata,) = dname.records.name, dname.records
        if not isinstance(rdata, DNAME) or not name.is_subdomain(owner) or not target.is_subdomain(rdata.target):
            continue
        if name != owner and name.relativize(owner) == target.relativize(rdata.target):
            return dname
    return None


def _negative_ttl_s(soas: list[Signed]) -> int:
    for soa in soas:
        for rdata in soa.records:
            if isinstance(rdata, SOA):
                return min(soa.records.ttl, rdata.minimum)
    return 0
