"""Connecting to the first address that answers.  RFC 8305 §5."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from courriel.net.dial import NoAnswer, dial

GOOD, DEAD, MUTE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
LONG_S = 20.0


@contextlib.contextmanager
def listening(ip: str, port: int = 0) -> Iterator[socket.socket]:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((ip, port))
        door.listen(8)
        yield door


@contextlib.contextmanager
def mute(port: int) -> Iterator[None]:
    """An address that answers nobody: its queue of calls is full."""
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.bind((MUTE, port))
        door.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((MUTE, port))
        yield


async def test_the_first_address_is_taken_where_it_answers(runner: asyncio.Runner) -> None:
    with listening(GOOD) as door:
        ip, connection = await dial([GOOD, DEAD], door.getsockname()[1], LONG_S, LONG_S)
        with connection:
            assert ip == GOOD and connection.getpeername() == door.getsockname()


async def test_a_refusal_brings_the_next_at_once(runner: asyncio.Runner) -> None:
    with listening(GOOD) as door:
        async with asyncio.timeout(LONG_S / 2):
            ip, connection = await dial([DEAD, GOOD], door.getsockname()[1], LONG_S, LONG_S)
        connection.close()
        assert ip == GOOD


async def test_one_that_says_nothing_has_company_soon(runner: asyncio.Runner) -> None:
    with listening(GOOD) as door, mute(door.getsockname()[1]):
        async with asyncio.timeout(LONG_S / 2):
            ip, connection = await dial([MUTE, GOOD], door.getsockname()[1], LONG_S, 0.05)
        connection.close()
        assert ip == GOOD
        door.settimeout(5)
        taken, _ = door.accept()
        assert taken.recv(1) == b""  # one call, and it has ended
        taken.close()


async def test_nobody_answers(runner: asyncio.Runner) -> None:
    with listening(GOOD) as door:
        port = door.getsockname()[1]
    with pytest.raises(NoAnswer) as none:
        await dial([GOOD, DEAD], port, LONG_S)
    assert none.value.ip == DEAD
    with listening(GOOD) as door, mute(door.getsockname()[1]), pytest.raises(NoAnswer, match="in time"):
        await dial([MUTE], door.getsockname()[1], 0.1)
