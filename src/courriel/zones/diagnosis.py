"""From what the DNS says to what is good and what is not.  Pure; the same rows that ``courriel dns`` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from courriel.formats.zone_file import line
from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.model.zone_record import Purpose, Row, State
from courriel.zones import spf
from courriel.zones.plan import TTL_S

_GROUPS: Final = {
    Purpose.MX: Group.MX,
    Purpose.ADDRESS: Group.ADDRESS,
    Purpose.REVERSE: Group.REVERSE,
    Purpose.SPF: Group.SPF,
    Purpose.HOST_SPF: Group.SPF,
    Purpose.DKIM: Group.DKIM,
    Purpose.DMARC: Group.DMARC,
    Purpose.TLS_REPORTS: Group.TLS_REPORTS,
    Purpose.DANE: Group.DANE,
    Purpose.STS: Group.MTA_STS,
    Purpose.STS_HOST: Group.MTA_STS,
    Purpose.SERVICE: Group.SERVICE,
    Purpose.AUTOCONFIG: Group.AUTOCONFIG,
    Purpose.AUTODISCOVER: Group.AUTODISCOVER,
    Purpose.CAA: Group.CAA,
}

_SYMPTOMS: Final = {
    State.RIGHT: Symptom.RIGHT,
    State.MISSING: Symptom.MISSING,
    State.DIFFERENT: Symptom.DIFFERENT,
    State.UNKNOWN: Symptom.NO_ANSWER,
}


def of_rows(rows: Sequence[Row]) -> Iterator[Finding]:
    """A finding for each record."""
    for row in rows:
        record = row.wanted.record
        good = row.state is State.RIGHT
        yield Finding(
            _GROUPS[row.wanted.purpose],
            _health(row),
            _SYMPTOMS[row.state],
            f"{record.name} {record.type}",
            "" if good else "; ".join(row.found),
            "" if good else line(record.name, record.type, record.value, TTL_S),
        )
    if not any(row.wanted.purpose is Purpose.DKIM for row in rows):
        yield Finding(Group.DKIM, Health.WARNING, Symptom.NO_KEY, rows[0].wanted.record.name if rows else "")


def _health(row: Row) -> Health:
    if row.state is State.UNKNOWN:
        return Health.UNKNOWN
    if row.state is State.RIGHT:
        return Health.GOOD
    return Health.BAD if row.wanted.needed else Health.WARNING


def of_spf(name: str, record: str, cost: spf.Cost) -> Iterator[Finding]:
    """What is wrong with an SPF record even when it is published as it should be."""
    if cost.lookups > spf.LOOKUPS:
        yield Finding(Group.SPF, Health.BAD, Symptom.LOOKUPS, name, str(cost.lookups))
    if len(record) > spf.RECORD_OCTETS:
        yield Finding(Group.SPF, Health.WARNING, Symptom.LONG, name, str(len(record)))
    if any(term.lower() in ("all", "+all") for term in spf.terms_of(record)):
        yield Finding(Group.SPF, Health.BAD, Symptom.ANYONE, name, record)
    for other in cost.unknown:
        yield Finding(Group.SPF, Health.WARNING, Symptom.NO_ANSWER, other)


def of_dnssec(name: str, secure: bool) -> Finding:
    """Whether answers about the domain can be proven."""
    if secure:
        return Finding(Group.DNSSEC, Health.GOOD, Symptom.RIGHT, name)
    return Finding(Group.DNSSEC, Health.WARNING, Symptom.NOT_SIGNED, name)


def listed_name(ip_reversed: str, zone: str) -> str:
    """The name under which a block list answers for an address.  RFC 5782 §2.1."""
    head = ip_reversed.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    return f"{head}.{zone}"


def of_blocklist(ip: str, zone: str, answers: Sequence[str]) -> Finding:
    """RFC 5782 §2.1: 127/8 says listed; 127.255.255.x is how lists say that they do not serve the resolver we use."""
    if any(answer.startswith("127.255.255.") for answer in answers):
        return Finding(Group.BLOCKLISTS, Health.UNKNOWN, Symptom.NO_ANSWER, f"{ip} {zone}")
    if any(answer.startswith("127.") for answer in answers):
        return Finding(Group.BLOCKLISTS, Health.BAD, Symptom.LISTED, f"{ip} {zone}", ", ".join(answers))
    return Finding(Group.BLOCKLISTS, Health.GOOD, Symptom.RIGHT, f"{ip} {zone}")
