"""The chain of trust: how a zone stands, from the anchors down.  RFC 4035 §5, RFC 6840.

    anchor ── names ──> DNSKEY of the root ── signs ──> DS of a zone ── names ──> DNSKEY of the zone ── signs ──> …

The signer that a signature names says which zone to look at, so that a chain costs two questions a zone.  Where there
is no signature, the way is walked from the anchor down until a delegation is proved to have no DS: only then is it
right that nothing is signed.  How a zone stands is remembered, so that a warm zone costs one signature.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum, auto
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import msgspec
from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from courriel.base.clock import Clock
from courriel.base.errors import FormatError
from courriel.base.log import Level, log
from courriel.net.dns.budget import Budget
from courriel.net.dns.cache import Cache
from courriel.net.dns.denial import Proof, Proofs
from courriel.net.dns.names import text_of
from courriel.net.dns.nsec import NsecProofs
from courriel.net.dns.nsec3 import Nsec3Proofs
from courriel.net.dns.reading import Reading, Signed
from courriel.net.dns.sharing import Sharing
from courriel.net.dns.signatures import Keys, Valid, keys_of, label_count, named_by, usable, verify
from courriel.net.dns.upstream import Refused
from courriel.ports.resolver import DnsFailure, Status

SHORTEST_TTL_S: Final = 5
"""``dns.shortest_zone_ttl``: a zone's standing outlives the question that asked for it."""

ZONES: Final = 5_000
"""``dns.zones``: zones whose standing is remembered."""

LONGEST_TTL_S: Final = 86_400
"""``dns.longest_ttl``: nothing is kept for longer than a day (RFC 8767 §4 allows seven)."""

STRIPPED_S: Final = 60
"""``dns.stripped``: after this the servers are asked again whether they pass signatures on."""

PROOFS: Final = 8
"""``dns.proofs``: NSEC or NSEC3 records of one answer that are looked at.  RFC 5155 §7.2 never needs more than 3."""

Ask = Callable[[Name, RdataType, Budget], Awaitable[Reading]]


class Standing(Enum):
    """How a name stands as a zone."""

    SECURE = auto()
    INSECURE = auto()
    """It, or a zone above it, is delegated without a DS that we can use."""
    NO_CUT = auto()
    """Proved not to be a zone of its own."""


class Zone(msgspec.Struct, frozen=True):
    """``keys`` only where SECURE."""

    name: Name
    standing: Standing
    keys: Keys
    ttl_s: int


class Judgement(msgspec.Struct, frozen=True):
    """Whether an answer is validated, and how long it may be kept for that; ``delegation``: it proves that another
    zone begins at the name."""

    secure: bool
    ttl_s: int
    delegation: bool = False


def bogus(reason: str, name: Name) -> DnsFailure:
    """The failure for an answer that contradicts the chain."""
    log.event("dns.bogus", Level.WARNING, domain=text_of(name), reason=reason)
    return DnsFailure(f"{reason} ({text_of(name)})", bogus=True)


def parse_anchors(texts: Iterable[str]) -> dict[Name, list[DS]]:
    """Anchors by zone; FormatError where a text is no DS record or names an algorithm that we do not know."""
    anchors: dict[Name, list[DS]] = {}
    for text in texts:
        head, _, numbers = " ".join(text.upper().split()).partition(" DS ")  # a TTL and a class may stand before it
        try:
            rdata = dns.rdata.from_text(RdataClass.IN, RdataType.DS, numbers)
            zone = dns.name.from_text(head.split()[0])
        except (dns.exception.DNSException, ValueError, IndexError) as error:
            raise FormatError("DNSSEC anchor", 0, text) from error
        if not isinstance(rdata, DS) or not usable([rdata]):
            raise FormatError("DNSSEC anchor", 0, text)
        anchors.setdefault(zone, []).append(rdata)
    return anchors


class Chain:
    """Validates readings; ``ask`` brings more of them.  Learning of one zone may take ``zone_s``."""

    def __init__(self, ask: Ask, anchors: dict[Name, list[DS]], clock: Clock, zone_s: float) -> None:
        self._ask = ask
        self._anchors = anchors
        self._clock = clock
        self._zone_s = zone_s
        self._zones: Cache[Name, Zone] = Cache(ZONES)
        self._sharing = Sharing()
        self._warned = False

    async def close(self) -> None:
        await self._sharing.close()

    # ------------------------------------------------------------------------------------------- answers

    async def judge(self, name: Name, rdtype: RdataType, reading: Reading, budget: Budget) -> Judgement:
        """Whether the reading is secure or rightly not; DnsFailure (bogus) where it is neither."""
        if reading.found is None:
            return await self._judge_absence(name, rdtype, reading, budget)
        found = reading.found
        if not found.signatures and reading.dname is not None:  # RFC 6672 §5.3.1
            found = reading.dname
        zone = await self._zone_of([found], name, rdtype, budget)
        if zone is None:
            return Judgement(False, LONGEST_TTL_S)
        valid = self._verify(found, zone, budget)
        if valid is None:
            raise bogus("no signature holds", name)
        if valid.labels < label_count(found.records.name):
            return self._judge_wildcard(name, valid, reading, zone, budget)
        return Judgement(True, valid.ttl_s)

    def _judge_wildcard(self, name: Name, valid: Valid, reading: Reading, zone: Zone, budget: Budget) -> Judgement:
        """RFC 4035 §5.3.4: a wildcard answers only where the name itself is absent."""
        for proofs, ttl_s in self._proofs(reading, zone, budget):
            proof = proofs.no_closer(name, valid.labels)
            if proof is not Proof.NONE:
                return Judgement(proof is Proof.HOLDS, min(valid.ttl_s, ttl_s))
        raise bogus("no proof that the wildcard may answer", name)

    async def _judge_absence(self, name: Name, rdtype: RdataType, reading: Reading, budget: Budget) -> Judgement:
        zone = await self._zone_of(reading.proofs, name, rdtype, budget)
        if zone is None:
            return Judgement(False, LONGEST_TTL_S)
        for proofs, ttl_s in self._proofs(reading, zone, budget):
            proof = _absence(proofs, name, rdtype, reading.status)
            if proof is not Proof.NONE:
                return Judgement(proof is Proof.HOLDS, ttl_s, proofs.delegates(name))
        raise bogus("no proof of absence", name)

    def _proofs(self, reading: Reading, zone: Zone, budget: Budget) -> Iterable[tuple[Proofs, int]]:
        """The proofs whose signatures hold, by kind, and how long they may be kept."""
        nsec: list[tuple[Name, NSEC]] = []
        nsec3: list[tuple[Name, NSEC3]] = []
        ttl_s = LONGEST_TTL_S
        for signed in reading.proofs[:PROOFS]:
            valid = self._verify(signed, zone, budget)
            owner = signed.records.name
            if valid is None or valid.labels != label_count(owner):  # a wildcard's NSEC speaks for the wildcard only
                continue
            ttl_s = min(ttl_s, valid.ttl_s)
            nsec += [(owner, rdata) for rdata in signed.records if isinstance(rdata, NSEC)]
            nsec3 += [(owner, rdata) for rdata in signed.records if isinstance(rdata, NSEC3)]
        if nsec:
            yield NsecProofs(nsec, zone.name), ttl_s
        if nsec3:
            yield Nsec3Proofs(nsec3, zone.name, budget), ttl_s

    def _verify(self, signed: Signed, zone: Zone, budget: Budget) -> Valid | None:
        return verify(signed, zone.name, zone.keys, self._clock.now(), budget)

    async def _zone_of(self, claims: Iterable[Signed], name: Name, rdtype: RdataType, budget: Budget) -> Zone | None:
        """The secure zone whose keys must have signed these; None where nothing need be signed."""
        home = _home(name, rdtype)
        signer = _signer(claims, home)
        # Above the nearest anchor nobody is asked: what is not signed there may well be signed here.
        if signer is not None and signer.is_subdomain(self._anchor_above(home) or signer):
            zone = await self.zone(signer, budget)
            if zone.standing is Standing.SECURE:
                return zone
            if zone.standing is Standing.INSECURE:
                return None
        if await self._is_insecure(home, budget):
            return None
        raise bogus("no signature where one is due", name)

    async def _is_insecure(self, name: Name, budget: Budget) -> bool:
        """Whether the way from the nearest anchor down to ``name`` leaves the signed tree."""
        anchor = self._anchor_above(name)
        if anchor is None:
            return True
        for at in range(len(name) - len(anchor), -1, -1):
            zone = await self.zone(Name(name.labels[at:]), budget)
            if zone.standing is Standing.INSECURE:
                return True
        return False

    def _anchor_above(self, name: Name) -> Name | None:
        """The nearest zone with an anchor that holds ``name``."""
        return max((zone for zone in self._anchors if name.is_subdomain(zone)), key=len, default=None)

    # --------------------------------------------------------------------------------------------- zones

    async def zone(self, name: Name, budget: Budget) -> Zone:
        """How ``name`` stands as a zone; DnsFailure where that cannot be had, or is bogus."""
        known = self._zones.get(name, self._clock.monotonic())
        if known is not None:
            return known
        return await self._sharing.run(name, lambda: self._learn(name, budget))

    async def _learn(self, name: Name, budget: Budget) -> Zone:
        async with asyncio.timeout(self._zone_s):
            zone = await self._find(name, budget)
        ttl_s = max(SHORTEST_TTL_S, min(zone.ttl_s, LONGEST_TTL_S))
        self._zones.put(name, zone, self._clock.monotonic() + ttl_s)
        return zone

    async def _find(self, name: Name, budget: Budget) -> Zone:
        anchors = self._anchors.get(name)
        if anchors is not None:
            return await self._at_anchor(name, anchors, budget)
        if name == dns.name.root:
            return _without_keys(name, Standing.INSECURE, LONGEST_TTL_S)
        return await self._below(name, budget)

    async def _at_anchor(self, name: Name, anchors: list[DS], budget: Budget) -> Zone:
        try:
            dnskeys = await self._ask(name, RdataType.DNSKEY, budget)
        except Refused as refused:
            if refused.rcode == Rcode.SERVFAIL:  # it may be better in a moment; without DNSSEC it would still be so
                raise
            return self._stripped(name)
        if dnskeys.found is None or not dnskeys.found.signatures:
            return self._stripped(name)
        return self._with_keys(name, anchors, dnskeys.found, LONGEST_TTL_S, budget)

    def _stripped(self, name: Name) -> Zone:
        """The servers do not pass DNSSEC on.  Who sits on the way could do this to us: hence the warning."""
        if not self._warned:
            self._warned = True
            log.event("dns.no_dnssec", Level.WARNING, zone=text_of(name))
        return _without_keys(name, Standing.INSECURE, STRIPPED_S)

    async def _below(self, name: Name, budget: Budget) -> Zone:
        """What the parent says of ``name``: a DS, that it has none, or that it is no zone."""
        reading = await self._ask(name, RdataType.DS, budget)
        judgement = await self.judge(name, RdataType.DS, reading, budget)
        if reading.target is not None and judgement.secure:  # no zone begins where a CNAME is (RFC 1034 §3.6.2)
            return _without_keys(name, Standing.NO_CUT, judgement.ttl_s)
        if reading.found is None:
            return self._undelegated(name, reading, judgement)
        ds_set = usable([rdata for rdata in reading.found.records if isinstance(rdata, DS)])
        if not judgement.secure or not ds_set:
            return _without_keys(name, Standing.INSECURE, min(judgement.ttl_s, reading.found.records.ttl))
        dnskeys = await self._ask(name, RdataType.DNSKEY, budget)
        if dnskeys.found is None:
            raise bogus("no DNSKEY for a DS", name)
        return self._with_keys(name, ds_set, dnskeys.found, judgement.ttl_s, budget)

    def _undelegated(self, name: Name, reading: Reading, judgement: Judgement) -> Zone:
        ttl_s = min(judgement.ttl_s, reading.negative_ttl_s)
        insecure = not judgement.secure or judgement.delegation
        return _without_keys(name, Standing.INSECURE if insecure else Standing.NO_CUT, ttl_s)

    def _with_keys(self, name: Name, ds_set: list[DS], dnskeys: Signed, ttl_s: int, budget: Budget) -> Zone:
        """RFC 4035 §5.2: a key named by a DS must have signed the DNSKEY set."""
        keys = keys_of(dnskeys.records)
        valid = verify(dnskeys, name, named_by(ds_set, name, keys), self._clock.now(), budget)
        if valid is None:
            raise bogus("no DNSKEY that a DS names has signed the keys", name)
        return Zone(name, Standing.SECURE, keys, min(ttl_s, valid.ttl_s))


def _without_keys(name: Name, standing: Standing, ttl_s: int) -> Zone:
    return Zone(name, standing, Keys([]), ttl_s)


def _home(name: Name, rdtype: RdataType) -> Name:
    """The longest name that may be the zone of such a record: DS are the parent's (RFC 4035 §2.4)."""
    return name.parent() if rdtype is RdataType.DS and name != dns.name.root else name


def _signer(claims: Iterable[Signed], home: Name) -> Name | None:
    """The nearest zone that the signatures name and that may hold ``home``."""
    signers = {signature.signer for signed in claims for signature in signed.signatures}
    return max((signer for signer in signers if home.is_subdomain(signer)), key=len, default=None)


def _absence(proofs: Proofs, name: Name, rdtype: RdataType, status: Status) -> Proof:
    if status is Status.NO_NAME:
        return proofs.no_name(name)
    return proofs.no_data(name, rdtype)
