"""The client's side of SCRAM and LOGIN."""

from __future__ import annotations

import asyncio
import base64

import pytest

from courriel.base.errors import FormatError, LimitExceeded
from courriel.net.tls_policy import CLEAR
from courriel.smtp.client import NoSession, Peer, SmtpClient
from courriel.smtp.scram import ScramClient
from tests.smtp.client.people import answer, lying

# RFC 7677 §3
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def _rfc() -> ScramClient:
    return ScramClient("user", "pencil", base64.b64decode("rOprNGfwEbeRWgbNEkqO"))


def test_the_example_of_the_rfc() -> None:
    client = _rfc()
    assert client.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert client.final(SERVER_FIRST) == CLIENT_FINAL
    client.check(SERVER_FINAL)


def test_names_are_escaped() -> None:
    assert ScramClient("a=b,c", "x", b"abc").first() == b"n,,n=a=3Db=2Cc,r=YWJj"


@pytest.mark.parametrize(
    "server_first",
    [
        b"",
        b"r=other,s=W22Z,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096",  # nothing of its own
        SERVER_FIRST.replace(b"i=4096", b"i=0"),
        SERVER_FIRST.replace(b"i=4096", b"i=-1"),
        SERVER_FIRST.replace(b"==,i", b",i"),
        b"m=x," + SERVER_FIRST,
        b"e=unknown-user",
    ],
)
def test_servers_that_break_the_rules(server_first: bytes) -> None:
    with pytest.raises(FormatError):
        _rfc().final(server_first)


def test_a_server_cannot_make_us_work_for_ever() -> None:
    with pytest.raises(LimitExceeded):
        _rfc().final(SERVER_FIRST.replace(b"i=4096", b"i=2000000000"))


@pytest.mark.parametrize("final", [b"", b"v=", b"v=AAAA", b"e=invalid-proof", b"v=!", SERVER_FINAL[:-2]])
def test_a_server_that_does_not_know_the_key(final: bytes) -> None:
    client = _rfc()
    client.final(SERVER_FIRST)
    with pytest.raises(FormatError):
        client.check(final)
    with pytest.raises(FormatError):
        _rfc().check(final)


def _b64(text: bytes) -> bytes:
    return base64.b64encode(text)


async def _log_in(offer: bytes, *answers: bytes) -> list[bytes]:
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = b"250-here\r\n250 AUTH " + offer + b"\r\n"
        heard.extend(await answer(reader, writer, b"220 hi\r\n", hello, *answers))
        await reader.read()

    async with lying(script) as port:
        client = await SmtpClient.connect(Peer("127.0.0.1", port, policy=CLEAR))
        try:
            await client.login("alice", "secret", private_network=True)
        finally:
            client.abort()
            await asyncio.sleep(0)
    return [line.rstrip(b"\r\n") for line in heard[1:]]


OK = b"235 ok\r\n"


def test_login_where_that_is_all_there_is() -> None:
    heard = asyncio.run(_log_in(b"LOGIN", b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", OK))
    assert heard == [b"AUTH LOGIN", _b64(b"alice"), _b64(b"secret")]


def test_plain_before_login() -> None:
    assert asyncio.run(_log_in(b"LOGIN PLAIN", OK)) == [b"AUTH PLAIN " + _b64(b"\0alice\0secret")]


@pytest.mark.parametrize("offer", [b"GSSAPI CRAM-MD5", b"", b"XPLAIN"])
def test_no_password_for_a_server_that_does_not_ask_for_it(offer: bytes) -> None:
    with pytest.raises(NoSession, match="no way to log in"):
        asyncio.run(_log_in(offer))


def test_a_server_that_lets_anybody_in_does_not_get_the_password() -> None:
    """Row 3: success without the server's proof is no success."""
    with pytest.raises(NoSession, match="235"):
        asyncio.run(_log_in(b"PLAIN SCRAM-SHA-256", OK))
    with pytest.raises(NoSession):
        asyncio.run(_log_in(b"PLAIN SCRAM-SHA-256", b"334 " + _b64(SERVER_FIRST) + b"\r\n"))
    with pytest.raises(NoSession):
        asyncio.run(_log_in(b"PLAIN SCRAM-SHA-256", b"334 !!\r\n"))
