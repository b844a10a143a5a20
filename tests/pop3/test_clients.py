"""Programs people use, against our server on a real socket: poplib, curl, fetchmail, getmail."""

from __future__ import annotations

import asyncio
import datetime
import os
import poplib
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from courriel.model.ids import AccountId
from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from tests.pop3.house import House, build, listening

pytestmark = pytest.mark.interop

CONTENTS = (
    b"From: a@x.test\r\nTo: alice@one.test\r\nSubject: one\r\nMessage-ID: <1@x.test>\r\n\r\n.dot\r\nfirst\r\n",
    b"From: b@x.test\r\nTo: alice@one.test\r\nSubject: two\r\nMessage-ID: <2@x.test>\r\n\r\n" + b"second\r\n" * 5000,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


async def _run(*arguments: str, home: Path) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOME": str(home), "FETCHMAILHOME": str(home), "LC_ALL": "C"},
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, said.decode(errors="replace")
    return said


async def _house(authority: PrivateAuthority) -> House:
    house = await build(tls=server_context(authority.server))
    await house.deliver("alice", *CONTENTS)
    return house


def _with_poplib(port: int, context: ssl.SSLContext) -> None:
    client = poplib.POP3("localhost", port, timeout=10)
    client.stls(context)
    assert client.capa()["UTF8"] == ["USER"]
    client.user("alice")
    client.pass_("secret")
    assert client.stat() == (2, sum(map(len, CONTENTS)))
    for number, content in enumerate(CONTENTS, 1):
        assert b"\r\n".join([*client.retr(number)[1], b""]) == content
    assert client.top(1, 0)[1][-1] == b""
    assert len(client.uidl()[1]) == 2
    client.dele(1)
    client.quit()


def test_poplib(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await _house(authority)
        async with listening(house) as port:
            await asyncio.to_thread(_with_poplib, port, client_context(authority.ca))
            assert await house.inbox("alice") == [2]

    asyncio.run(run())


CURL: list[tuple[str, list[str], bool]] = [
    ("pop3", ["--ssl-reqd"], False),
    ("pop3s", [], True),
    ("pop3", ["--login-options", "AUTH=PLAIN"], False),
    ("pop3", ["--login-options", "AUTH=LOGIN", "--sasl-ir"], False),
]


@pytest.mark.parametrize(("scheme", "options", "tls"), CURL)
def test_curl(authority: PrivateAuthority, tmp_path: Path, scheme: str, options: list[str], tls: bool) -> None:
    curl = _program("curl")

    async def run() -> None:
        house = await _house(authority)
        async with listening(house, server_context(authority.server) if tls else None) as port:
            url = f"{scheme}://localhost:{port}"
            common = [curl, "-sS", "--cacert", str(authority.ca), "-u", "alice:secret", *options]
            assert (await _run(*common, url + "/", home=tmp_path)).split() == [
                word for number, content in enumerate(CONTENTS, 1) for word in (b"%d" % number, b"%d" % len(content))
            ]
            assert await _run(*common, url + "/1", home=tmp_path) == CONTENTS[0]
            await _run(*common, url + "/1", "-X", "DELE", "-l", home=tmp_path)
            assert await house.inbox("alice") == [2]

    asyncio.run(run())


def _delivery(tmp_path: Path) -> Path:
    """A program that adds what it reads to ``mbox``."""
    program = tmp_path / "deliver"
    program.write_text(f'#!/bin/sh\ncat >> "{tmp_path}/mbox"\n')
    program.chmod(0o700)
    return program


def _fetchmail(tmp_path: Path, port: int, ca: Path, keep: bool = False) -> list[str]:
    rc = tmp_path / "rc"
    rc.write_text(
        f'poll localhost protocol pop3 service {port} uidl:\n user "alice" password "secret" sslproto TLS1.2+ '
        f'sslcertck sslcertfile "{ca}" {"keep" if keep else "fetchall no keep"} mda "{_delivery(tmp_path)}"\n'
    )
    rc.chmod(0o600)
    return ["-f", str(rc), "--pidfile", str(tmp_path / "pid"), "--nosyslog"]


def _getmail(tmp_path: Path, port: int, ca: Path, keep: bool = False) -> list[str]:
    (tmp_path / "rc").write_text(
        f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {port}\nusername = alice\n"
        f"password = secret\nca_certs = {ca}\n[destination]\ntype = MDA_external\npath = {_delivery(tmp_path)}\n"
        f"allow_root_commands = true\n[options]\ndelete = {not keep}\nread_all = {not keep}\n"
    )
    return ["--getmaildir", str(tmp_path), "--rcfile", str(tmp_path / "rc")]


def _mpop(tmp_path: Path, port: int, ca: Path, keep: bool = False) -> list[str]:
    rc = tmp_path / "rc"
    rc.write_text(
        f"account a\nhost localhost\nport {port}\nuser alice\npassword secret\ntls on\ntls_starttls on\n"
        f"tls_trust_file {ca}\ndelivery mbox {tmp_path}/mbox\nuidls_file {tmp_path}/uidls\n"
        f"keep {'on' if keep else 'off'}\nreceived_header off\naccount default : a\n"
    )
    rc.chmod(0o600)
    return ["-C", str(rc)]


PROGRAMS = [("fetchmail", _fetchmail, False), ("getmail", _getmail, True), ("mpop", _mpop, False)]

Arguments = Callable[..., list[str]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments", "tls"), PROGRAMS)
def test_fetch_and_delete(
    authority: PrivateAuthority,
    tmp_path: Path,
    name: str,
    arguments: Arguments,
    tls: bool,
) -> None:
    program = _program(name)

    async def run() -> None:
        house = await _house(authority)
        async with listening(house, server_context(authority.server) if tls else None) as port:
            await _run(program, *arguments(tmp_path, port, authority.ca), home=tmp_path)
            assert await house.inbox("alice") == []

    asyncio.run(run())
    text = (tmp_path / "mbox").read_bytes()
    assert text.count(b"second\n") == 5000
    assert b"\n.dot\nfirst\n" in text


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments", "tls"), PROGRAMS)
def test_what_is_restored_is_not_fetched_twice(
    authority: PrivateAuthority, tmp_path: Path, name: str, arguments: Arguments, tls: bool
) -> None:
    """Programs that leave mail on the server know it by its unique-id.  Deleted by another program and restored before
    they look again, it is not new to them; what comes later is."""
    program = _program(name)

    def fetched() -> int:
        return (tmp_path / "mbox").read_bytes().count(b"Message-ID: ") if (tmp_path / "mbox").exists() else 0

    async def run() -> None:
        house = await _house(authority)
        async with listening(house, server_context(authority.server) if tls else None) as port:
            words = arguments(tmp_path, port, authority.ca, True)
            await _run(program, *words, home=tmp_path)
            assert fetched() == 2
            await house.expunge("alice", [1, 2])
            await house.store.restore(AccountId(1), [gone.id for gone in await house.store.expunged(AccountId(1))])
            await house.deliver("alice", CONTENTS[0].replace(b"<1@", b"<3@"))
            assert await house.inbox("alice") == [3, 4, 5]
            await _run(program, *words, home=tmp_path)
            assert fetched() == 3, "the new one alone"

    asyncio.run(run())
