"""A tree of signed zones in memory, and the answers a resolver that holds all of them would give.

Keys and signatures are made here with dnspython; NSEC and NSEC3 chains by hand (RFC 4035 §2.3, RFC 5155 §7.1).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.NSEC import NSEC, Bitmap
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rdtypes.ANY.NSEC3 import Bitmap as HashedBitmap
from dns.rrset import RRset

NOW: Final = 1_800_000_000
DAY: Final = 86_400
TTL: Final = 3_600

MAKE = {
    8: lambda: rsa.generate_private_key(65_537, 2_048),
    10: lambda: rsa.generate_private_key(65_537, 2_048),
    13: lambda: ec.generate_private_key(ec.SECP256R1()),
    14: lambda: ec.generate_private_key(ec.SECP384R1()),
    15: ed25519.Ed25519PrivateKey.generate,
    16: ed448.Ed448PrivateKey.generate,
}


@dataclass
class Key:
    """A private key and its DNSKEY record (KSK and ZSK in one)."""

    algorithm: int
    private: object = None
    public: DNSKEY = field(init=False)

    def __post_init__(self) -> None:
        self.private = MAKE[self.algorithm]()
        self.public = dns.dnssec.make_dnskey(self.private.public_key(), self.algorithm, flags=257)

    def sign(self, rrset: RRset, zone: Name, inception: int = NOW - DAY, expiration: int = NOW + DAY) -> RRset:
        rrsig = dns.dnssec.sign(rrset, self.private, zone, self.public, inception=inception, expiration=expiration)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, rrsig)


@dataclass
class Zone:
    """One zone.  ``denial``: "nsec", "nsec3", "optout" or "" (not signed)."""

    origin: Name
    denial: str = "nsec"
    iterations: int = 0
    key: Key | None = None
    sets: dict[tuple[Name, RdataType], RRset] = field(default_factory=dict)
    signatures: dict[tuple[Name, RdataType], RRset] = field(default_factory=dict)

    @property
    def names(self) -> set[Name]:
        """Every name of the zone, empty non-terminals too."""
        owned = {owner for owner, rdtype in self.sets if rdtype is not RdataType.NSEC3}
        return {Name(owner.labels[at:]) for owner in owned for at in range(len(owner) - len(self.origin) + 1)}

    def types(self, name: Name) -> set[RdataType]:
        return {rdtype for owner, rdtype in self.sets if owner == name}

    def delegated(self, name: Name) -> bool:
        return name != self.origin and RdataType.NS in self.types(name)

    def ds(self) -> RRset:
        assert self.key is not None
        return dns.rrset.from_rdata(self.origin, TTL, dns.dnssec.make_ds(self.origin, self.key.public, "SHA256"))

    def add(self, rrset: RRset) -> None:
        self.sets[rrset.name, rrset.rdtype] = rrset

    def sign(self) -> None:
        if self.key is None:
            return
        self.add(dns.rrset.from_rdata(self.origin, TTL, self.key.public))
        if self.denial == "nsec":
            self._add_nsec()
        else:
            self._add_nsec3()
        for (owner, rdtype), rrset in self.sets.items():
            if rdtype is not RdataType.NS or owner == self.origin:
                self.signatures[owner, rdtype] = self.key.sign(rrset, self.origin)

    def _add_nsec(self) -> None:
        owners = sorted({owner for owner, _ in self.sets})
        for owner, following in zip(owners, owners[1:] + owners[:1], strict=True):
            bitmap = Bitmap.from_rdtypes([*self.types(owner), RdataType.NSEC, RdataType.RRSIG])
            self.add(dns.rrset.from_rdata(owner, TTL, NSEC(1, RdataType.NSEC, following, bitmap)))

    def _add_nsec3(self) -> None:
        opt_out = self.denial == "optout"
        left_out = {one for one in self.names if opt_out and self.types(one) == {RdataType.NS}}
        hashed = {self.hash(one): one for one in self.names - left_out}
        order = sorted(hashed)
        for start, end in zip(order, order[1:] + order[:1], strict=True):
            types = self.types(hashed[start])
            signed = types - {RdataType.NS} or hashed[start] == self.origin
            bitmap = HashedBitmap.from_rdtypes([*types, *([RdataType.RRSIG] if signed else [])])
            nsec3 = NSEC3(1, RdataType.NSEC3, 1, int(opt_out), self.iterations, b"\xab", end, bitmap)
            self.add(dns.rrset.from_rdata(self.hash_owner(start), TTL, nsec3))

    def hash(self, name: Name) -> bytes:
        digest = hashlib.sha1(name.to_digestable() + b"\xab").digest()
        for _ in range(self.iterations):
            digest = hashlib.sha1(digest + b"\xab").digest()
        return digest

    def hash_owner(self, hashed: bytes) -> Name:
        return Name((base64.b32hexencode(hashed).lower(), *self.origin.labels))


class Tree:
    """Zones by origin; ``hosts`` names the servers of some, for the zone above."""

    def __init__(self) -> None:
        self.zones: dict[Name, Zone] = {}
        self.hosts: dict[str, str] = {}

    def add(self, origin: str, text: str, denial: str = "nsec", algorithm: int = 13, iterations: int = 0) -> Zone:
        """A zone of master file lines; "" as ``denial`` leaves it unsigned."""
        name = dns.name.from_text(origin)
        zone = Zone(name, denial, iterations, Key(algorithm) if denial else None)
        head = f"$TTL {TTL}\n@ SOA ns.test. admin.test. 1 3600 600 86400 900\n@ NS ns.test.\n"
        parsed = dns.zone.from_text(head + text, name, relativize=False, check_origin=False)
        for owner, rdataset in parsed.iterate_rdatasets():
            zone.add(dns.rrset.from_rdata_list(owner, rdataset.ttl, list(rdataset)))
        self.zones[name] = zone
        return zone

    def sign(self) -> Tree:
        """Delegate every zone from the one above it, with DS where it is signed; then sign all."""
        for origin, zone in self.zones.items():
            if origin == dns.name.root:
                continue
            parent = self.above(origin)
            host = self.hosts.get(origin.to_text(), "ns.test.")
            parent.add(dns.rrset.from_text(origin, TTL, "IN", "NS", host))
            if zone.key is not None:
                parent.add(zone.ds())
        for zone in self.zones.values():
            zone.sign()
        return self

    def anchor(self, origin: str = ".") -> str:
        zone = self.zones[dns.name.from_text(origin)]
        return f"{origin} DS {zone.ds()[0].to_text()}"

    def above(self, name: Name) -> Zone:
        return self.holding(name.parent())

    def holding(self, name: Name) -> Zone:
        return max(
            (zone for origin, zone in self.zones.items() if name.is_subdomain(origin)), key=lambda z: len(z.origin)
        )

    # ------------------------------------------------------------------------------------------ answers

    def answer(self, query: Message) -> Message:
        """What a resolver with CD set gives for the question, signatures included."""
        (question,) = query.question
        answer = dns.message.make_response(query, recursion_available=True)
        answer.want_dnssec(bool(query.ednsflags & dns.flags.DO))
        name = question.name
        zone = self.above(name) if question.rdtype == RdataType.DS and len(name) > 1 else self.holding(name)
        self._fill(answer, zone, name, question.rdtype)
        return answer

    def answer_of(self, origin: str, query: Message, glue: dict[str, str]) -> Message:
        """What a server of this one zone gives: its own, or a referral with addresses from ``glue``."""
        (question,) = query.question
        zone, name = self.zones[dns.name.from_text(origin)], question.name
        answer = dns.message.make_response(query)
        answer.want_dnssec(bool(query.ednsflags & dns.flags.DO))
        ancestors = [Name(name.labels[-size:]) for size in range(len(zone.origin) + 1, len(name) + 1)]
        cut = next((one for one in ancestors if zone.delegated(one)), None)
        if cut is None or (cut == name and question.rdtype == RdataType.DS):
            answer.flags |= dns.flags.AA
            self._fill(answer, zone, name, question.rdtype)
            return answer
        answer.authority.append(zone.sets[cut, RdataType.NS])
        for host, ip in glue.items():
            answer.additional.append(dns.rrset.from_text(host, TTL, "IN", "A", ip))
        return answer

    def _fill(self, answer: Message, zone: Zone, name: Name, rdtype: RdataType) -> None:
        encloser = name
        while encloser not in zone.names:
            encloser = encloser.parent()
        source = name if encloser == name else Name((b"*", *encloser.labels))
        for wanted in (rdtype, RdataType.CNAME):
            if (source, wanted) in zone.sets:
                self._give(answer.answer, zone, source, wanted, name)
                if source != name:
                    answer.authority += self._covering(zone, Name(name.labels[-len(encloser) - 1 :]))
                return
        self._give(answer.authority, zone, zone.origin, RdataType.SOA, zone.origin)
        exists = source in zone.names
        if not exists:
            answer.set_rcode(Rcode.NXDOMAIN)
        if zone.key is not None:
            answer.authority += _once(self._denial(zone, name, encloser, source, exists))

    def _denial(self, zone: Zone, name: Name, encloser: Name, wildcard: Name, exists: bool) -> Iterable[RRset]:
        if name == encloser:
            yield from self._matching(zone, name)
            return
        next_closer = Name(name.labels[-len(encloser) - 1 :])
        yield from self._covering(zone, name if zone.denial == "nsec" else next_closer)
        if zone.denial != "nsec":
            yield from self._matching(zone, encloser)
        yield from (self._matching if exists else self._covering)(zone, wildcard)

    def _matching(self, zone: Zone, name: Name) -> Iterable[RRset]:
        owner = name if zone.denial == "nsec" else zone.hash_owner(zone.hash(name))
        rdtype = RdataType.NSEC if zone.denial == "nsec" else RdataType.NSEC3
        if (owner, rdtype) not in zone.sets:  # an empty non-terminal, or left out by opt-out
            yield from self._covering(zone, name)
            if zone.denial == "optout":
                yield from self._matching(zone, name.parent())
            return
        yield zone.sets[owner, rdtype]
        yield zone.signatures[owner, rdtype]

    def _covering(self, zone: Zone, name: Name) -> Iterable[RRset]:
        if zone.denial == "nsec":
            owners = sorted(owner for owner, rdtype in zone.sets if rdtype is RdataType.NSEC)
            owner, rdtype = [one for one in owners if one < name][-1], RdataType.NSEC
        elif zone.denial:
            rdtype = RdataType.NSEC3
            owners = sorted(owner for owner, rdtype in zone.sets if rdtype is RdataType.NSEC3)
            target = zone.hash_owner(zone.hash(name))
            owner = ([one for one in owners if one < target] or owners)[-1]
        else:
            return
        yield zone.sets[owner, rdtype]
        yield zone.signatures[owner, rdtype]

    def _give(self, section: list[RRset], zone: Zone, source: Name, rdtype: RdataType, name: Name) -> None:
        found = [zone.sets[source, rdtype]]
        if (source, rdtype) in zone.signatures:
            found.append(zone.signatures[source, rdtype])
        section.extend([dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset)) for rrset in found])


def _once(rrsets: Iterable[RRset]) -> list[RRset]:
    seen: list[RRset] = []
    for rrset in rrsets:
        if not any(rrset is one for one in seen):
            seen.append(rrset)
    return seen


MAIL = """
@ MX 20 mx2
@ MX 10 mx1
@ TXT "v=spf1 " "-all"
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
mx2 A 192.0.2.2
_25._tcp.mx1 TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
null MX 0 .
www CNAME web
web A 192.0.2.80
*.wild A 192.0.2.99
alias CNAME mx1.plain.test.
deep.empty TXT "far down"
"""


def mail_tree() -> Tree:
    """The usual tree: signed zones with NSEC, NSEC3 and opt-out, an unsigned one, and reverse names."""
    tree = Tree()
    tree.add(".", "")
    tree.add("test.", "ns A 127.0.0.1\n")
    tree.add("signed.test.", MAIL)
    tree.add("hashed.test.", MAIL, "nsec3")
    tree.add("plain.test.", MAIL + "inward CNAME mx1.signed.test.\n", "")
    tree.add("optout.test.", MAIL, "optout")
    tree.add("below.optout.test.", MAIL, "")
    tree.add("slow.test.", MAIL, "nsec3", iterations=101)
    tree.add("xn--bcher-kva.test.", MAIL)
    tree.add("in-addr.arpa.", "1.2.0.192 PTR mx1.signed.test.\n")
    return tree.sign()
