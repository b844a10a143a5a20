"""Which records a domain needs so that its mail is delivered, believed and found by clients.  Pure.

Sources: MX RFC 5321 §5.1; SPF RFC 7208; DKIM RFC 6376 §3.6; DMARC RFC 9989; TLS reports RFC 8460 §3; DANE RFC 7672;
SRV of mail services RFC 6186, RFC 8314 §5, RFC 5804 §1.8 (sieve); CAA RFC 8659; MTA-STS RFC 8461 §3.1, §3.3;
autoconfig and Autodiscover are what mail programs ask below the domain.

What stands in the DNS and serves its purpose stays; a record of which there may be only one (SPF, DMARC) is grown from
the one that is there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from courriel.model.zone_record import Purpose, Wanted, ZoneRecord
from courriel.zones import dmarc, spf

MX_PREFERENCE: Final = 10

TTL_S: Final = 3600
"""Of the records we propose: long enough for caches, short enough for corrections."""

SRV_NAMES: Final[Mapping[str, str]] = {
    "submissions": "_submissions._tcp",
    "submission": "_submission._tcp",
    "imaps": "_imaps._tcp",
    "imap": "_imap._tcp",
    "pop3s": "_pop3s._tcp",
    "pop3": "_pop3._tcp",
    "managesieve": "_sieve._tcp",
}
"""Our doors → service names.  RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8."""

PREFERRED: Final = frozenset({"submissions", "imaps", "pop3s", "managesieve"})
"""TLS from the first octet comes first.  RFC 8314 §3."""


class House(msgspec.Struct, frozen=True):
    """What is known of our side.  ``ips`` are the addresses our mail leaves from and comes to."""

    hostname: str
    ips: tuple[str, ...]
    doors: Mapping[str, int]
    """Name → port, of the doors clients use."""
    dane: str = ""
    """TLSA data for port 25, "" where certificates change unannounced or the zone is not signed."""
    caa: tuple[str, ...] = ()
    """Authorities that may issue for our names; none: nothing is said."""
    spf: tuple[str, ...] = ()
    """SPF records that stand at our host name."""
    reports: str = dmarc.REPORTS
    """Local part that takes reports in each domain."""
    https: int = 0
    """Port of our web door, 0 for none: then nothing is said that it would have to keep."""
    sts: str = ""
    """``id`` of the MTA-STS policy we serve, "" for none."""


class Domain(msgspec.Struct, frozen=True):
    """What is known of one domain: its keys, and the SPF and DMARC records that stand there."""

    name: str
    dkim: tuple[tuple[str, str], ...] = ()
    """Selector and key record."""
    spf: tuple[str, ...] = ()
    dmarc: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    """SPF mechanisms of others who send for it: ``include:_spf.example.net``."""


def plan(house: House, domain: Domain) -> tuple[Wanted, ...]:
    """All records, those of the domain first, then those of our host."""
    return (*_of_domain(house, domain), *_of_host(house, domain))


def _of_domain(house: House, domain: Domain) -> Iterator[Wanted]:
    name = domain.name
    yield Wanted(ZoneRecord(name, "MX", f"{MX_PREFERENCE} {house.hostname}."), Purpose.MX)
    yield _one_of_its_kind(name, _spf_text(house, domain), domain.spf, Purpose.SPF)
    for selector, key in domain.dkim:
        yield Wanted(ZoneRecord(f"{selector}._domainkey.{name}", "TXT", key), Purpose.DKIM)
    yield _one_of_its_kind(
        f"_dmarc.{name}", dmarc.record(domain.dmarc, name, house.reports), domain.dmarc, Purpose.DMARC
    )
    tls = f"v=TLSRPTv1; rua=mailto:{house.reports}@{name}"
    yield Wanted(ZoneRecord(f"_smtp._tls.{name}", "TXT", tls), Purpose.TLS_REPORTS, needed=False)
    for door, service in SRV_NAMES.items():
        if port := house.doors.get(door):
            target = f"{0 if door in PREFERRED else 10} 1 {port} {house.hostname}."
            yield Wanted(ZoneRecord(f"{service}.{name}", "SRV", target), Purpose.SERVICE, needed=False)
    yield from _of_web(house, name)
    for issuer in house.caa:
        yield Wanted(ZoneRecord(name, "CAA", f'0 issue "{issuer}"'), Purpose.CAA, needed=False)


def _of_web(house: House, name: str) -> Iterator[Wanted]:
    """What leads to our web door: one alias for each name, so that addresses are written in one place only."""
    if house.sts:
        text = f"v=STSv1; id={house.sts};"
        yield Wanted(ZoneRecord(f"_mta-sts.{name}", "TXT", text), Purpose.STS, needed=False)
        yield _alias(f"mta-sts.{name}", house, Purpose.STS_HOST)
    if house.https:
        yield _alias(f"autoconfig.{name}", house, Purpose.AUTOCONFIG)
        yield _alias(f"autodiscover.{name}", house, Purpose.AUTODISCOVER)
        target = f"0 1 {house.https} {house.hostname}."
        yield Wanted(ZoneRecord(f"_autodiscover._tcp.{name}", "SRV", target), Purpose.AUTODISCOVER, needed=False)


def _alias(name: str, house: House, purpose: Purpose) -> Wanted:
    return Wanted(ZoneRecord(name, "CNAME", f"{house.hostname}."), purpose, needed=False)


def _spf_text(house: House, domain: Domain) -> str:
    existing = domain.spf[0] if len(domain.spf) == 1 else ""
    if not existing and domain.spf:  # several make a permerror (RFC 7208 §4.5): one that says what all said
        existing = spf.merge(domain.spf[0], [t for more in domain.spf[1:] for t in _plain_terms(more)])
    terms = spf.terms_of(existing)
    ours = spf.addresses(house.ips)
    # Addresses that stand there already say all that "mx" would say, and cost receivers no look-up.
    covered = bool(ours) and spf.merge(existing, ours, "") == spf.merge(existing, (), "")
    return spf.merge(existing, [*(() if covered and terms else ("mx",)), *domain.senders])


def _plain_terms(record: str) -> list[str]:
    return [term for term in spf.terms_of(record) if not term.lower().endswith("all") and "=" not in term]


def _one_of_its_kind(name: str, text: str, existing: tuple[str, ...], purpose: Purpose) -> Wanted:
    return Wanted(ZoneRecord(name, "TXT", text), purpose, replaces=tuple([one for one in existing if one != text]))


def _of_host(house: House, domain: Domain) -> Iterator[Wanted]:
    host = house.hostname
    for ip in house.ips:
        kind = "A" if ipaddress.ip_address(ip).version == 4 else "AAAA"
        yield Wanted(ZoneRecord(host, kind, ip), Purpose.ADDRESS)
    if host != domain.name:
        # Bounces leave with the null reverse-path: then receivers ask for the name in EHLO (RFC 7208 §2.4).
        text = spf.merge(house.spf[0] if len(house.spf) == 1 else "", ["a"], "-all")
        yield msgspec.structs.replace(_one_of_its_kind(host, text, house.spf, Purpose.HOST_SPF), needed=False)
    if house.dane:
        yield Wanted(ZoneRecord(f"_25._tcp.{host}", "TLSA", house.dane), Purpose.DANE, needed=False)
    for ip in house.ips:
        yield Wanted(ZoneRecord(ipaddress.ip_address(ip).reverse_pointer, "PTR", f"{host}."), Purpose.REVERSE)
