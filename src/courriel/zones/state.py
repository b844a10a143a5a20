"""What the DNS says of records we want."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from courriel.model.zone_record import SINGLE, Purpose, Row, State, Wanted
from courriel.ports.resolver import Answer, DnsFailure
from courriel.ports.zone import RecordReader
from courriel.zones import dmarc, spf

AT_ONCE: Final = 8
"""``zone.at_once``: questions under way together."""


async def look(wanted: Sequence[Wanted], reader: RecordReader) -> list[Row]:
    """A row for each, in order."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(each: Wanted) -> Row:
        async with turns:
            return await _row(each, reader)

    return list(await asyncio.gather(*[one(each) for each in wanted]))


async def existing(name: str, kind: Callable[[str], bool], reader: RecordReader) -> tuple[str, ...]:
    """Texts at ``name`` that are of a kind.  Raises DnsFailure: growing a record from nothing would lose one."""
    answer = await reader.txt(name)
    return tuple([text for text in map(_text, answer.records) if kind(text)])


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "surrogateescape")


async def _row(wanted: Wanted, reader: RecordReader) -> Row:
    record = wanted.record
    try:
        answer = await reader.records(record.name, record.type)
        if record.type == "CNAME" and not answer.records:
            return await _led_by_addresses(wanted, answer, reader)
    except DnsFailure:
        return Row(wanted, State.UNKNOWN)
    return judge(wanted, answer)


async def _led_by_addresses(wanted: Wanted, answer: Answer[str], reader: RecordReader) -> Row:
    """Whoever wrote the target's addresses instead of its name leads there as well.  Raises DnsFailure."""
    found, wanted_ips = [
        (*(await reader.a(name)).records, *(await reader.aaaa(name)).records)
        for name in (wanted.record.name, wanted.record.value.rstrip("."))
    ]
    if not found:
        return Row(wanted, State.MISSING, secure=answer.secure)
    right = not set(found).isdisjoint(wanted_ips)
    return Row(wanted, State.RIGHT if right else State.DIFFERENT, found, answer.secure)


def judge(wanted: Wanted, answer: Answer[str]) -> Row:
    """Compare; ``found`` has only what is of the same kind."""
    kind, same = _KINDS.get(wanted.purpose, (_any, _equal))
    found = tuple([value for value in answer.records if kind(value)])
    if wanted.purpose in SINGLE:
        right = len(found) == 1 and same(found[0], wanted.record.value)
    else:
        right = any(same(value, wanted.record.value) for value in found)
    state = State.RIGHT if right else State.DIFFERENT if found else State.MISSING
    return Row(wanted, state, found, answer.secure)


def _any(_value: str) -> bool:
    return True


def _equal(found: str, wanted: str) -> bool:
    return found.lower().split() == wanted.lower().split()


def _same_words(found: str, wanted: str) -> bool:
    return found.split() == wanted.split()


def _same_tags(found: str, wanted: str) -> bool:
    return _solid(found) == _solid(wanted)


def _solid(text: str) -> dict[str, str]:
    return {name: "".join(value.split()) for name, value in dmarc.tags(text).items()}


def _same_host(found: str, wanted: str) -> bool:
    """MX: our host, whatever its preference."""
    return found.lower().split()[-1:] == wanted.lower().split()[-1:]


def _same_data(found: str, wanted: str) -> bool:
    """TLSA: hexadecimal digits may be written in groups."""
    return "".join(found.lower().split()) == "".join(wanted.lower().split())


def _is_key(text: str) -> bool:
    return "p" in dmarc.tags(text)


def _is_tls_report(text: str) -> bool:
    return text.replace(" ", "").startswith("v=TLSRPTv1;")


def _is_sts(text: str) -> bool:
    return text.replace(" ", "").startswith("v=STSv1;")


_KINDS: Final[dict[Purpose, tuple[Callable[[str], bool], Callable[[str, str], bool]]]] = {
    Purpose.MX: (_any, _same_host),
    Purpose.SPF: (spf.is_spf, _same_words),
    Purpose.HOST_SPF: (spf.is_spf, _same_words),
    Purpose.DKIM: (_is_key, _same_tags),
    Purpose.DMARC: (dmarc.is_dmarc, _same_tags),
    Purpose.TLS_REPORTS: (_is_tls_report, _same_tags),
    Purpose.STS: (_is_sts, _same_tags),
    Purpose.DANE: (_any, _same_data),
}
