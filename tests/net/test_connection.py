"""The connection under a dialogue that echoes: bursts, waiting commands, TLS upgrade, silence, crowding."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from pathlib import Path

import pytest

from courriel.base.networks import network_of
from courriel.net import connection as connection_module
from courriel.net.connection import Connection, Dialogue
from courriel.net.listener import Listener, Room
from courriel.net.tls import client_context, private_authority, server_context


class Echo:
    """Lines come back; ``wait`` takes a turn of the loop, ``tls`` upgrades, ``bug`` raises, ``bye`` hangs up."""

    name = "echo"

    def __init__(self, tls: ssl.SSLContext | None = None, patience_s: float = 60.0) -> None:
        self.tls = tls
        self.patience_s = patience_s
        self.closed = 0
        self.open: list[Connection] = []

    def dialogue(self, connection: Connection) -> Dialogue:
        self.open.append(connection)
        return EchoDialogue(self, connection)

    def refusal(self) -> bytes:
        return b"full\r\n"


class EchoDialogue:
    def __init__(self, service: Echo, connection: Connection) -> None:
        self.service = service
        self.connection = connection
        self.buffer = b""

    def opened(self) -> None:
        self.connection.write(b"hello\r\n")

    async def received(self, data: bytes) -> None:
        if not data:
            self.connection.write(b"eof\r\n")
            self.connection.close()
        self.buffer += data
        while b"\r\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            await self.line(line)

    async def line(self, line: bytes) -> None:
        if line == b"wait":
            await asyncio.sleep(0)
        if line == b"bug":
            raise ZeroDivisionError
        self.connection.write(line + b"\r\n")
        if line == b"tls":
            assert self.service.tls
            self.buffer = b""
            await self.connection.start_tls(self.service.tls)
        if line == b"bye":
            self.connection.close()

    def expired(self) -> None:
        self.connection.write(b"too slow\r\n")

    def stopping(self) -> None:
        self.connection.write(b"closing\r\n")

    def failed(self) -> None:
        self.connection.write(b"sorry\r\n")

    def closed(self) -> None:
        self.service.closed += 1


async def _talk(service: Echo, sent: bytes, room: Room | None = None) -> bytes:
    listener = Listener(service, room or Room())
    port = await listener.open_tcp("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    with contextlib.suppress(OSError):  # a refused client may be gone already
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await listener.close()
    return answer


@pytest.mark.parametrize("sent", [b"a\r\nb\r\n", b"a\r\nwait\r\nb\r\n", b"wait\r\nwait\r\nz\r\n"])
def test_lines_come_back_in_order_whether_commands_wait_or_not(sent: bytes) -> None:
    assert asyncio.run(_talk(Echo(), sent)) == b"hello\r\n" + sent + b"eof\r\n"


def test_a_bug_costs_one_connection_and_says_so() -> None:
    assert asyncio.run(_talk(Echo(), b"a\r\nbug\r\nb\r\n")) == b"hello\r\na\r\nsorry\r\n"


def test_a_bug_after_a_wait_ends_the_same_way() -> None:
    assert asyncio.run(_talk(Echo(), b"wait\r\nbug\r\nb\r\n")) == b"hello\r\nwait\r\nsorry\r\n"


def test_no_room_is_said() -> None:
    assert asyncio.run(_talk(Echo(), b"a\r\n", Room(connections=0))) == b"full\r\n"


def test_silence_ends_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> bytes:
        listener = Listener(Echo(patience_s=-1.0))
        port = await listener.open_tcp("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"hello\r\n"
        listener._sweep_silent()
        rest = await reader.read()
        writer.close()
        await listener.close()
        return rest

    assert asyncio.run(run()) == b"too slow\r\n"


def test_clients_are_told_when_the_server_stops() -> None:
    async def run() -> bytes:
        listener = Listener(Echo())
        port = await listener.open_tcp("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"hello\r\n"
        await listener.close()
        rest = await reader.read()
        writer.close()
        return rest

    assert asyncio.run(run()) == b"closing\r\n"


def test_what_was_sent_in_clear_behind_the_upgrade_is_dropped(tmp_path: Path) -> None:
    """AUTH attack row 2: nothing received in clear survives STARTTLS."""
    made = private_authority(tmp_path, ("localhost",), datetime.datetime.now(datetime.UTC))

    async def run() -> bytes:
        listener = Listener(Echo(tls=server_context(made.server)))
        port = await listener.open_tcp("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"tls\r\ninjected\r\n")
        assert await reader.readline() == b"tls\r\n"
        await writer.start_tls(client_context(made.ca), server_hostname="localhost")
        writer.write(b"secret\r\nbye\r\n")
        answer = await reader.read()
        writer.close()
        await listener.close()
        return answer

    assert asyncio.run(run()) == b"secret\r\nbye\r\n"


def test_a_client_that_floods_a_waiting_command_is_not_read_past_the_mark() -> None:
    async def run() -> int:
        hold = asyncio.get_running_loop().create_future()

        class Holding(EchoDialogue):
            async def received(self, data: bytes) -> None:
                await hold

        class Service(Echo):
            def dialogue(self, connection: Connection) -> Dialogue:
                super().dialogue(connection)
                return Holding(self, connection)

        service = Service()
        listener = Listener(service)
        port = await listener.open_tcp("127.0.0.1", 0)
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 8_000_000)
        for _ in range(200):
            await asyncio.sleep(0)
            if service.open and service.open[0]._backlog_octets >= connection_module.BACKLOG_OCTETS:
                break
        for _ in range(50):
            await asyncio.sleep(0)
        kept = service.open[0]._backlog_octets
        hold.set_result(None)
        writer.transport.abort()
        await listener.close()
        return kept

    assert asyncio.run(run()) < 2 * connection_module.BACKLOG_OCTETS


@pytest.mark.parametrize(
    ("ip", "network"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("", "")],
)
def test_network_of(ip: str, network: str) -> None:
    assert network_of(ip) == network


def test_the_private_authority_is_kept_and_its_certificate_follows_the_names(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    first = private_authority(tmp_path, ("localhost", "127.0.0.1"), now)
    ca, leaf = first.ca.read_bytes(), first.server.certificate.read_bytes()
    private_authority(tmp_path, ("localhost", "127.0.0.1"), now)
    assert (first.ca.read_bytes(), first.server.certificate.read_bytes()) == (ca, leaf)
    private_authority(tmp_path, ("mail.example",), now)
    assert first.ca.read_bytes() == ca
    assert first.server.certificate.read_bytes() != leaf
    assert first.server.key.stat().st_mode & 0o077 == 0


def test_the_tls_read_buffer_is_capped() -> None:
    """Pins a private attribute of asyncio: without it an idle TLS connection costs 278 KiB (STORAGE §0.7)."""
    import asyncio.sslproto

    from courriel.net.tls import READ_BUFFER_OCTETS

    assert asyncio.sslproto.SSLProtocol.max_size == READ_BUFFER_OCTETS
