"""Connections to a host with several addresses, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from courriel.base.clock import SystemClock
from courriel.delivery.relay.carrier import SmtpCarrier
from courriel.delivery.relay.links import Unreached
from courriel.delivery.relay.routing import Host, Located
from courriel.delivery.relay.security import Security
from courriel.delivery.relay.settings import RelaySettings
from courriel.net.tls_policy import CLEAR
from courriel.store.memory.tls_reports import MemoryTlsReports
from tests.net.test_dial import DEAD, GOOD

ILL = "127.0.0.4"


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[int]:
    """One that greets, and one at another address that wants no mail."""

    async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 good\r\n")
        while await reader.readline():
            writer.write(b"250 good\r\n")
        writer.close()

    async def ill(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no mail here\r\n")
        writer.close()

    async with await asyncio.start_server(good, GOOD, 0) as door:
        port = door.sockets[0].getsockname()[1]
        async with await asyncio.start_server(ill, ILL, port):
            yield port


def carrier() -> SmtpCarrier:
    unused: Security = object()  # type: ignore[assignment]
    return SmtpCarrier(
        unused, RelaySettings("here.test", connect_s=5.0), MemoryTlsReports(SystemClock()), SystemClock()
    )


def located(port: int, *ips: str) -> Located:
    return Located(Host("mx.test", port), ips, "mx.test")


@pytest.mark.parametrize("ips", [(GOOD,), (DEAD, GOOD), (ILL, GOOD), (ILL, DEAD, GOOD)])
async def test_the_next_address_has_its_try(runner: asyncio.Runner, ips: tuple[str, ...]) -> None:
    async with servers() as port:
        link = await carrier().connect(located(port, *ips), CLEAR)
        assert link.is_usable
        await link.close()


@pytest.mark.parametrize(("ips", "ip"), [((DEAD,), DEAD), ((DEAD, ILL), ILL), ((ILL, DEAD), ILL)])
async def test_none_will_do_and_the_furthest_says_why(runner: asyncio.Runner, ips: tuple[str, ...], ip: str) -> None:
    async with servers() as port:
        with pytest.raises(Unreached) as unreached:
            await carrier().connect(located(port, *ips), CLEAR)
    attempt = unreached.value.attempt
    assert (attempt.host, attempt.ip or DEAD) == ("mx.test", ip) and attempt.status.startswith("4.")
