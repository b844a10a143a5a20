"""The client against our own server, over real sockets and TLS, and against Postfix's sink."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from courriel.base.errors import FormatError
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.net.listener import Listener
from courriel.net.tls import PrivateAuthority, server_context
from courriel.net.tls_policy import CLEAR, OPPORTUNISTIC, REQUIRED, TlsPolicy, verified
from courriel.smtp.client import ClientSettings, NoSession, Outgoing, Peer, SmtpClient, outgoing
from tests.smtp.client.people import connected
from tests.smtp.client.scripted import PATIENT, SHORT
from tests.smtp.house import build, listening

CONTENTS = [b"A: b\r\n\r\n", b"A: b\r\n\r\n.\r\n..\r\n", b"A: b\n\nno end", b".\r\n", b"A: b\r\n\r\n" + b"x" * 300_000]
SMALL_PIECES = replace(PATIENT, block_octets=1_000, chunk_octets=3_500)
EAGER = replace(PATIENT, eager_octets=1_000_000)
ALICE = ("alice@courriel.test",)


def _without(client: SmtpClient, *keywords: str) -> None:
    """Forget that the server offers ``keywords``."""
    left = {key: value for key, value in client.offer.keywords.items() if key not in keywords}
    offer = msgspec.structs.replace(client.offer, keywords=left)
    client._server = msgspec.structs.replace(client._server, offer=offer)


def _codes(attempts: list[Attempt]) -> list[tuple[Result, str]]:
    return [(attempt.result, attempt.status) for attempt in attempts]


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")], ids=["bdat", "data", "slow"])
@pytest.mark.parametrize("settings", [PATIENT, SMALL_PIECES, EAGER], ids=["whole", "pieces", "eager"])
def test_messages_arrive_as_they_were(without: tuple[str, ...], settings: ClientSettings) -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await connected(port, settings=settings)
            assert client.offer.size_octets == 52_428_800 and "PIPELINING" in client.offer
            _without(client, *without)
            for content in CONTENTS:
                (attempt,) = await client.send(outgoing("x@y.example", ALICE, content))
                assert attempt.result is Result.DELIVERED and attempt.reply.startswith("250 2.0.0")
            await client.close()
            kept = [mail.partition(b"+0000\r\n")[2] for mail in await house.mail("alice")]
            ended = [content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for content in CONTENTS]
            assert kept == [content if content.endswith(b"\r\n") else content + b"\r\n" for content in ended]

    asyncio.run(run())


def test_each_recipient_has_an_attempt_and_the_connection_stays_usable() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await connected(port, settings=PATIENT)
            people = ["nobody@courriel.test", *ALICE, "a@far.example"]
            attempts = await client.send(outgoing("", people, b"A: b\r\n\r\n"))
            assert _codes(attempts) == [
                (Result.FAILED, "5.1.1"),
                (Result.DELIVERED, "2.0.0"),
                (Result.FAILED, "5.7.1"),
            ]
            assert attempts[0].ip == "127.0.0.1" and attempts[0].host == "localhost" and attempts[0].tls == ""
            for refused in (people[:1], people[2:], people[::2]):
                for attempt in await client.send(outgoing("", refused, b"A: b\r\n\r\n")):
                    assert (attempt.result, attempt.stage) == (Result.FAILED, Stage.RCPT)
            (attempt,) = await client.send(outgoing("", ALICE, b"From: a@b.c\r\nFrom: d@e.f\r\n\r\n"))
            assert (attempt.result, attempt.stage) == (Result.FAILED, Stage.CONTENT)
            (attempt,) = await client.send(outgoing("", ALICE, b"A: c\r\n\r\n"))
            assert attempt.result is Result.DELIVERED and client.usable
            assert len(await house.mail("alice")) == 2
            await client.close()
            assert not client.usable

    asyncio.run(run())


@pytest.mark.parametrize("first", [False, True], ids=["starttls", "tls first"])
def test_submission_over_tls(authority: PrivateAuthority, first: bool) -> None:
    async def run() -> None:
        context = server_context(authority.server)
        house = await build(tls=None if first else context)
        mail = outgoing("alice@courriel.test", ["bob@courriel.test"], b"From: alice@courriel.test\r\n\r\nx\r\n")
        traced: list[tuple[str, bytes]] = []
        async with listening(house, "submission", context if first else None) as port:
            policy = verified("localhost", ca=authority.ca, first=first)
            client = await SmtpClient.connect(
                Peer("127.0.0.1", port, "localhost", policy), trace=lambda *one: traced.append(one)
            )
            assert client.tls.startswith("TLSv1.3 ") and client.is_verified and "STARTTLS" not in client.offer
            (attempt,) = await client.send(mail)
            assert attempt.reply.startswith("530 ") and attempt.tls == client.tls
            with pytest.raises(NoSession) as caught:
                await client.login("alice", "wrong")
            assert caught.value.code == 535 and caught.value.attempt.stage is Stage.AUTH
            await client.login("alice", "secret")
            (attempt,) = await client.send(mail)
            assert attempt.result is Result.DELIVERED
            await client.close()
            (kept,) = await house.mail("bob")
            assert b"with ESMTPSA (TLSv1.3 " in kept
        spoken = b"".join(octets for _, octets in traced)
        assert b"EHLO localhost" in spoken and b"221 " in spoken and ("C", b"***\r\n") in traced
        assert base64.b64encode(b"\0alice\0secret") not in spoken
        assert b"535 ***\r\n" in spoken and b"235 ***\r\n" in spoken

    asyncio.run(run())


@pytest.mark.parametrize("loop", [asyncio, pytest.importorskip("uvloop")], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("policy", [OPPORTUNISTIC, REQUIRED], ids=["may", "must"])
def test_an_unknown_authority_is_good_enough_for_encryption(
    authority: PrivateAuthority, policy: TlsPolicy, loop: ModuleType
) -> None:
    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            client = await connected(port, policy, PATIENT)
            assert client.tls.startswith("TLSv1.3 ") and not client.is_verified
            for without in ((), ("CHUNKING",)):
                _without(client, *without)
                (attempt,) = await client.send(outgoing("", ALICE, CONTENTS[-1]))
                assert attempt.result is Result.DELIVERED and attempt.tls == client.tls
            await client.close()
            assert [mail.count(b"x") >= 300_000 for mail in await house.mail("alice")] == [True, True]

    loop.run(run())


def test_an_unknown_authority_is_no_proof(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            for policy, failure in (
                (verified("localhost"), "certificate-not-trusted"),
                (verified("other.example", ca=authority.ca), "certificate-host-mismatch"),
            ):
                with pytest.raises(NoSession) as caught:
                    await connected(port, policy, PATIENT)
                assert caught.value.tls_failure == failure and not caught.value.clear_may_help
                assert caught.value.attempt.stage is Stage.STARTTLS and caught.value.attempt.status == "4.7.5"

    asyncio.run(run())


def test_addresses_outside_ascii() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await connected(port, settings=PATIENT)
            mail = outgoing("é@y.example", ["zoé@courriel.test"], "Subject: é\r\n\r\né\r\n".encode())
            (attempt,) = await client.send(mail)
            assert attempt.result is Result.DELIVERED
            (kept,) = await house.mail("zoé")
            assert b"with UTF8SMTP " in kept and "Return-Path: <é@y.example>".encode() in kept
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("address", ["a@b.c>\r\nRSET", "x@y.z\nQUIT", "", "a b@c", "<x@y.z>"])
def test_what_people_write_carries_no_commands(address: str) -> None:
    with pytest.raises(FormatError):
        outgoing("a@b.example", [address], b"")
    if address:
        with pytest.raises(FormatError):
            outgoing(address, ["a@b.example"], b"")


EVIL = [Address("a", "b.c>\r\nRSET"), Address("a\r\nQUIT", "b.c"), Address("a\0", "b.c"), Address("", "")]


@pytest.mark.parametrize("address", EVIL, ids=repr)
def test_nor_does_what_the_queue_holds(address: Address) -> None:
    """A recipient that cannot be written fails alone; a sender that cannot fails the message."""

    async def run() -> None:
        house = await build()
        good = Recipient(Address("alice", "courriel.test"))
        async with listening(house) as port:
            client = await connected(port, settings=PATIENT)
            mail = Outgoing(Address("", ""), (Recipient(address), good), b"A: b\r\n\r\n")
            assert _codes(await client.send(mail)) == [(Result.FAILED, "5.1.3"), (Result.DELIVERED, "2.0.0")]
            if not address.is_null:
                mail = Outgoing(address, (good,), b"A: b\r\n\r\n")
                assert _codes(await client.send(mail)) == [(Result.FAILED, "5.1.7")]
            await client.close()
            assert len(await house.mail("alice")) == 1

    asyncio.run(run())


@pytest.mark.parametrize("content", [b"A: b\n\r\n", b"A: b\r\n\r\nx\n.\r\n", b"A: b\r\r\n", b"A: b\r\n\r\nx\r"])
def test_a_lone_cr_or_lf_never_leaves(content: bytes) -> None:
    """AUTH attack row 1: neither repaired (a signature would break) nor sent."""

    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await connected(port, settings=PATIENT)
            mail = Outgoing(Address("", ""), (Recipient(Address("alice", "courriel.test")),), content)
            assert _codes(await client.send(mail)) == [(Result.FAILED, "5.6.0")]
            await client.close()
            assert await house.mail("alice") == []

    asyncio.run(run())


def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    async def run() -> None:
        house = await build()
        listener = Listener(house.lmtp)
        await listener.open_unix(tmp_path / "lmtp")
        client = await SmtpClient.connect(Peer(tmp_path / "lmtp", lmtp=True, policy=CLEAR))
        people = ["nobody@courriel.test", "bob@courriel.test", *ALICE]
        for without in ((), ("CHUNKING",)):
            _without(client, *without)
            attempts = await client.send(outgoing("x@y.example", people, b"A: b\r\n\r\n" + b"x" * 3_000))
            assert [attempt.result for attempt in attempts] == [Result.FAILED, *[Result.DELIVERED] * 2]
            assert attempts[2].stage is Stage.CONTENT and attempts[2].ip == "" and attempts[2].reply.startswith("250 ")
        await client.close()
        assert len(await house.mail("alice")) == 2
        await listener.close()
        await house.close()

    asyncio.run(run())


def test_nobody_there(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            peers = [Peer("127.0.0.1", taken.getsockname()[1]), Peer(tmp_path / "none"), Peer("bad..name.invalid")]
            peers.append(Peer("127.0.0.1", 25, local_ip="192.0.2.1"))
            for peer in peers:
                with pytest.raises(NoSession) as caught:
                    await SmtpClient.connect(peer)
                attempt = caught.value.attempt
                assert (attempt.result, attempt.status, attempt.stage) == (Result.DEFERRED, "4.4.1", Stage.CONNECT)
                assert attempt.host == str(peer.address) and attempt.reply

    asyncio.run(run())


def test_connecting_ends() -> None:
    """A port whose queue is full lets nobody in and turns nobody away."""

    async def run() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            with socket.create_connection(deaf.getsockname()), pytest.raises(NoSession) as caught:
                await SmtpClient.connect(Peer(*deaf.getsockname()), settings=replace(SHORT, connect_s=0.05))
            assert caught.value.attempt.stage in (Stage.CONNECT, Stage.GREETING)

    asyncio.run(run())


def test_the_local_address_is_ours_to_choose() -> None:
    async def run() -> None:
        house = await build()
        async with listening(house) as port:
            client = await SmtpClient.connect(Peer("127.0.0.1", port, local_ip="127.0.0.9"), name="here.example")
            await client.send(outgoing("", ALICE, b"A: b\r\n\r\n"))
            await client.close()
            (mail,) = await house.mail("alice")
            assert b"here.example ([127.0.0.9])" in mail

    asyncio.run(run())


# --- Postfix's sink -----------------------------------------------------------------------------------------------
SINK = Path("/usr/sbin/smtp-sink")


@pytest.fixture
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    if not SINK.exists():
        pytest.skip("Postfix's smtp-sink is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([SINK, *user, *request.param, f"127.0.0.1:{port}", "100"], cwd=tmp_path)
    try:
        for _ in range(200):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield port
    finally:
        process.kill()
        process.wait()


SINKS = {
    "plain": ((), Result.DELIVERED, Stage.CONTENT),
    "without pipelining": (("-p",), Result.DELIVERED, Stage.CONTENT),
    "helo only": (("-e",), Result.DELIVERED, Stage.CONTENT),
    "soft refusal at the dot": (("-r", "."), Result.DEFERRED, Stage.CONTENT),
    "hard refusal of recipients": (("-f", "RCPT"), Result.FAILED, Stage.RCPT),
    "hangs up at DATA": (("-q", "DATA"), Result.DEFERRED, Stage.DATA),
}


@pytest.mark.interop
@pytest.mark.parametrize(("sink", "result", "stage"), SINKS.values(), ids=SINKS, indirect=["sink"])
def test_postfix_sink(sink: int, result: Result, stage: Stage) -> None:
    async def run() -> None:
        client = await connected(sink, settings=PATIENT)
        for content in (CONTENTS[1], CONTENTS[-1]):
            attempts = await client.send(outgoing("a@b.example", ["c@d.example", "e@d.example"], content))
            assert [attempt.result for attempt in attempts] == [result] * 2
            if client.usable:
                assert attempts[0].stage is stage
        await client.close()

    asyncio.run(run())
