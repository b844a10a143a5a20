"""A DNS in memory: (name, type) → values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from courriel.ports.resolver import Answer, Mx, Status, Tlsa
from courriel.ports.zone import RecordReader


class Names(RecordReader):
    """What is not in it does not exist."""

    def __init__(self, values: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        self.values = dict(values)

    @staticmethod
    def answer(records: tuple[Any, ...], name: str) -> Answer[Any]:
        return Answer(Status.FOUND if records else Status.NO_NAME, records, name, False, 60)

    async def records(self, name: str, type: str) -> Answer[str]:
        return self.answer(self.values.get((name, type), ()), name)

    async def txt(self, name: str) -> Answer[bytes]:
        return self.answer(tuple([text.encode() for text in self.values.get((name, "TXT"), ())]), name)

    async def a(self, host: str) -> Answer[str]:
        return await self.records(host, "A")

    async def aaaa(self, host: str) -> Answer[str]:
        return await self.records(host, "AAAA")

    async def mx(self, domain: str) -> Answer[Mx]:
        raise NotImplementedError

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        raise NotImplementedError

    async def ptr(self, ip: str) -> Answer[str]:
        raise NotImplementedError
