"""Our client: against our own server, and against servers that lie."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from courriel.base.errors import CourrielError, FormatError
from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from courriel.smtp import client as smtp_client
from courriel.smtp.client import Refused, SmtpClient
from tests.smtp.house import build, listening
from tests.trial import SHARED


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


# --- against our own server ---------------------------------------------------------------------------------------
CONTENTS = [b"A: b\r\n\r\n", b"A: b\r\n\r\n.\r\n..\r\n", b"A: b\n\nno end", b".\r\n", b"A: b\r\n\r\n" + b"x" * 300_000]


def test_messages_arrive_as_they_were() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            assert client.extensions["SIZE"] == "52428800" and "PIPELINING" in client.extensions
            for content in CONTENTS:
                (outcome,) = await client.send("x@y.example", ["alice@courriel.test"], content)
                assert outcome.taken and outcome.answer.code == 250
            await client.close()
            kept = [mail.partition(b"+0000\r\n")[2] for mail in await house.mail("alice")]
            ended = [content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for content in CONTENTS]
            assert kept == [content if content.endswith(b"\r\n") else content + b"\r\n" for content in ended]

    asyncio.run(run())


def test_each_recipient_has_an_outcome_and_the_connection_stays_usable() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            people = ["nobody@courriel.test", "alice@courriel.test", "a@far.example"]
            outcomes = await client.send("", people, b"A: b\r\n\r\n")
            assert [(outcome.recipient, outcome.answer.code) for outcome in outcomes] == [
                (people[0], 550), (people[1], 250), (people[2], 554)
            ]  # fmt: skip
            for refused in (people[:1], people[2:], people[::2]):
                with pytest.raises(Refused) as caught:
                    await client.send("", refused, b"A: b\r\n\r\n")
                assert caught.value.code in (550, 554)
            with pytest.raises(Refused, match="550"):
                await client.send("", people[1:2], b"From: a@b.c\r\nFrom: d@e.f\r\n\r\n")
            await client.send("", people[1:2], b"A: c\r\n\r\n")
            assert len(await house.mail("alice")) == 2
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("starttls", [False, True])
def test_submission_over_tls(authority: PrivateAuthority, starttls: bool) -> None:
    async def run() -> None:
        context = server_context(authority.server)
        house = await build(tls=context if starttls else None)
        async with listening(house, "submission", None if starttls else context) as port:
            trusted = client_context(authority.ca)
            client = await SmtpClient.connect("localhost", port, tls=trusted, starttls=starttls)
            assert client.secure and "STARTTLS" not in client.extensions
            with pytest.raises(Refused, match="530"):
                await client.send("alice@courriel.test", ["bob@courriel.test"], b"From: alice@courriel.test\r\n\r\n")
            with pytest.raises(Refused, match="535"):
                await client.login("alice", "wrong")
            await client.login("alice", "secret")
            await client.send("alice@courriel.test", ["bob@courriel.test"], b"From: alice@courriel.test\r\n\r\nx\r\n")
            await client.close()
            (mail,) = await house.mail("bob")
            assert b"with ESMTPSA (TLSv1.3 " in mail

    asyncio.run(run())


def test_addresses_outside_ascii() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            await client.send("é@y.example", ["zoé@courriel.test"], "Subject: é\r\n\r\né\r\n".encode())
            (mail,) = await house.mail("zoé")
            assert b"with UTF8SMTP " in mail and "Return-Path: <é@y.example>".encode() in mail
            del client.extensions["SMTPUTF8"]
            with pytest.raises(FormatError):
                await client.send("", ["zoé@courriel.test"], b"A: b\r\n\r\n")
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("a@b.c>\r\nRSET", "alice@courriel.test"),
        ("a@b.c", "x@y.z\nQUIT"),
        ("a@b.c", ""),
        ("a b@c", "x@y.z"),
        ("a@b.c", "<x@y.z>"),
    ],
)
def test_addresses_carry_no_commands(sender: str, recipient: str) -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            with pytest.raises(CourrielError):
                await client.send(sender, [recipient], b"A: b\r\n\r\n")
            await client.close()

    asyncio.run(run())


def test_what_is_sent_cannot_be_smuggled() -> None:
    """Row 1: lone LFs become line ends (dots before them are stuffed), a lone CR is not sent at all."""

    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            await client.send("", ["alice@courriel.test"], b"A: b\n\nx\n.\nMAIL FROM:<>\n")
            (mail,) = await house.mail("alice")
            assert mail.endswith(b"\r\n\r\nx\r\n.\r\nMAIL FROM:<>\r\n")
            await client.close()

    asyncio.run(run())


# --- against servers that lie -------------------------------------------------------------------------------------
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def lying(script: Script) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *answers: bytes) -> list[bytes]:
    """Greet with the first, then answer one line each."""
    writer.write(answers[0])
    lines = []
    for answer in answers[1:]:
        lines.append(await reader.readline())
        writer.write(answer)
    await writer.drain()
    return lines


EHLO_TLS = b"250-here\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
INJECTED = [
    b"250-here\r\n250 AUTH PLAIN\r\n",
    b"250 x\r\n",
    b"2",
    b"\r\n",
    b"235 you are in\r\n" * 20_000,
]


@pytest.mark.parametrize("injected", INJECTED, ids=lambda octets: repr(octets[:12]))
def test_replies_injected_behind_starttls_are_not_believed(authority: PrivateAuthority, injected: bytes) -> None:
    """AUTH attack row 3; NO STARTTLS test B_1: the attacker answers the EHLO that comes inside TLS."""
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, b"220 hi\r\n", EHLO_TLS, b"220 go\r\n" + injected)
        await writer.start_tls(server_context(authority.server))
        heard.append(await reader.readline())

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises((FormatError, OSError)):
                await SmtpClient.connect("127.0.0.1", port, tls=client_context(authority.ca), starttls=True)

    asyncio.run(run())
    assert heard in ([], [b""])


@pytest.mark.parametrize("pause", [0, 1, 3])
def test_nor_those_that_come_a_moment_later(authority: PrivateAuthority, pause: int) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, b"220 hi\r\n", EHLO_TLS, b"220 go\r\n")
        for _ in range(pause):
            await asyncio.sleep(0)
        writer.write(INJECTED[0])
        await writer.start_tls(server_context(authority.server))
        await reader.read()

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises((FormatError, OSError)):
                await SmtpClient.connect("127.0.0.1", port, tls=client_context(authority.ca), starttls=True)

    asyncio.run(run())


STARTTLS_ANSWERS = [b"454 not now\r\n", b"500 what\r\n", b"250 sure\r\n", b"354 go\r\n", b"221 bye\r\n"]


def _shared_scripts() -> list[bytes]:
    """Answers to STARTTLS of the scripts of ``nostarttls-ron``."""
    texts = [path.read_text() for path in sorted((SHARED / "suites/auth/attack/nostarttls-ron/smtp").rglob("*.ron"))]
    found = [
        match
        for text in texts
        for match in re.findall(r'(?m)^[^/\n]*(?:stls_response|"starttls")\s*:\s*"([^"]*)"', text)
    ]
    return sorted({text.encode().decode("unicode_escape").encode("latin-1") for text in found})


@pytest.mark.parametrize("answer", [*STARTTLS_ANSWERS, *_shared_scripts()], ids=lambda answer: repr(answer)[:30])
def test_whoever_asked_for_tls_says_nothing_without(authority: PrivateAuthority, answer: bytes) -> None:
    """Row 4, and the STARTTLS answers of NO STARTTLS: no login, no mail, no second try in clear."""
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await _answer(reader, writer, b"220 hi\r\n", b"250-here\r\n250 AUTH PLAIN\r\n", answer))
        writer.write_eof()
        heard.append(await reader.read())

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises((CourrielError, OSError)):
                await SmtpClient.connect("127.0.0.1", port, tls=client_context(authority.ca), starttls=True)

    asyncio.run(run())
    assert [line.split()[0] for line in heard[:2]] == [b"EHLO", b"STARTTLS"]
    assert not any(word in line for line in heard for word in (b"AUTH", b"MAIL"))


@pytest.mark.parametrize(
    "greeting",
    [
        b"554 no\r\n",
        b"421 later\r\n",
        b"250 odd\r\n",
        b"354 go\r\n",
        b"hello\r\n",
        b"220-a\r\n250 b\r\n",
        b"220-a\r\n" * 1000,
        b"220 " + b"x" * 100_000,
        b"220 " + b"x" * 5_000 + b"\r\n",
        b"220 a\x00b\r\n",
        b"",
        b"220-a\r\n",
    ],
    ids=lambda greeting: repr(greeting[:12]),
)
def test_greetings_that_are_none(greeting: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises((CourrielError, OSError)):
                await SmtpClient.connect("127.0.0.1", port)

    asyncio.run(run())


OK = b"250 ok\r\n"
WRONG = [
    ("250 to DATA", (OK, OK, OK), FormatError),
    ("nothing after DATA", (OK, OK, b"354 go\r\n"), OSError),
    ("refused sender", (b"550 no\r\n", b"503 no\r\n", b"503 no\r\n"), Refused),
    ("354 in spite of all", (b"550 no\r\n", b"503 no\r\n", b"354 go\r\n", b"554 nobody\r\n", OK), Refused),
    ("354 to the whole", (OK, OK, b"354 go\r\n", b"354 more\r\n", OK), Refused),
    ("refused whole", (OK, OK, b"354 go\r\n", b"451 later\r\n", OK), Refused),
    ("no reply at all", (OK, b"what\r\n", b"354 go\r\n"), FormatError),
]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(("answers", "error"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_codes(answers: tuple[bytes, ...], error: type[Exception], pipelining: bool) -> None:
    offer = b"250-here\r\n250 PIPELINING\r\n" if pipelining else b"250 here\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, b"220 hi\r\n", offer, *answers[:3])
        if len(answers) > 3:
            await reader.readuntil(b"\r\n.\r\n" if answers[0] == OK else b".\r\n")
            writer.write(answers[3])
            assert await reader.readline() == b"RSET\r\n"
            writer.write(answers[4])
        writer.write_eof()

    async def run() -> None:
        async with lying(script) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            with pytest.raises(error):
                await client.send("a@b.example", ["c@d.example"], b"A: b\r\n\r\nx\r\n")
            await client.close()

    asyncio.run(run())


def test_no_password_without_tls() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house, "submission") as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            with pytest.raises(FormatError, match="TLS"):
                await client.login("alice", "secret")
            await client.close()

    asyncio.run(run())


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert smtp_client.REPLY_S >= 300 and smtp_client.CONTENT_REPLY_S >= 600  # RFC 5321 §4.5.3.2

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, b"220 hi\r\n", b"250 here\r\n")
        await reader.read()

    async def run() -> None:
        monkeypatch.setattr(smtp_client, "QUIT_S", 0.01)
        async with lying(script) as port:
            client = await SmtpClient.connect("127.0.0.1", port)
            async with asyncio.timeout(5):
                await client.close()

    asyncio.run(run())
