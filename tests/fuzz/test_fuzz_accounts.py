"""Any bytes at all, given to the SASL mechanisms: an answer, a failure or a FormatError, never anything else."""

from __future__ import annotations

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.accounts.authenticator import AccountAuthenticator
from courriel.accounts.lockout import Bucket, Lockout, LockoutSettings
from courriel.accounts.passwords import Passwords, PasswordSettings
from courriel.base.clock import ManualClock
from courriel.base.errors import FormatError
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.refusals import AuthenticationFailed, Throttled
from courriel.ports.credentials import CredentialRecord

WIDE = Bucket(1e9, 1e9)


class Nobody:
    """A directory without people."""

    def by_login(self, login: str) -> Account | None:
        return None

    def secret(self, account: AccountId) -> CredentialRecord | None:
        return None


def _gate() -> AccountAuthenticator:
    limits = LockoutSettings(pair=WIDE, network=WIDE, delay_s=0.0)
    passwords = Passwords(PasswordSettings(argon2_memory_kib=8), ManualClock())
    return AccountAuthenticator(Nobody(), passwords, Lockout(ManualClock(), limits), b"key")


GATE = _gate()


async def _exchange(mechanism: str, messages: list[bytes]) -> None:
    exchange = GATE.begin(mechanism, ip="192.0.2.1", protocol="fuzz", tls=True)
    assert exchange is not None
    for message in messages:
        with contextlib.suppress(FormatError, AuthenticationFailed, Throttled):
            await exchange.step(message)


def fuzz_sasl(data: bytes) -> None:
    """The first octet chooses the mechanism, 0xFF separates messages."""
    mechanism = ("PLAIN", "LOGIN", "SCRAM-SHA-256")[data[0] % 3] if data else "PLAIN"
    asyncio.run(_exchange(mechanism, data[1:].split(b"\xff")[:4]))


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_sasl_takes_any_bytes(data: bytes) -> None:
    fuzz_sasl(data)


SCRAM_LIKE = st.lists(
    st.sampled_from([b"n,,", b"y,a=x,", b"n=a", b"r=b", b",", b"=", b"c=biws", b"p=AAAA", b"=3D", b"\xff", b"m="]),
    max_size=12,
)


@given(SCRAM_LIKE)
@settings(max_examples=150, deadline=None)
def test_sasl_takes_nearly_right_scram(pieces: list[bytes]) -> None:
    fuzz_sasl(b"\x02" + b"".join(pieces))


# --- POP3 -------------------------------------------------------------------------------------------------------
async def _pop3(data: bytes) -> bytes:
    from tests.dialogues.runner import MemoryLink
    from tests.pop3.house import build

    house = await build()
    await house.deliver("alice", b"H: x\r\n\r\nbody\r\n")
    link = MemoryLink(house.service)
    for at in range(0, len(data), 97):
        link.send(data[at : at + 97])
    link.eof()
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    return b"".join(said)


def fuzz_pop3_command(data: bytes) -> None:
    """A session of any bytes, logged in when the first octet is odd: never an unforeseen error."""
    before = b"USER alice\r\nPASS secret\r\n" if data[:1] and data[0] % 2 else b""
    said = asyncio.run(_pop3(before + data[1:]))
    assert b"Internal error" not in said


WORDS = [b"RETR", b"TOP", b"LIST", b"AUTH", b"PLAIN", b"USER", b"PASS", b"UIDL", b"DELE", b"RSET", b"STLS", b"QUIT"]
WORDS += [b" ", b"\r\n", b"\n", b"1", b"0", b"9999999999", b"=", b"*", b"AAAA", b"\x00", b"\xff", b"-1", b"x" * 300]


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_pop3_takes_any_bytes(data: bytes) -> None:
    fuzz_pop3_command(data)


@given(st.booleans(), st.lists(st.sampled_from(WORDS), max_size=40))
@settings(max_examples=120, deadline=None)
def test_pop3_takes_nearly_right_commands(logged_in: bool, pieces: list[bytes]) -> None:
    fuzz_pop3_command((b"\x01" if logged_in else b"\x00") + b"".join(pieces))
