"""Signatures over records, and the keys that made them.  RFC 4034 §3.1.8 and §6, RFC 4035 §5.3.

Everything that costs is counted in the budget before it is done.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import dns.dnssec
import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from dns.dnssecalgs import get_algorithm_cls
from dns.dnssecalgs.base import GenericPublicKey
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rrset import RRset

from courriel.net.dns.budget import Budget
from courriel.net.dns.reading import Signed
from courriel.ports.resolver import DnsFailure

ALGORITHMS: Final = frozenset({8, 10, 13, 14, 15, 16})
"""RSA with SHA-256 and SHA-512, ECDSA P-256 and P-384, Ed25519, Ed448.  SHA-1 is no longer trusted (RFC 9905)."""

DIGESTS: Final = {2: hashlib.sha256, 4: hashlib.sha384}
"""Of DS records: RFC 4509, RFC 6605 §2."""

KEYS_PER_TAG: Final = 4
"""``dns.keys_per_tag``: keys of a zone with the same tag and algorithm; the others are not tried (CVE-2023-50387)."""

KEYS_PER_ZONE: Final = 100
"""``dns.keys_per_zone``: zones have 2 to 4, some 20 during a roll-over."""

DS_PER_ZONE: Final = 32
"""``dns.ds_per_zone``."""

RSA_BITS: Final = range(1_024, 4_097)
"""``dns.rsa_bits``: RFC 5702 §2.1 and §2.2 end at 4,096; less than 1,024 can be broken."""

EXPONENT_BITS: Final = 64
"""``dns.exponent_bits``: checking costs in proportion to it; in use are 65,537 and 2^32 + 1."""

_ZONE_FLAG: Final = 0x0100
_REVOKED_FLAG: Final = 0x0080
_DNSSEC_PROTOCOL: Final = 3


class Valid(msgspec.Struct, frozen=True):
    """A signature held.  ``labels`` of the name it was made for: fewer than the owner has where a wildcard answered
    (RFC 4035 §5.3.4).  ``ttl_s``: how long the records may be kept (RFC 4035 §5.3.3)."""

    labels: int
    ttl_s: int


class Keys:
    """Keys of a zone, by tag and algorithm; the mathematics of one is set up when it is first needed."""

    def __init__(self, records: list[DNSKEY]) -> None:
        self._records: dict[tuple[int, int], list[DNSKEY]] = {}
        self._ready: dict[DNSKEY, GenericPublicKey | None] = {}
        for key in records:
            same = self._records.setdefault((dns.dnssec.key_id(key), int(key.algorithm)), [])
            if len(same) < KEYS_PER_TAG:
                same.append(key)

    def with_tag(self, tag: int, algorithm: int) -> list[DNSKEY]:
        """Keys a signature or DS with these numbers may mean."""
        return self._records.get((tag, algorithm), [])

    def ready(self, key: DNSKEY) -> GenericPublicKey | None:
        """The key to check with; None where it is none."""
        if key not in self._ready:
            self._ready[key] = _public_key(key)
        return self._ready[key]


def keys_of(dnskeys: RRset) -> Keys:
    """The keys of a DNSKEY answer that may sign."""
    if len(dnskeys) > KEYS_PER_ZONE:
        raise DnsFailure("limit dns.keys_per_zone", bogus=True)
    return Keys([key for key in dnskeys if isinstance(key, DNSKEY) and _may_sign(key)])


def _may_sign(key: DNSKEY) -> bool:
    """RFC 4034 §2.1.1 and §2.1.2; RFC 5011 §2.1."""
    return bool(
        key.flags & _ZONE_FLAG
        and not key.flags & _REVOKED_FLAG
        and key.protocol == _DNSSEC_PROTOCOL
        and key.algorithm in ALGORITHMS
    )


def _public_key(key: DNSKEY) -> GenericPublicKey | None:
    try:
        public = get_algorithm_cls(key.algorithm).public_cls.from_dnskey(key)
    except (ValueError, UnsupportedAlgorithm):
        return None
    rsa = getattr(public, "key", None)
    if isinstance(rsa, RSAPublicKey) and (
        rsa.key_size not in RSA_BITS or rsa.public_numbers().e.bit_length() > EXPONENT_BITS
    ):
        return None
    return public


def usable(ds_set: list[DS]) -> list[DS]:
    """The DS records whose digest and algorithm we know; none of them means insecure (RFC 4035 §5.2)."""
    return [ds for ds in ds_set if ds.digest_type in DIGESTS and ds.algorithm in ALGORITHMS]


def named_by(ds_set: list[DS], zone: Name, keys: Keys) -> Keys:
    """The keys that a DS names.  RFC 4034 §5.1.4."""
    named: list[DNSKEY] = []
    for ds in ds_set[:DS_PER_ZONE]:
        digest = DIGESTS[ds.digest_type]
        owner = zone.to_digestable()
        candidates = keys.with_tag(ds.key_tag, ds.algorithm)
        named += [key for key in candidates if digest(owner + key.to_digestable()).digest() == ds.digest]
    return Keys(named)


def verify(signed: Signed, zone: Name, keys: Keys, now: float, budget: Budget) -> Valid | None:
    """The first signature of ``zone`` that holds; None where none does."""
    for signature in signed.signatures:
        if signature.signer != zone or not _fits(signature, signed.records, now):
            continue
        for key in keys.with_tag(signature.key_tag, signature.algorithm):
            public = keys.ready(key)
            if public is not None and _holds(signature, signed.records, public, budget):
                left_s = (signature.expiration - int(now)) & 0xFFFF_FFFF
                ttl_s = min(signed.records.ttl, signature.original_ttl, left_s)
                return Valid(signature.labels, ttl_s)
    return None


def _fits(signature: RRSIG, records: RRset, now: float) -> bool:
    """RFC 4035 §5.3.1: what can be said without mathematics.  Times are serial numbers (RFC 4034 §3.1.5)."""
    owner = records.name
    moment = int(now)
    return (
        signature.labels <= label_count(owner)
        and owner.is_subdomain(signature.signer)
        and (signature.expiration - moment) & 0xFFFF_FFFF < 0x8000_0000
        and (moment - signature.inception) & 0xFFFF_FFFF < 0x8000_0000
    )


def label_count(name: Name) -> int:
    """Labels without the root and without a leading ``*``.  RFC 4034 §3.1.3."""
    return len(name) - 1 - name.is_wild()


def _holds(signature: RRSIG, records: RRset, public: GenericPublicKey, budget: Budget) -> bool:
    budget.spend_signature()
    try:
        public.verify(signature.signature, _signed_octets(signature, records))
    except (InvalidSignature, ValueError):
        budget.spend_wrong_signature()
        return False
    return True


def _signed_octets(signature: RRSIG, records: RRset) -> bytes:
    """What the signature was made over.  RFC 4034 §3.1.8.1, order of records §6.3."""
    owner = records.name
    if signature.labels < label_count(owner):
        owner = Name((b"*", *owner.labels[-signature.labels - 1 :]))
    head = owner.to_digestable() + struct.pack("!HHI", records.rdtype, records.rdclass, signature.original_ttl)
    rdatas = sorted([rdata.to_digestable() for rdata in records])
    rrsig = (signature.to_wire() or b"")[:18] + signature.signer.to_digestable()
    return rrsig + b"".join([head + struct.pack("!H", len(rdata)) + rdata for rdata in rdatas])
