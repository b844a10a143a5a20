"""Bearer tokens: RFC 7628's messages, its errors in two steps, the lockout, and no offer without a judge."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping

import pytest

from courriel.accounts.bearer import BEARER_OCTETS, read
from courriel.base.errors import FormatError, Unavailable
from courriel.imap.server import ImapService
from courriel.model.account import Account
from courriel.model.refusals import AuthenticationFailed, Throttled
from courriel.ports.credentials import SaslExchange
from courriel.store.memory.store import MemoryStore
from tests.accounts.people import ELSEWHERE, House
from tests.dialogues.runner import MemoryLink

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
# RFC 7628 §4.1
CLIENT = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + TOKEN.encode() + b"\x01\x01"


class Judge:
    """Tokens are "of-NAME"."""

    hints: Mapping[str, str] = {"scope": "mail", "openid-configuration": "https://id.one.test/.well-known/openid"}

    async def login_of(self, token: str) -> str | None:
        if token == "down":
            raise Unavailable("the OAuth server")
        return token.removeprefix("of-") if token.startswith("of-") else None


READ = [
    (CLIENT, False, ("user@example.com", TOKEN)),
    (b"n,,\x01auth=bearer x\x01\x01", False, ("", "x")),
    (b"n,a=a=2Cb=3D,\x01auth=Bearer x\x01\x01", False, ("a,b=", "x")),
    (b"n,,\x01auth=Basic x\x01\x01", False, ("", None)),
    (b"user=a@b\x01auth=Bearer ya29.x-_\x01\x01", True, ("a@b", "ya29.x-_")),
    (b"", False, None),
    (b"n,,\x01\x01", False, None),
    (b"y,,\x01auth=Bearer x\x01\x01", False, None),
    (b"n,,\x01auth=Bearer x\x01", False, None),
    (b"n,a=\xff,\x01auth=Bearer x\x01\x01", False, None),
    (b"user=\x01auth=Bearer x\x01\x01", True, None),
    (b"n,,\x01auth=Bearer " + b"x" * BEARER_OCTETS + b"\x01\x01", False, None),
]


@pytest.mark.parametrize(("message", "is_older", "value"), READ, ids=lambda value: str(value)[:30])
def test_messages(message: bytes, is_older: bool, value: tuple[str, str | None] | None) -> None:
    if value is None:
        with pytest.raises(FormatError):
            read(message, is_older)
    else:
        assert read(message, is_older) == value


def said(token: str, name: str = "") -> bytes:
    return b"n,%b,\x01auth=Bearer %b\x01\x01" % (b"a=" + name.encode() if name else b"", token.encode())


async def begin(house: House, mechanism: str = "OAUTHBEARER", tls: bool = True) -> SaslExchange:
    if not house.records:
        await house.open()
    exchange = house.gate.begin(mechanism, ip=ELSEWHERE, protocol="imap", tls=tls)
    assert exchange is not None
    return exchange


def test_offered_with_a_judge_and_where_passwords_may_be_sent() -> None:
    with_judge, without = House(tokens=Judge()).gate, House().gate
    assert with_judge.mechanisms(tls=True, loopback=False)[-2:] == ("OAUTHBEARER", "XOAUTH2")
    assert "OAUTHBEARER" not in with_judge.mechanisms(tls=False, loopback=False)
    assert "OAUTHBEARER" not in without.mechanisms(tls=True, loopback=False)
    assert without.begin("XOAUTH2", ip=ELSEWHERE, protocol="imap", tls=True) is None


@pytest.mark.parametrize("name", ["", "alice", "alice@one.test"])
def test_a_good_token(name: str) -> None:
    async def go() -> Account | None:
        return (await (await begin(House(tokens=Judge()))).step(said("of-alice", name))).account

    account = asyncio.run(go())
    assert account is not None and account.login == "alice@one.test"


@pytest.mark.parametrize(
    ("token", "name"), [("forged", ""), ("of-nobody", ""), ("of-bob", ""), ("of-alice", "dora@two.test")]
)
def test_a_bad_token_is_told_in_json_then_refused(token: str, name: str) -> None:
    async def go() -> bytes:
        exchange = await begin(House(tokens=Judge()))
        step = await exchange.step(said(token, name))
        assert step.account is None and step.data is not None
        with pytest.raises(AuthenticationFailed):
            await exchange.step(b"\x01")
        return step.data

    assert json.loads(asyncio.run(go())) == {"status": "invalid_token", "schemes": "bearer", **Judge.hints}


def test_the_older_mechanism_has_numbers() -> None:
    async def go() -> tuple[bytes | None, bytes | None]:
        forged = await (await begin(House(tokens=Judge()), "XOAUTH2")).step(b"user=a\x01auth=Bearer x\x01\x01")
        basic = await (await begin(House(tokens=Judge()), "XOAUTH2")).step(b"user=a\x01auth=Basic x\x01\x01")
        return forged.data, basic.data

    assert [json.loads(data or b"")["status"] for data in asyncio.run(go())] == ["401", "400"]


def test_forged_tokens_are_counted_and_an_outage_is_not() -> None:
    async def go() -> int:
        house = await House(tokens=Judge()).open()
        for _ in range(200):
            with pytest.raises(Unavailable):
                await (await begin(house)).step(said("down", "alice"))
        for count in range(200):
            try:
                await (await begin(house)).step(said("forged", "alice"))
            except Throttled:
                return count
        return -1

    assert 0 < asyncio.run(go()) < 200


def test_over_imap() -> None:
    async def go() -> None:
        house = await House(tokens=Judge()).open()
        store = MemoryStore()
        link = MemoryLink(ImapService(store, house.gate), ip="127.0.0.1")
        assert b" AUTH=OAUTHBEARER AUTH=XOAUTH2" in (await link.line() or b"")
        link.send(b"a AUTHENTICATE OAUTHBEARER " + base64.b64encode(said("forged")) + b"\r\n")
        asked = await link.line() or b""
        assert json.loads(base64.b64decode(asked[2:]))["status"] == "invalid_token"
        link.send(b"AQ==\r\n")
        assert (await link.line() or b"").startswith(b"a NO [AUTHENTICATIONFAILED] ")
        link.send(
            b"b AUTHENTICATE XOAUTH2 " + base64.b64encode(b"user=alice\x01auth=Bearer of-alice\x01\x01") + b"\r\n"
        )
        assert (await link.line() or b"").startswith(b"b OK ")

    asyncio.run(go())
