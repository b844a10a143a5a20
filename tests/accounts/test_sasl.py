"""SASL: the examples of RFC 4616, 5802 and 7677, and what must be refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

import pytest

from courriel.accounts import scram
from courriel.accounts.passwords import scram_keys
from courriel.accounts.sasl import MESSAGE_OCTETS
from courriel.base.errors import FormatError
from courriel.model.refusals import AuthenticationFailed
from courriel.ports.credentials import SaslStep, ScramKeys
from tests.accounts.people import ELSEWHERE, House

RFC_EXAMPLES = [
    pytest.param(
        "sha1",
        b"QSXCR+Q6sek8bf92",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"3rfcNHYJY1ZVvWVs7j",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        id="RFC 5802 §5",
    ),
    pytest.param(
        "sha256",
        b"W22ZaJ0SNY7soEsUEjb6gQ==",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        id="RFC 7677 §3",
    ),
]


@pytest.mark.parametrize(("hash_name", "salt", "first", "nonce", "server_first", "final", "server_final"), RFC_EXAMPLES)
def test_scram_of_the_rfcs(
    hash_name: str, salt: bytes, first: bytes, nonce: bytes, server_first: bytes, final: bytes, server_final: bytes
) -> None:
    keys = scram_keys("pencil", hash_name, base64.b64decode(salt), 4096)
    opened = scram.parse_client_first(first)
    answer = scram.render_server_first(opened.nonce + nonce, keys)
    assert answer == server_first
    closed = scram.parse_client_final(final)
    assert closed.gs2_header == opened.gs2_header == b"n,,"
    signed = scram.auth_message(opened, answer, closed)
    assert scram.proof_is_right(keys, hash_name, signed, closed.proof)
    assert not scram.proof_is_right(keys, hash_name, signed + b"x", closed.proof)
    assert not scram.proof_is_right(keys, hash_name, signed, closed.proof[:-1])
    assert scram.render_server_final(keys, hash_name, signed) == server_final


FIRST = [
    (b"n,,n=user,r=abc", ("", "user", b"n,,")),
    (b"y,,n=user,r=abc", ("", "user", b"y,,")),
    (b"n,a=us=3Der,n=us=2Cer,r=abc,x=ext", ("us=er", "us,er", b"n,a=us=3Der,")),
    ("n,,n=zoé,r=abc".encode(), ("", "zoé", b"n,,")),
    (b"p=tls-unique,,n=user,r=abc", None),
    (b"n,,m=must,n=user,r=abc", None),
    (b"n,,n=us=er,r=abc", None),
    (b"n,,n=us=2cer,r=abc", None),
    (b"n,,n=,r=abc", None),
    (b"n,,n=user,r=", None),
    (b"n,,n=user,r=a\x7fb", None),
    (b"n,,n=user,r=" + b"a" * 300, None),
    (b"n,,n=\xff,r=abc", None),
    (b"n,n=user,r=abc", None),
    (b"", None),
    (b",,,", None),
]


@pytest.mark.parametrize(("message", "read"), FIRST)
def test_client_first(message: bytes, read: tuple[str, str, bytes] | None) -> None:
    if read is None:
        with pytest.raises(FormatError):
            scram.parse_client_first(message)
    else:
        first = scram.parse_client_first(message)
        assert (first.authzid, first.login, first.gs2_header) == read
        assert first.gs2_header + first.bare == message


@pytest.mark.parametrize(
    "message",
    [b"", b"c=biws,r=x", b"c=!!,r=x,p=AAAA", b"c=biws,r=x,p=AAA", b"r=x,c=biws,p=AAAA", b"c=biws,r=x,p=AAAA,"],
)
def test_client_final_refused(message: bytes) -> None:
    with pytest.raises(FormatError):
        scram.parse_client_final(message)


# --- whole exchanges --------------------------------------------------------------------------------------------
async def _talk(house: House, mechanism: str, *messages: bytes) -> list[SaslStep]:
    exchange = house.gate.begin(mechanism, ip=ELSEWHERE, protocol="imap", tls=True)
    assert exchange is not None
    return [await exchange.step(message) for message in messages]


PLAIN = [
    (b"\0alice\0secret", "alice@one.test"),
    (b"alice\0alice@one.test\0secret", "alice@one.test"),
    ("\0dora\0pässword".encode(), "dora@two.test"),
    (b"bob\0alice\0secret", AuthenticationFailed),
    (b"nobody\0alice\0secret", AuthenticationFailed),
    (b"\0alice\0wrong", AuthenticationFailed),
    (b"\0bob\0secret", AuthenticationFailed),
    (b"", FormatError),
    (b"alice\0secret", FormatError),
    (b"\0alice\0secret\0", FormatError),
    (b"\0\0secret", FormatError),
    (b"\0alice\0", FormatError),
    (b"\0\xff\0secret", FormatError),
    (b"\0alice\0" + b"x" * MESSAGE_OCTETS, FormatError),
]


@pytest.mark.parametrize(("message", "outcome"), PLAIN)
def test_plain(message: bytes, outcome: str | type[Exception]) -> None:
    async def go() -> str:
        steps = await _talk(await House().open(), "PLAIN", message)
        assert steps[-1].account is not None
        return steps[-1].account.login

    if isinstance(outcome, str):
        assert asyncio.run(go()) == outcome
    else:
        with pytest.raises(outcome):
            asyncio.run(go())


@pytest.mark.parametrize("messages", [(b"", b"alice", b"secret"), (b"alice", b"secret"), (b"alice\0", b"secret")])
def test_login(messages: tuple[bytes, ...]) -> None:
    async def go() -> list[SaslStep]:
        return await _talk(await House().open(), "LOGIN", *messages)

    steps = asyncio.run(go())
    assert [step.data for step in steps] == [b"Username:", b"Password:", None][-len(steps) :]
    assert steps[-1].account is not None


def client_final(password: str, hash_name: str, first: bytes, server_first: bytes, gs2: bytes = b"n,,") -> bytes:
    """A client's last message, worked out independently of the server's code."""
    fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    without_proof = b"c=" + base64.b64encode(gs2) + b",r=" + fields[b"r"]
    signed = b",".join([first.split(b",", 2)[2], server_first, without_proof])
    signature = hmac.digest(hashlib.new(hash_name, client_key).digest(), signed, hash_name)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return without_proof + b",p=" + base64.b64encode(proof)


async def _scram(
    house: House, mechanism: str, first: bytes, password: str, gs2: bytes = b"n,,", edit: bytes = b""
) -> SaslStep:
    exchange = house.gate.begin(mechanism, ip=ELSEWHERE, protocol="imap", tls=False)
    assert exchange is not None
    opened = await exchange.step(first)
    assert opened.data is not None
    final = client_final(password, "sha256" if mechanism.endswith("256") else "sha1", first, opened.data, gs2)
    return await exchange.step(final.replace(b",r=", b",r=" + edit))


SCRAM = [
    ("SCRAM-SHA-256", b"n,,n=alice,r=abc", "secret", b"n,,", b"", True),
    ("SCRAM-SHA-1", b"n,,n=alice,r=abc", "secret", b"n,,", b"", True),
    ("SCRAM-SHA-256", b"y,,n=alice,r=abc", "secret", b"y,,", b"", True),
    ("SCRAM-SHA-256", b"n,a=alice,n=alice,r=abc", "secret", b"n,a=alice,", b"", True),
    ("SCRAM-SHA-256", b"n,a=bob,n=alice,r=abc", "secret", b"n,a=bob,", b"", False),
    ("SCRAM-SHA-256", b"n,,n=alice,r=abc", "wrong", b"n,,", b"", False),
    ("SCRAM-SHA-256", b"n,,n=bob,r=abc", "secret", b"n,,", b"", False),
    ("SCRAM-SHA-256", b"n,,n=nobody,r=abc", "secret", b"n,,", b"", False),
    ("SCRAM-SHA-256", b"n,,n=alice,r=abc", "secret", b"y,,", b"", False),  # downgrade: header changed on the way
    ("SCRAM-SHA-256", b"n,,n=alice,r=abc", "secret", b"n,,", b"x", False),  # wrong nonce
]


@pytest.mark.parametrize(("mechanism", "first", "password", "gs2", "edit", "right"), SCRAM)
def test_scram(mechanism: str, first: bytes, password: str, gs2: bytes, edit: bytes, right: bool) -> None:
    async def go() -> SaslStep:
        return await _scram(await House().open(), mechanism, first, password, gs2, edit)

    if right:
        step = asyncio.run(go())
        assert step.account is not None
        assert step.data is not None
        assert step.data.startswith(b"v=")
    else:
        with pytest.raises(AuthenticationFailed):
            asyncio.run(go())


def test_unknown_names_look_like_known_ones() -> None:
    """RFC 5802 §9: the same salt each time, of the same length, with the same iterations."""

    async def go() -> list[bytes]:
        house = await House().open()
        answers = []
        for name in (b"alice", b"nobody", b"nobody", b"somebody"):
            (step,) = await _talk(house, "SCRAM-SHA-256", b"n,,n=" + name + b",r=abc")
            assert step.data is not None
            answers.append(step.data)
        return answers

    known, nobody, again, somebody = asyncio.run(go())
    assert nobody == again != somebody
    assert len(known) == len(nobody)
    assert known.rpartition(b",i=")[2] == nobody.rpartition(b",i=")[2]


def test_scram_tries_are_counted_too() -> None:
    async def go() -> int:
        house = await House().open()
        failed = 0
        for _ in range(30):
            try:
                await _scram(house, "SCRAM-SHA-256", b"n,,n=alice,r=abc", "wrong")
            except AuthenticationFailed:
                failed += 1
            except Exception:
                break
        return failed

    assert asyncio.run(go()) == 10


def test_fake_keys_differ_by_hash_and_secret() -> None:
    def keys(secret: bytes, hash_name: str) -> ScramKeys:
        return scram.fake_keys(secret, "a", hash_name, 4096, 16)

    assert len({keys(b"1", "sha1").salt, keys(b"1", "sha256").salt, keys(b"2", "sha256").salt}) == 3
