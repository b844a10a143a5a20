"""Our IMAP and POP3 clients against servers that lie, flood and break the rules.  AUTH attack rows 1–4.

The scripts are those of "Why TLS is better without STARTTLS" (Poddebniak et al., USENIX Security 2021).
"""

from __future__ import annotations

import asyncio
import datetime
import re
import ssl
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import CourrielError, FormatError
from courriel.imap.client import CleartextRefused, ImapClient
from courriel.imap.wire.client_response import Responses
from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from courriel.pop3.client import Pop3Client
from tests.trial import SHARED

SCRIPTS = SHARED / "suites/auth/attack/nostarttls-ron"

WORDS = {"Imap4Rev1": "IMAP4rev1", "StartTls": "STARTTLS", "LoginDisabled": "LOGINDISABLED", "Enable": "ENABLE"}

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


def _unescaped(text: str) -> bytes:
    return re.sub(r'\\(["\\rn])', lambda found: {"r": "\r", "n": "\n"}.get(found[1], found[1]), text).encode()


_STRING = r'"((?:[^"\\]|\\.)*)"'


@dataclass
class Script:
    """What one script makes a server say, and what it was told in clear."""

    text: str
    authority: PrivateAuthority
    in_clear: list[bytes] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, authority: PrivateAuthority) -> Script:
        return cls(re.sub(r"(?m)^\s*//.*$", "", path.read_text()), authority)

    def said(self, key: str) -> bytes | None:
        found = re.search(rf'(?m)^\s*"?{key}"?\s*:\s*(?:Some\()?{_STRING}', self.text)
        return _unescaped(found[1]) if found else None

    def listed(self, key: str) -> list[str]:
        found = re.search(rf"(?m)^\s*{key}\s*:\s*\[(.*?)\],?\s*(?://.*)?$", self.text)
        return re.findall(_STRING, found[1]) if found else []

    def capabilities(self, key: str) -> str:
        found = re.search(rf"(?m)^\s*{key}\s*:\s*\[(.*)\]", self.text)
        return self._words(found[1] if found else "")

    def _words(self, inside: str) -> str:
        words = [WORDS[word] for word in re.findall(rf"\b(?:{'|'.join(WORDS)})\b", inside)]
        words += [f"AUTH={word.upper()}" for word in re.findall(r"Auth\((\w+)\)", inside)]
        return " ".join([*words, *re.findall(r'Atom\("([^"]*)"\)', inside)])

    def imap_greeting(self) -> bytes:
        if (raw := self.said("greeting")) is not None:
            return raw
        kind = re.search(r"kind:\s*(\w+)", self.text)
        code = re.search(r"code:\s*Some\((.*)\)", self.text)
        words = self._words(code[1]) if code and "Capability" in code[1] else ""
        text = self.said("text") or b"hello"
        shown = f"[CAPABILITY {words}] ".encode() if words else b"[ALERT] " if code else b""
        return b"* " + (kind[1] if kind else "Ok").upper().encode() + b" " + shown + text + b"\r\n"

    async def imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = entered = False
        writer.write(self.imap_greeting() + (self.said("response_after_greeting") or b""))
        while line := await reader.readline():
            if not secure:
                self.in_clear.append(line)
            tag, verb = [*line.split(), b"", b""][:2]
            word = verb.decode("latin-1").lower()
            ok = b"%b OK done\r\n" % tag
            if word in self.listed("ignore_commands"):
                continue
            if not secure and word in self.listed("hide_commands"):
                writer.write(tag + b" BAD what\r\n")
            elif (said := self.said(word)) is not None and not secure:
                writer.write(said.replace(b"<tag>", tag))
            elif word == "starttls":
                said = (self.said("starttls_response") or b"<tag> OK go\r\n").replace(b"<tag>", tag)
                writer.write(said)
                if tag + b" OK" in said and "starttls_transition: false" not in self.text:
                    await writer.start_tls(server_context(self.authority.server))
                    secure = True
            elif word == "capability":
                key = "caps" + ("_tls" if secure else "") + ("_auth" if entered else "")
                writer.write(f"* CAPABILITY {self.capabilities(key)}\r\n".encode() + ok)
            elif word == "list":
                writer.write(b'* LIST () "/" INBOX\r\n' + ok)
            elif word == "authenticate":
                writer.write(b"+ \r\n")
                await reader.readline()
                writer.write(ok)
            else:
                entered |= word == "login"
                writer.write(ok)

    async def pop3(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = False
        writer.write(self.said("greeting") or b"+OK\r\n")
        while line := await reader.readline():
            if not secure:
                self.in_clear.append(line)
            word = line.split()[0].decode("latin-1").lower()
            said = None if secure else self.said(word)
            if word in self.listed("hide_commands") and not secure:
                said = b"-ERR what\r\n"
            if word == "stls":
                said = said or self.said("stls_response") or b"+OK go\r\n"
                writer.write(said)
                if said.startswith(b"+OK") and "stls_make_transition: false" not in self.text:
                    await writer.start_tls(server_context(self.authority.server))
                    secure = True
            elif word == "capa" and said is None:
                words = self.listed("capa_tls" if secure else "capa")
                writer.write("".join(f"{one}\r\n" for one in ["+OK", *words, "."]).encode())
            elif word == "list" and said is None:
                writer.write(b"+OK\r\n1 8\r\n.\r\n")
            else:
                writer.write(said or b"+OK\r\n")


async def _lie(serve: Serve, work: Callable[[int], Coroutine[Any, Any, None]], limit_s: float = 30.0) -> None:
    """Do ``work`` with the port of a server; what it may raise is what a caller is told to expect."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(limit_s):
            await work(server.sockets[0].getsockname()[1])
    except (CourrielError, OSError):  # a time-out is one: the script says nothing more
        pass
    finally:
        server.close()


def _scripts(protocol: str) -> list[Path]:
    return sorted((SCRIPTS / protocol).rglob("*.ron"))


def test_the_scripts_are_there() -> None:
    if not SCRIPTS.exists():
        pytest.skip(f"the NO STARTTLS scripts are not at {SCRIPTS}")
    assert (len(_scripts("imap")), len(_scripts("pop3"))) == (74, 43)


@pytest.mark.parametrize("path", _scripts("imap"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_starttls_imap(authority: PrivateAuthority, path: Path) -> None:
    """Nothing but CAPABILITY, STARTTLS and LOGOUT is said in clear; nothing heard in clear is believed later."""
    script = Script.read(path, authority)
    seen: list[str] = []

    async def work(port: int) -> None:
        client = await ImapClient.connect("127.0.0.1", port, client_context(authority.ca), starttls=True)
        assert client.untagged == []
        assert " ".join(sorted(await client.capabilities())) == " ".join(
            sorted(script.capabilities("caps_tls").upper().split())
        )
        await client.login("alice", "secret")
        seen.extend(one.text for one in await client.mailboxes())
        await client.close()

    asyncio.run(_lie(script.imap, work, 1.0))
    assert {line.split()[1].upper() for line in script.in_clear} <= {b"CAPABILITY", b"STARTTLS", b"LOGOUT"}
    assert seen in ([], ["INBOX"])


@pytest.mark.parametrize("path", _scripts("pop3"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_starttls_pop3(authority: PrivateAuthority, path: Path) -> None:
    script = Script.read(path, authority)

    async def work(port: int) -> None:
        client = await Pop3Client.connect("127.0.0.1", port)
        await client.capabilities()
        await client.start_tls(client_context(authority.ca), "localhost")
        await client.log_in("alice", "secret")
        assert await client.sizes() == {1: 8}
        await client.quit()

    asyncio.run(_lie(script.pop3, work, 1.0))
    assert {line.split()[0].upper() for line in script.in_clear} <= {b"CAPA", b"STLS", b"QUIT"}


@pytest.mark.parametrize("injected", [b"c9 OK in\r\n", b"* CAPABILITY IMAP4rev1\r\n", b"+", b"x" * 300_000])
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_what_comes_behind_the_go_ahead_ends_it(authority: PrivateAuthority, protocol: str, injected: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hi\r\n" if protocol == "imap" else b"+OK hi\r\n")
        line = await reader.readline()
        writer.write((line.split()[0] + b" OK go\r\n" if protocol == "imap" else b"+OK go\r\n") + injected)
        await writer.start_tls(server_context(authority.server))
        raise AssertionError("the client shook hands")

    async def work(port: int) -> None:
        with pytest.raises((FormatError, OSError)):
            if protocol == "imap":
                await ImapClient.connect("127.0.0.1", port, client_context(authority.ca), starttls=True)
            else:
                client = await Pop3Client.connect("127.0.0.1", port)
                await client.start_tls(client_context(authority.ca), "localhost")

    asyncio.run(_lie(serve, work))


def test_no_password_in_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n")
        told.append(await reader.readline())

    async def work(port: int) -> None:
        monkeypatch.setattr("courriel.imap.client.is_loopback", lambda ip: False)
        client = await ImapClient.connect("127.0.0.1", port)
        with pytest.raises(CleartextRefused):
            await client.login("alice", "secret")
        client.abandon()

    asyncio.run(_lie(serve, work))
    assert b"".join(told) == b""


# --- floods: bounded memory, linear time ----------------------------------------------------------------------------
MEGABYTE = 1_000_000

FLOODS = [
    b"* LIST (" + b"(" * MEGABYTE,
    b'* LIST () "/" ' + b'"' * MEGABYTE + b"\r\n",
    b'* LIST () "/" "' + b'\\"' * (MEGABYTE // 2) + b"\r\n",
    b"* 1 FETCH (" + b"[" * MEGABYTE + b")\r\n",
    b"* 1 FETCH (" + b"[]" * (MEGABYTE // 2) + b")\r\n",
    b"* SEARCH " + b"1 " * (MEGABYTE // 2) + b"\r\n",
    b"x" * 2 * MEGABYTE,
    b"* 1 FETCH (" + b"{0}\r\n" * (MEGABYTE // 5),
    b"* OK [" + b"a " * (MEGABYTE // 2) + b"\r\n",
    b"\r\n" * (MEGABYTE // 2),
    b"* " + b"9" * MEGABYTE + b" EXISTS\r\n",
    b"* 1 EXISTS\r\n" * (MEGABYTE // 12),
]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: repr(flood[:16]))
@pytest.mark.parametrize("piece", [50, 65_536])
def test_a_flood_costs_little(flood: bytes, piece: int) -> None:
    """At most 50 ms a megabyte asked for; 4 s allowed, the machine may be busy: quadratic would take minutes."""
    began = time.process_time()
    responses = Responses()
    try:
        for start in range(0, len(flood), piece):
            responses.receive(flood[start : start + piece])
            while responses.next() is not None:
                pass
    except CourrielError:
        pass
    assert time.process_time() - began < 4.0


@given(st.binary(max_size=200))
def test_any_octets_are_a_response_or_an_error_of_ours(octets: bytes) -> None:
    responses = Responses()
    responses.receive(octets + b"\r\n")
    try:
        while responses.next() is not None:
            pass
    except CourrielError:
        pass


def test_messages_nobody_asked_for_are_not_taken() -> None:
    """A server that sends other messages, or one twice, fills nobody's disk; one that never ends is hung up on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hi\r\n")
        tag = (await reader.readline()).split()[0]
        rows = b"".join(b"* 1 FETCH (UID %d FLAGS () BODY[] {1}\r\nx)\r\n" % uid for uid in (1, 9, 2, 1, 2, 7))
        writer.write(rows + b"* 2 FETCH (FLAGS (\\Seen))\r\n" + tag + b" OK\r\n")
        await reader.readline()
        for uid in range(1, 200_000):
            writer.write(b"* 1 FETCH (UID %d FLAGS ())\r\n" % uid)
            await writer.drain()

    async def work(port: int) -> None:
        client = await ImapClient.connect("127.0.0.1", port)
        came = [items[b"UID"] async for items in client.each([1, 2, 3], "(UID FLAGS BODY.PEEK[])")]
        assert came == [b"1", b"2"]
        with pytest.raises(FormatError, match="mailbox_messages"):
            await client.flags(5)
        client.abandon()
        done.append(True)

    done: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("courriel.imap.client.NEWCOMERS", 100)
        asyncio.run(_lie(serve, work))
    assert done


def test_untagged_responses_without_end_are_cut_off() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hi\r\n")
        await reader.readline()
        for _ in range(200):
            writer.write(b"* 1 FETCH (X {1000000}\r\n" + b"x" * 1_000_000 + b")\r\n")
            await writer.drain()

    async def work(port: int) -> None:
        client = await ImapClient.connect("127.0.0.1", port)
        with pytest.raises(FormatError, match="answer_octets"):
            await client.command(b"NOOP")
        client.abandon()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("courriel.imap.client.ANSWER_OCTETS", 4_000_000)
        tracemalloc.start()
        asyncio.run(_lie(serve, work))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40_000_000
