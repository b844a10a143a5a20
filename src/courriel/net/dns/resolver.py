"""What the port promises, over ``lookup``."""

from __future__ import annotations

from typing import TypeVar, cast

from dns.rdatatype import RdataType

from courriel.base.clock import Clock
from courriel.net.dns import names
from courriel.net.dns.lookup import Lookup
from courriel.net.dns.settings import DnsSettings
from courriel.ports.resolver import Answer, Mx, Srv, Status, Tlsa
from courriel.ports.zone import RecordReader

T = TypeVar("T")


def open_resolver(settings: DnsSettings, clock: Clock) -> ValidatingResolver:
    """A resolver; FormatError where a server or an anchor of the settings cannot be read.

    It belongs to the event loop that first asks it.
    """
    return ValidatingResolver(Lookup(settings, clock))


class ValidatingResolver(RecordReader):
    """A name that the DNS cannot hold is one that does not exist."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def close(self) -> None:
        """Stop what is under way; who waits for it gets DnsFailure."""
        await self._lookup.close()

    async def mx(self, domain: str) -> Answer[Mx]:
        return cast(Answer[Mx], await self._ask(RdataType.MX, names.parse(domain)))

    async def a(self, host: str) -> Answer[str]:
        return cast(Answer[str], await self._ask(RdataType.A, names.parse(host)))

    async def aaaa(self, host: str) -> Answer[str]:
        return cast(Answer[str], await self._ask(RdataType.AAAA, names.parse(host)))

    async def txt(self, name: str) -> Answer[bytes]:
        return cast(Answer[bytes], await self._ask(RdataType.TXT, names.parse(name)))

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return cast(Answer[Tlsa], await self._ask(RdataType.TLSA, names.parse(name)))

    async def srv(self, name: str) -> Answer[Srv]:
        return cast(Answer[Srv], await self._ask(RdataType.SRV, names.parse(name)))

    async def ptr(self, ip: str) -> Answer[str]:
        return cast(Answer[str], await self._ask(RdataType.PTR, names.reverse(ip)))

    async def records(self, name: str, type: str) -> Answer[str]:
        answer = await self._ask(RdataType.make(type), names.parse(name))
        end = "." if type == "PTR" else ""  # the port gives host names without their dot
        texts = tuple([f"{_presentation(record)}{end}" for record in answer.records])
        return Answer(answer.status, texts, answer.name, answer.secure, answer.ttl_s)

    async def _ask(self, rdtype: RdataType, name: str | None) -> Answer[object]:
        if name is None:
            return Answer(Status.NO_NAME, (), "", False, 0)
        return cast(Answer[object], await self._lookup.answer(rdtype, name))


def _presentation(record: object) -> str:
    """A record of one of the port's own types as text."""
    if isinstance(record, bytes):
        return record.decode("ascii", "surrogateescape")
    if isinstance(record, Mx):
        return f"{record.preference} {record.host}."
    if isinstance(record, Srv):
        return f"{record.priority} {record.weight} {record.port} {record.host}."
    if isinstance(record, Tlsa):
        return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"
    return str(record)
