"""What a dialogue file cannot say: TLS, strangers' networks, chunks of any size, SCRAM, other languages."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.managesieve import wire
from courriel.managesieve.settings import ManageSieveSettings
from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from tests.dialogues.runner import MemoryLink
from tests.managesieve.house import House, build, listening

LOGIN = b'AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="\r\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


async def _say(house: House, *chunks: bytes, ip: str = "127.0.0.1") -> bytes:
    """Everything the server says to these bytes, then a half-close."""
    link = MemoryLink(house.service)
    link._server.peer_ip = ip
    for chunk in chunks:
        link.send(chunk)
    link.eof()
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    return b"".join(said)


def test_starttls_drops_what_came_in_clear_and_says_the_capabilities_anew(authority: PrivateAuthority) -> None:
    """RFC 5804 §2.2, and row 2 of AUTH's attacks: NOOP in clear behind STARTTLS is never run."""

    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            greeting = await reader.readuntil(b"OK ")
            assert b'"STARTTLS"\r\n' in greeting and b"OWNER" not in greeting
            await reader.readline()
            writer.write(b'STARTTLS\r\nNOOP "injected"\r\n')
            assert await reader.readline() == b"OK\r\n"
            await writer.start_tls(client_context(authority.ca), server_hostname="localhost")
            again = await reader.readuntil(b"OK\r\n")
            assert b"STARTTLS" not in again and b"injected" not in again and b'"SASL"' in again
            writer.write(LOGIN)
            assert await reader.readline() == b"OK\r\n"
            writer.close()

    asyncio.run(run())


def test_a_stranger_s_password_needs_tls() -> None:
    async def run() -> None:
        said = await _say(await build(), b"CAPABILITY\r\n", LOGIN, ip="192.0.2.1")
        assert b'"SASL" "SCRAM-SHA-256"\r\n' in said
        assert b'NO (ENCRYPT-NEEDED) "' in said

    asyncio.run(run())


def test_texts_are_in_the_language_of_the_house() -> None:
    """RFC 5804 §1.7, LANGUAGE."""

    async def run() -> None:
        said = await _say(await build(language="fr"), LOGIN + b'CHECKSCRIPT "foo;"\r\n')
        assert b'"LANGUAGE" "fr"' in said
        assert "ligne 1 : il n’y a pas de commande « foo »".encode() in said

    asyncio.run(run())


def test_a_stranger_s_literals_are_small() -> None:
    """``managesieve.strangers_literal``; and he is not waited for (``login_s``)."""

    async def run() -> None:
        said = await _say(await build(), b'AUTHENTICATE "PLAIN" {9000+}\r\n' + b"a" * 9_000 + b"\r\nNOOP\r\n")
        assert said.endswith(b'NO (QUOTA/MAXSIZE) "The script is too large"\r\nOK\r\n')
        late = await build(settings=ManageSieveSettings(login_s=-1.0))
        assert (await _say(late, LOGIN)).endswith(b'BYE "You were silent too long"\r\n')

    asyncio.run(run())


TALK = (
    LOGIN
    + b'PUTSCRIPT "a\\"b" {13+}\r\nkeep;\r\nstop;\n\r\nLISTSCRIPTS\r\nGETSCRIPT {3+}\r\na"b\r\nNOPE\r\n'
    + b'PUTSCRIPT "big" {2000+}\r\n' + b"x" * 2_000 + b'\r\nNOOP "end"\r\n'
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.integers(1, len(TALK) - 1), max_size=12))
def test_any_chunks_give_the_same_answers(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(TALK)]
    chunks = [TALK[start:end] for start, end in itertools.pairwise(places)]

    async def run() -> None:
        whole = await _say(await build(), TALK)
        assert await _say(await build(), *chunks) == whole
        assert whole.endswith(b'NO (QUOTA/MAXSIZE) "The script is too large"\r\nOK (TAG "end")\r\n')

    asyncio.run(run())


@given(st.lists(st.binary(max_size=60), max_size=6), st.binary(max_size=40))
def test_any_bytes_are_commands_or_faults(chunks: list[bytes], tail: bytes) -> None:
    """And nothing is kept beyond the limits."""
    reader = wire.Commands(50)
    for chunk in (*chunks, b"{9+}\r\n" + tail, b'NOOP "' + tail + b'"\r\n'):
        reader.feed(chunk)
        while reader.next() is not None:
            pass
        assert sum(map(len, reader._pieces)) + len(reader._buffer) <= 50 + wire.LINE_OCTETS


def test_many_long_lines_with_empty_literals_are_not_kept() -> None:
    reader = wire.Commands(8_192)
    for _ in range(8):
        reader.feed(b'NOOP "' + b"a" * 8_000 + b'" {0+}\r\n')
        assert reader.next() is None
        assert sum(map(len, reader._pieces)) <= 8_192
    reader.feed(b"\r\n")
    assert reader.next() == wire.TooLong()


@given(st.binary(max_size=80))
def test_strings_read_as_they_are_written(value: bytes) -> None:
    written = wire.string(value).replace(b"}", b"+}", 1) if wire.string(value)[:1] == b"{" else wire.string(value)
    reader = wire.Commands(1_000)
    reader.feed(b"NOOP " + written + b" 7\r\n")
    assert reader.next() == wire.Command(b"NOOP", (value, 7))


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_script_put_is_there_after_a_restart(kind: str, tmp_path: Path) -> None:
    async def run() -> None:
        put = await build(kind, tmp_path)
        assert (await _say(put, LOGIN + b'PUTSCRIPT "a" "stop;"\r\nSETACTIVE "a"\r\n')).endswith(b"OK\r\nOK\r\nOK\r\n")
        again = await build(kind, tmp_path)
        assert again.active("alice") == "a"

    asyncio.run(run())
