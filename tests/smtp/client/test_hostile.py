"""The client against servers that lie, stall, flood and break the rules.  AUTH attack rows 1–4, 39."""

from __future__ import annotations

import asyncio
import re
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.model.attempt import Result, Stage
from courriel.net.tls import PrivateAuthority, server_context
from courriel.net.tls_policy import CLEAR, OPPORTUNISTIC, REQUIRED, TlsMode, TlsPolicy, verified
from courriel.smtp.client import ClientSettings, NoSession, Peer, SmtpClient, outgoing
from courriel.smtp.client.plan import REPLY_CHARACTERS
from tests.smtp.client.people import answer, connected, lying
from tests.smtp.client.scripted import PATIENT, SHORT
from tests.trial import SHARED

MAIL = outgoing("a@b.example", ["c@d.example", "e@f.example"], b"A: b\r\n\r\nx\r\n")
EHLO_TLS = b"250-here\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
OFFER = b"250-here\r\n250 PIPELINING\r\n"
OK = b"250 ok\r\n"


def test_the_defaults_are_those_of_the_standard() -> None:
    """RFC 5321 §4.5.3.2.1–6, in its order."""
    one = ClientSettings()
    assert (one.greeting_s, one.mail_s, one.rcpt_s, one.data_s, one.block_s, one.final_s) == (
        300, 300, 300, 120, 180, 600
    )  # fmt: skip


# --- STARTTLS -----------------------------------------------------------------------------------------------------
INJECTED = [
    b"250-here\r\n250 AUTH PLAIN\r\n",
    b"250 x\r\n",
    b"2",
    b"\r\n",
    b"235 you are in\r\n" * 20_000,
]


@pytest.mark.parametrize("loop", [asyncio, pytest.importorskip("uvloop")], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("policy", [OPPORTUNISTIC, REQUIRED, "verified"], ids=["may", "must", "verified"])
@pytest.mark.parametrize("pause", [None, 0, 1, 3])
@pytest.mark.parametrize("injected", INJECTED, ids=lambda octets: repr(octets[:12]))
def test_replies_injected_behind_starttls_are_not_believed(
    authority: PrivateAuthority, injected: bytes, pause: int | None, policy: TlsPolicy | str, loop: ModuleType
) -> None:
    """Row 3; NO STARTTLS test B_1: the attacker answers the EHLO that comes inside TLS.  ``pause``: a moment later."""
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", EHLO_TLS, b"220 go\r\n" + (injected if pause is None else b""))
        for _ in range(pause or 0):
            await asyncio.sleep(0)
        if pause is not None:
            writer.write(injected)
        await writer.start_tls(server_context(authority.server))
        heard.append(await reader.readline())

    async def run() -> None:
        asked = verified("localhost", ca=authority.ca) if isinstance(policy, str) else policy
        async with lying(script) as port:
            with pytest.raises(NoSession) as caught:
                await connected(port, asked, replace(PATIENT, handshake_s=0.5))
            assert caught.value.attempt.stage is Stage.STARTTLS and caught.value.attempt.result is Result.DEFERRED
            assert caught.value.clear_may_help is (policy is OPPORTUNISTIC)

    loop.run(run())
    assert heard in ([], [b""])


STARTTLS_ANSWERS = [b"454 not now\r\n", b"500 what\r\n", b"250 sure\r\n", b"354 go\r\n", b"221 bye\r\n", b"421 no\r\n"]


@pytest.mark.parametrize("said", STARTTLS_ANSWERS, ids=repr)
def test_whoever_asked_for_tls_says_nothing_without(said: bytes) -> None:
    """Row 4: no mail, no second try in clear."""
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await answer(reader, writer, b"220 hi\r\n", EHLO_TLS, said))
        heard.append(await reader.read())

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises(NoSession) as caught:
                await connected(port, REQUIRED)
            attempt = caught.value.attempt
            assert (attempt.result, attempt.stage) == (Result.DEFERRED, Stage.STARTTLS)
            assert caught.value.tls_failure == "starttls-not-supported"
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert heard == [b"EHLO localhost\r\n", b"STARTTLS\r\n", b""]


@pytest.mark.parametrize("offer", [OFFER, b"250 here\r\n"])
@pytest.mark.parametrize("policy", [REQUIRED, verified("x.example")], ids=["must", "verified"])
def test_tls_that_is_not_offered(policy: TlsPolicy, offer: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", offer)

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises(NoSession) as caught:
                await connected(port, policy)
            attempt = caught.value.attempt
            assert (attempt.result, attempt.status, attempt.stage) == (Result.DEFERRED, "4.7.4", Stage.POLICY)

    asyncio.run(run())


@pytest.mark.parametrize("said", [b"454 not now\r\n", b"502 what\r\n"])
def test_opportunistic_goes_on_in_clear_where_starttls_is_refused(said: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", EHLO_TLS, said)
        await answer(reader, writer, b"", OK, OK, OK, b"354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(OK)

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port, OPPORTUNISTIC)
            attempts = await client.send(MAIL)
            assert [(one.result, one.tls) for one in attempts] == [(Result.DELIVERED, "")] * 2
            client.abort()

    asyncio.run(run())


@pytest.mark.parametrize("rubbish", [b"nonsense\r\n" * 5, b"", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_a_handshake_that_fails_is_said(rubbish: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", EHLO_TLS, b"220 go\r\n")
        await reader.read(1)
        writer.write(rubbish)

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises(NoSession) as caught:
                await connected(port, OPPORTUNISTIC)
            assert caught.value.clear_may_help and caught.value.attempt.stage is Stage.STARTTLS

    asyncio.run(run())


def test_a_handshake_that_never_ends() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", EHLO_TLS, b"220 go\r\n")
        await reader.read()

    async def run() -> None:
        async with lying(script) as port:
            with pytest.raises(NoSession) as caught:
                await connected(port, OPPORTUNISTIC, replace(SHORT, handshake_s=0.05))
            assert caught.value.clear_may_help

    asyncio.run(run())


def test_no_password_without_tls() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", b"250-here\r\n250 AUTH PLAIN\r\n", b"221 bye\r\n")

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port)
            with pytest.raises(NoSession, match="TLS") as caught:
                await client.login("alice", "secret")
            assert caught.value.attempt.stage is Stage.AUTH
            await client.close()

    asyncio.run(run())


# --- the scripts of NO STARTTLS -------------------------------------------------------------------------------------
SCRIPTS = SHARED / "suites/auth/attack/nostarttls-ron"


@dataclass
class _Fake:
    """What one script makes a server say."""

    greeting: bytes = b"220 fake\r\n"
    capabilities: tuple[str, ...] = ()
    capabilities_tls: tuple[str, ...] = ()
    starttls: bytes = b"220 go\r\n"
    makes_transition: bool = True
    overrides: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def read(cls, path: Path) -> _Fake:
        text = re.sub(r"(?m)^\s*//.*$", "", path.read_text())
        one = cls(capabilities=_words(text, "capabilities"), capabilities_tls=_words(text, "capabilities_tls"))
        for key in ("greeting", "stls_response"):
            if match := re.search(rf'(?m)^\s*{key}\s*:\s*"([^"]*)"', text):
                one = replace(one, **{"starttls" if key == "stls_response" else key: _unescaped(match[1])})
        overrides = re.findall(r'"(\w+)"\s*:\s*"([^"]*)"', text)
        hidden = re.search(r"hide_commands:\s*\[([^]]*)\]", text)
        hidden_words = re.findall(r'"(\w+)"', hidden[1]) if hidden else []
        rules = [(verb.upper().encode(), _unescaped(said)) for verb, said in overrides]
        rules += [(verb.upper().encode(), b"502 what\r\n") for verb in hidden_words]
        return replace(one, overrides=tuple(rules), makes_transition="stls_make_transition: false" not in text)


def _words(text: str, key: str) -> tuple[str, ...]:
    match = re.search(rf"(?ms)\b{key}:\s*\[(.*?)\],\s*$", text)
    inside = match[1] if match else ""
    mechanisms = re.findall(r'Other\("([^"]*)"\)|\b(Plain|Login)\b', inside)
    words = ["STARTTLS"] if "StartTLS" in inside else []
    return (*words, "AUTH " + " ".join("".join(one) for one in mechanisms)) if mechanisms else tuple(words)


def _unescaped(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")


class _FakeServer:
    def __init__(self, fake: _Fake, authority: PrivateAuthority) -> None:
        self._fake = fake
        self._authority = authority
        self.in_clear: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fake, secure = self._fake, False
        writer.write(fake.greeting)
        while line := await reader.readline():
            if not secure:
                self.in_clear.append(line)
            verb = line.split()[0].upper()
            said = dict(fake.overrides).get(verb)
            if said is not None:
                writer.write(said)
            elif verb == b"STARTTLS":
                writer.write(fake.starttls)
            elif verb == b"EHLO":
                words = ["fake", *(fake.capabilities_tls if secure else fake.capabilities)]
                writer.write(
                    "".join(f"250-{word}\r\n" for word in words[:-1]).encode() + f"250 {words[-1]}\r\n".encode()
                )
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(OK)
            else:
                writer.write(b"235 in\r\n" if verb == b"AUTH" else OK)
            if verb == b"STARTTLS" and fake.makes_transition and (said or fake.starttls).startswith(b"220"):
                await writer.start_tls(server_context(self._authority.server))
                secure = True


def _scripts() -> list[Path]:
    return sorted((SCRIPTS / "smtp").rglob("*.ron"))


def test_the_scripts_are_there() -> None:
    if not SCRIPTS.exists():
        pytest.skip(f"the NO STARTTLS scripts are not at {SCRIPTS}")
    assert len(_scripts()) == 59


@pytest.mark.parametrize("path", _scripts(), ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("mode", [TlsMode.VERIFIED, TlsMode.OPPORTUNISTIC])
def test_no_starttls(authority: PrivateAuthority, path: Path, mode: TlsMode) -> None:
    """Whoever wants TLS says nothing but EHLO, HELO, STARTTLS and QUIT in clear; nobody gives a password in clear;
    every message ends with an attempt for each recipient."""
    server = _FakeServer(_Fake.read(path), authority)

    async def run() -> None:
        policy = verified("localhost", ca=authority.ca) if mode is TlsMode.VERIFIED else OPPORTUNISTIC
        async with lying(server) as port, asyncio.timeout(5):
            try:
                client = await connected(port, policy)
            except NoSession as failure:
                assert failure.attempt.result in (Result.DEFERRED, Result.FAILED)
                return
            attempts = await client.send(MAIL)
            assert len(attempts) == 2
            assert not client.is_verified or client.tls
            try:
                await client.login("alice", "secret")
            except NoSession as failure:
                assert failure.attempt.stage is Stage.AUTH
            await client.close()

    asyncio.run(run())
    said = {line.split()[0].upper() for line in server.in_clear}
    assert b"AUTH" not in said
    if mode is TlsMode.VERIFIED:
        assert said <= {b"EHLO", b"HELO", b"STARTTLS", b"QUIT"}


# --- replies without measure ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "greeting",
    [
        b"hello\r\n",
        b"220-a\r\n250 b\r\n",
        b"220-a\r\n" * 1000,
        b"220 " + b"x" * 100_000,
        b"220 " + b"x" * 5_000 + b"\r\n",
        (b"220-" + b"x" * 4_000 + b"\r\n") * 100,
        b"220 a\x00b\r\n",
        b"\r\n",
        b"+OK POP3\r\n",
        b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"SSH-2.0-x\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28\n",
        b"999 a\r\n",
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
            with pytest.raises(NoSession) as caught:
                await connected(port)
            attempt = caught.value.attempt
            assert (attempt.result, attempt.stage) == (Result.DEFERRED, Stage.GREETING)
            assert len(attempt.reply) <= REPLY_CHARACTERS

    asyncio.run(run())


FLOODS = [b"250-" + b"y" * 1_000 + b"\r\n", b"250 y\r\n", b"y" * 1_000, b"2", b"\r\n", b"\x00" * 500]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: repr(flood[:8]))
def test_a_flood_ends_the_connection_and_takes_no_memory(flood: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER)
        await reader.readline()
        while True:
            writer.write(flood * 200)
            await writer.drain()

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port)
            tracemalloc.start()
            attempts = await client.send(MAIL)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert [one.result for one in attempts] == [Result.DEFERRED] * 2 and not client.usable
            assert peak < 4_000_000 and all(len(one.reply) <= REPLY_CHARACTERS for one in attempts)

    asyncio.run(run())


def test_long_replies_to_many_recipients_are_not_kept_whole() -> None:
    people = [f"p{number}@d.example" for number in range(300)]
    long = b"".join(b"550%b%b\r\n" % (b" " if number == 7 else b"-", b"z" * 4_000) for number in range(8))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER, OK)
        for _ in people:
            await reader.readline()
            writer.write(long)
            await writer.drain()
        await answer(reader, writer, b"", b"554 no\r\n", b"221 bye\r\n")

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port, settings=PATIENT)
            attempts = await client.send(outgoing("", people, b"A: b\r\n\r\n"))
            assert {(one.result, len(one.reply)) for one in attempts} == {(Result.FAILED, REPLY_CHARACTERS)}
            await client.close()

    asyncio.run(run())


# --- servers without haste --------------------------------------------------------------------------------------------
def test_replies_that_drip_are_one_wait() -> None:
    """One octet after the other does not begin the time anew."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in b"220-" + b"x" * 1_000:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async def run() -> None:
        begun = time.monotonic()
        async with lying(script) as port:
            with pytest.raises(NoSession, match="too long"):
                await connected(port)
        assert time.monotonic() - begun < 2

    asyncio.run(run())


def test_all_commands_together_have_an_end() -> None:
    """Each reply comes in time, all of them do not."""
    people = [f"p{number}@d.example" for number in range(100)]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER, OK)
        for number in range(100):
            await asyncio.sleep(0.1)
            writer.write(b"550 no %d\r\n" % number)
            await writer.drain()

    async def run() -> None:
        begun = time.monotonic()
        async with lying(script) as port:
            client = await connected(port, settings=replace(SHORT, commands_s=0.4))
            attempts = await client.send(outgoing("", people, b"A: b\r\n\r\n"))
        assert len(attempts) == 100 and time.monotonic() - begun < 2
        failed = [one for one in attempts if one.result is Result.FAILED]
        assert 1 <= len(failed) < 10 and attempts[-1].reply == "the server took too long"

    asyncio.run(run())


async def _reads_on(reader: asyncio.StreamReader, octets: int, pause_s: float) -> None:
    """As slowly as that, until the client has had enough."""
    while await reader.read(octets):  # noqa: ASYNC110 - slowness is the point
        await asyncio.sleep(pause_s)


BIG = outgoing("", ["c@d.example"], b"A: b\r\n\r\n" + b"x" * 30_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
@pytest.mark.parametrize(
    ("octets", "pause_s", "limits"),
    [
        (1, 10.0, replace(SHORT, final_s=5.0, content_s=5.0)),
        (200_000, 0.01, replace(SHORT, block_s=5.0, final_s=5.0, content_s=0.5)),
    ],
    ids=["stops", "crawls"],
)
def test_a_server_that_does_not_read(chunking: bool, octets: int, pause_s: float, limits: ClientSettings) -> None:
    """RFC 5321 §4.5.3.2.5, and all blocks together."""
    replies = (OK, OK) if chunking else (OK, OK, b"354 go\r\n")

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        offer = b"250-CHUNKING\r\n250 PIPELINING\r\n" if chunking else b"250-here\r\n250 PIPELINING\r\n"
        await answer(reader, writer, b"220 hi\r\n", b"250-x\r\n" + offer, *replies)
        await _reads_on(reader, octets, pause_s)

    async def run() -> None:
        begun = time.monotonic()
        async with lying(script) as port:
            client = await connected(port, settings=limits)
            (attempt,) = await client.send(BIG)
            assert (attempt.result, attempt.stage) == (Result.DEFERRED, Stage.CONTENT)
            assert attempt.reply == "the server took too long" and not client.usable
            assert time.monotonic() - begun < 3

    asyncio.run(run())


@pytest.mark.parametrize(
    ("said", "result", "reply"),
    [
        (b"552 5.3.4 enough\r\n", Result.FAILED, "552 5.3.4 enough"),
        (b"451 4.3.0 trouble\r\n", Result.DEFERRED, "451 4.3.0 trouble"),
        (b"250 taken\r\n", Result.DEFERRED, "the server answered before the end of the message"),
    ],
    ids=["refused", "deferred", "taken"],
)
def test_an_answer_before_the_end(said: bytes, result: Result, reply: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER, OK, OK, b"354 go\r\n")
        await reader.read(100_000)
        writer.write(said)
        await reader.read()

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port, settings=PATIENT)
            (attempt,) = await client.send(BIG)
            assert (attempt.result, attempt.reply, attempt.stage) == (result, reply, Stage.CONTENT)
            assert not client.usable

    asyncio.run(run())


def test_the_time_between_messages_is_the_callers() -> None:
    """No limit runs while nothing is asked."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER)
        await answer(reader, writer, b"", OK, OK, OK, b"554 no\r\n")
        await answer(reader, writer, b"", OK, OK, OK, OK, b"554 no\r\n")

    async def run() -> None:
        limits = replace(SHORT, commands_s=0.1, mail_s=0.1, rcpt_s=0.1, data_s=0.1, hello_s=0.1, greeting_s=0.1)
        async with lying(script) as port:
            client = await connected(port, settings=limits)
            for _ in range(2):
                await asyncio.sleep(0.2)
                assert [one.reply for one in await client.send(MAIL)] == ["554 no"] * 2
            client.abort()

    asyncio.run(run())


def test_good_bye_is_not_waited_for_long() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", OFFER)
        await reader.read()

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port)
            async with asyncio.timeout(5):
                await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "begin",
    [
        lambda client: client.send(MAIL),
        lambda client: client.login("alice", "secret", private_network=True),
        lambda client: client.close(),
    ],
    ids=["send", "login", "close"],
)
def test_cancelled_in_the_middle(begin: Callable[[SmtpClient], Coroutine[Any, Any, object]]) -> None:
    """The connection is given up: what the server would say next belongs to nobody."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", b"250-here\r\n250 AUTH PLAIN\r\n")
        await reader.read()

    async def run() -> None:
        async with lying(script) as port:
            client = await connected(port, settings=replace(PATIENT, quit_s=5.0))
            work = asyncio.ensure_future(begin(client))
            await asyncio.sleep(0.02)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert not client.usable

    asyncio.run(run())


# --- whatever it does ------------------------------------------------------------------------------------------------
PIECES = [
    OK, b"250 2.1.5 ok\r\n", b"354 go\r\n", b"550 5.1.1 no\r\n", b"452 4.5.3 many\r\n", b"421 bye\r\n", b"250-more\r\n",
    b"220 x\r\n", b"\r\n", b"2", b"50 ok\r\n", b"\xff\x00", b"999 x\r\n", b"x" * 5_000, b"503 no\r\n", b"334 \r\n",
]  # fmt: skip
ACTIONS = st.one_of(st.sampled_from(PIECES), st.just("read"), st.just("pause"), st.binary(max_size=20))
QUICK = replace(
    SHORT, greeting_s=5.0, hello_s=1.0, mail_s=0.03, rcpt_s=0.03, data_s=0.03, block_s=0.03, final_s=0.03,
    quit_s=0.01, check_s=0.005, commands_s=0.2, content_s=0.2,
)  # fmt: skip
OFFERS = ["PIPELINING", "CHUNKING", "DSN", "SIZE 100", "LIMITS RCPTMAX=1", "8BITMIME"]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(ACTIONS, max_size=14),
    st.sets(st.sampled_from(OFFERS)),
    st.booleans(),
    st.sampled_from([0, 1_000]),
)
def test_every_recipient_has_one_attempt(actions: list[bytes | str], offer: set[str], lmtp: bool, eager: int) -> None:
    """And no time limit is passed, and nothing is delivered that the server did not take."""
    promised: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer, b"220 hi\r\n", "".join(f"250-{one}\r\n" for one in offer).encode() + OK)
        for action in actions:
            if action == "read":
                await reader.read(100)
            elif action == "pause":
                await asyncio.sleep(0.002)
            else:
                assert isinstance(action, bytes)
                promised.append(action)
                writer.write(action)
                await writer.drain()

    async def run() -> None:
        async with lying(script) as port, asyncio.timeout(8):
            client = await SmtpClient.connect(
                Peer("127.0.0.1", port, policy=CLEAR, lmtp=lmtp), settings=replace(QUICK, eager_octets=eager)
            )
            for _ in range(2):
                attempts = await client.send(MAIL)
                assert len(attempts) == 2
                for one in attempts:
                    if one.result is Result.DELIVERED:
                        assert re.search(rb"2\d\d", b"".join(promised)) and one.stage is Stage.CONTENT
            await client.close()
            assert not client.usable

    asyncio.run(run())
