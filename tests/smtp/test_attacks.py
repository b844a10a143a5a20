"""What strangers try: smuggling, forged senders, relaying, octets injected before TLS.  Over real sockets."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pytest

from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from tests.smtp.house import House, build, listening, say
from tests.trial import SHARED

ATTACKS = SHARED / "suites" / "auth" / "attack"
EHLO, MAIL, RCPT = b"EHLO c.example\r\n", b"MAIL FROM:<x@y.example>\r\n", b"RCPT TO:<alice@courriel.test>\r\n"


def _rows(name: str, key: str) -> list[dict[str, Any]]:
    path = ATTACKS / name
    return json.loads(path.read_text())[key] if path.exists() else []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


async def _over_socket(house: House, pieces: list[bytes]) -> bytes:
    """Send pieces one by one (each after the server saw the one before), then read until the server closes."""
    async with listening(house) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if writer.can_write_eof():
            writer.write_eof()
        said = await reader.read()
        writer.close()
        house.found = await house.mail("alice"), await house.mail("bob")  # type: ignore[attr-defined]
        return said


# --- smuggling: AUTH attack row 1 ---------------------------------------------------------------------------------
LINE_ENDS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "NUL": b"\0\r\n", "none": b""}
OWN_MATRIX = [
    (f"{before}-{after}", first + b"." + last, first.endswith(b"\r\n") and last == b"\r\n")
    for before, first in LINE_ENDS.items()
    for after, last in LINE_ENDS.items()
]
SHARED_MATRIX = [
    (f"shared {row['before']}-{row['after']}", row["bytes"].encode("latin-1"), row["is_end_of_data"])
    for row in _rows("smuggling-matrix.json", "matrix")
]
MATRIX = pytest.mark.parametrize(
    ("end", "is_end"),
    [row[1:] for row in OWN_MATRIX + SHARED_MATRIX],
    ids=[row[0] for row in OWN_MATRIX + SHARED_MATRIX],
)
SMUGGLED = b"MAIL FROM:<evil@y.example>\r\nRCPT TO:<bob@courriel.test>\r\nDATA\r\nSubject: in\r\n\r\nin\r\n.\r\n"


def _judge(said: bytes, found: tuple[list[bytes], list[bytes]], end: bytes, is_end: bool) -> None:
    """An end ends; one with a CR or LF alone near it ends the conversation as well; all else is content."""
    alice, bob = found
    rest = end.replace(b"\r\n", b"")
    if b"\n" in rest or b"\r" in rest:
        assert (alice, bob) == ([], []), said
        assert said.endswith(b"500 5.5.2 CR or LF alone; lines end with CR LF\r\n")
    else:
        assert len(bob) == is_end, said


@MATRIX
def test_only_crlf_dot_crlf_ends_a_message(end: bytes, is_end: bool) -> None:
    start = EHLO + MAIL + RCPT + b"DATA\r\nSubject: out\r\n\r\nout"
    house = asyncio.run(_kept(start + end + SMUGGLED + b"QUIT\r\n"))
    _judge(*house, end, is_end)


@pytest.mark.parametrize("cut", range(5))
@MATRIX
def test_also_when_split_anywhere(end: bytes, is_end: bool, cut: int) -> None:
    start = EHLO + MAIL + RCPT + b"DATA\r\nSubject: out\r\n\r\nout"
    at = min(cut, len(end) - 1)
    house = asyncio.run(_kept(start + end[:at], end[at:] + SMUGGLED + b"QUIT\r\n"))
    _judge(*house, end, is_end)


async def _kept(*pieces: bytes) -> tuple[bytes, tuple[list[bytes], list[bytes]]]:
    house = await build()
    said = await _over_socket(house, list(pieces))
    return said, house.found  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r"])
def test_nor_inside_a_chunk(end: bytes) -> None:
    """RFC 3030 §2: BDAT counts; a line end that stands alone is refused there as well."""
    content = b"Subject: out\r\n\r\nout" + end + SMUGGLED
    head = EHLO + MAIL + RCPT + b"BDAT %d LAST\r\n" % len(content)
    said, (alice, bob) = asyncio.run(_kept(head + content + b"QUIT\r\n"))
    assert (alice, bob) == ([], [])
    assert said.endswith(b"500 5.5.2 CR or LF alone; lines end with CR LF\r\n")


def test_a_chunk_may_hold_what_ends_data() -> None:
    content = b"Subject: s\r\n\r\na\r\n.\r\nMAIL FROM:<>\r\n"
    said, (alice, _) = asyncio.run(
        _kept(EHLO + MAIL + RCPT + b"BDAT %d LAST\r\n" % len(content) + content + b"QUIT\r\n")
    )
    assert said.count(b"\r\n250 2.0.0 Accepted") == 1 and alice[0].endswith(content)


def test_after_a_megabyte_too() -> None:
    start = EHLO + MAIL + RCPT + b"DATA\r\n" + b"0123456789abcdef\r\n" * 60_000
    said, (alice, bob) = asyncio.run(_kept(start + b"x\n.\r\n" + SMUGGLED + b"QUIT\r\n"))
    assert (alice, bob) == ([], []) and said.endswith(b"CR or LF alone; lines end with CR LF\r\n")


def test_binary_mail_may_hold_anything() -> None:
    """RFC 3030 §3; DATA is no way for it."""
    content = b"A: b\r\n\r\n\x00\r\n.\n.\r\r"
    head = EHLO + b"MAIL FROM:<x@y.example> BODY=BINARYMIME\r\n" + RCPT
    said, (alice, _) = asyncio.run(_kept(head + b"DATA\r\nBDAT %d LAST\r\n" % len(content) + content + b"QUIT\r\n"))
    assert b"\r\n503 5.5.1 " in said and alice[0].endswith(content)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\r", b"NO\nOP\r\n", b"NO\rOP\r\n", b"RSET\nMAIL FROM:<>\r\n"])
def test_commands_end_with_crlf_only(line: bytes) -> None:
    said = asyncio.run(_say(EHLO + line + MAIL))
    assert b"250 2.1.0" not in said and said.endswith(b"CR or LF alone; lines end with CR LF\r\n")


async def _say(data: bytes, door: str = "mx", **options: Any) -> bytes:
    return await say(await build(**options), data, door)


# --- forged senders: AUTH attack row 12 ---------------------------------------------------------------------------
ESPOOFER = _rows("espoofer-cases.json", "cases")


@pytest.mark.parametrize("case", ESPOOFER, ids=lambda case: case["id"])
def test_composition_kills(case: dict[str, Any]) -> None:
    """What must be refused for its syntax is; what is for SPF, DKIM and DMARC to judge is kept as it came."""
    head = f"EHLO {case['helo']}\r\nMAIL FROM:{case['mail_from']}\r\nRCPT TO:<alice@courriel.test>\r\nDATA\r\n"
    content = case["message_latin1"].encode("latin-1")

    async def run() -> tuple[bytes, list[bytes]]:
        house = await build()
        return await say(house, head.encode("latin-1") + content + b".\r\nQUIT\r\n"), await house.mail("alice")

    said, mail = asyncio.run(run())
    required = case["required"]
    if required.startswith("550 (") and "or" not in required.split(")")[1]:
        assert mail == [] and (b"\r\n550 5.6.0 " in said or b"\r\n500 " in said), said
    assert b"\r\n421 4.3.0" not in said
    if mail:
        assert mail[0].endswith(content)
        assert b"Return-Path: <>" not in mail[0] or case["mail_from"] == "<>"


# --- relaying: AUTH attack row 36 ---------------------------------------------------------------------------------
RELAYS = [
    (b"<x@y.example>", b"<user@evil.example>"),
    (b"<>", b"<user@evil.example>"),
    (b"<alice@courriel.test>", b"<user@evil.example>"),
    (b"<x@courriel.test>", b"<user@evil.example>"),
    (b"<x@mail.courriel.test>", b"<user@evil.example>"),
    (b"<x@[127.0.0.1]>", b"<user@evil.example>"),
    (b"<x@localhost>", b"<user@evil.example>"),
    (b"<x@y.example>", b"<user%evil.example@courriel.test>"),
    (b"<x@y.example>", b"<user%evil.example@mail.courriel.test>"),
    (b"<x@y.example>", b"<evil.example!user@courriel.test>"),
    (b"<x@y.example>", b'<"user@evil.example"@courriel.test>'),
    (b"<x@y.example>", b'<"user%evil.example"@courriel.test>'),
    (b"<x@y.example>", b'<"user@evil.example">'),
    (b"<x@y.example>", b"<user@evil.example@courriel.test>"),
    (b"<x@y.example>", b"<@courriel.test:user@evil.example>"),
    (b"<x@y.example>", b"<@mail.courriel.test,@evil.example:user@evil.example>"),
    (b"<x@y.example>", b"<courriel.test!user@evil.example>"),
    (b"<x@y.example>", b"<alice@[127.0.0.1]>"),
    (b"<x@y.example>", b"<alice@[IPv6:::1]>"),
    (b"<x@y.example>", b"<postmaster@[127.0.0.1]>"),
    (b"<x@y.example>", b"<alice@mail.courriel.test>"),
    (b"<x@y.example>", b"<alice@courriel.test.evil.example>"),
    (b"<x@y.example>", b"<alice@xcourriel.test>"),
    (b"<x@y.example>", b"user@evil.example"),
    (b"<x@y.example>", b"<user%evil.example>"),
    (b"<x@y.example>", b"<relay+user=evil.example@courriel.test>"),
]
WAYS = {
    "DATA": b"%s%s" + b"DATA\r\nA: b\r\n\r\nc\r\n.\r\n",
    "BDAT": b"%s%s" + b"BDAT 9 LAST\r\nA: b\r\n\r\nc",
    "after RSET": b"RSET\r\n%s%sDATA\r\nA: b\r\n\r\nc\r\n.\r\n",
    "after one of ours": MAIL + RCPT + b"RSET\r\n%s%sDATA\r\nA: b\r\n\r\nc\r\n.\r\n",
}


@pytest.mark.parametrize("door", ["mx", "lmtp", "submission"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("sender", "recipient"), RELAYS, ids=lambda path: path.decode())
def test_no_relay(sender: bytes, recipient: bytes, way: str, door: str) -> None:
    """From another network, without a login, by each door."""
    hello = b"LHLO c.example\r\n" if door == "lmtp" else EHLO
    talk = WAYS[way] % (b"MAIL FROM:%s\r\n" % sender, b"RCPT TO:%s\r\n" % recipient)

    async def run() -> tuple[bytes, int, list[bytes]]:
        house = await build()
        said = await say(house, hello + talk + b"QUIT\r\n", door)
        return said, len(await house.queue.entries()), await house.mail("alice")

    said, queued, mail = asyncio.run(run())
    assert queued == 0 and mail == []
    assert b" Accepted as " not in said and b"\r\n354 " not in said
    answer = [line for line in said.split(b"\r\n") if line[:3] in (b"554", b"550", b"501", b"530")]
    assert answer, said


def test_what_asks_for_relaying_is_called_that() -> None:
    for _, recipient in RELAYS[:12]:
        said = asyncio.run(_say(EHLO + MAIL + b"RCPT TO:%s\r\n" % recipient))
        assert said.endswith(b"554 5.7.1 Relaying denied\r\n"), recipient


# --- before TLS: AUTH attack row 2 --------------------------------------------------------------------------------
@pytest.mark.parametrize("door", ["mx", "submission"])
@pytest.mark.parametrize(
    "injected", [b"EHLO x\r\n", EHLO + MAIL + RCPT, b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", b"MAI"]
)
def test_nothing_received_in_clear_survives_starttls(authority: PrivateAuthority, injected: bytes, door: str) -> None:
    async def run() -> bytes:
        house = await build(tls=server_context(authority.server))
        async with listening(house, door) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            writer.write(EHLO + MAIL + b"RSET\r\nSTARTTLS\r\n" + injected)
            while not (await reader.readline()).startswith(b"220 "):
                pass
            await writer.start_tls(client_context(authority.ca), server_hostname="localhost")
            writer.write(b"RCPT TO:<alice@courriel.test>\r\nMAIL FROM:<x@y.example>\r\nNOOP\r\nQUIT\r\n")
            said = await reader.read()
            writer.close()
            return said

    lines = asyncio.run(run()).split(b"\r\n")
    assert [line[:3] for line in lines] == [b"503", b"503", b"250", b"221", b""]


def test_starttls_is_offered_until_it_was_taken(authority: PrivateAuthority) -> None:
    async def run() -> bytes:
        house = await build(tls=server_context(authority.server))
        async with listening(house, "submission") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(EHLO + b"MAIL FROM:<>\r\nSTARTTLS\r\n")
            clear = b""
            while not (line := await reader.readline()).startswith(b"220 2"):
                clear += line
            assert b"STARTTLS" in clear and b"530 5.7.0 " in clear
            await writer.start_tls(client_context(authority.ca), server_hostname="localhost")
            writer.write(EHLO + b"STARTTLS\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nSTARTTLS\r\nEHLO x\r\nQUIT\r\n")
            said = await reader.read()
            writer.close()
            return said

    said = asyncio.run(run())
    assert b"STARTTLS" not in said and b"AUTH SCRAM-SHA-256 PLAIN" in said
    assert said.count(b"\r\n503 ") == 2 and b"\r\n235 " in said


def test_a_failed_handshake_ends_it(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(EHLO + b"STARTTLS\r\n")
            while not (await reader.readline()).startswith(b"220 2"):
                pass
            writer.write(b"MAIL FROM:<x@y.example>\r\nno handshake\r\n")
            try:
                said = await reader.read()
            except ConnectionError:
                said = b""
            assert b"250" not in said
            writer.close()

    asyncio.run(run())
