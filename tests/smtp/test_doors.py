"""Limits, each with a test; logins; LMTP; pace; what happens when something behind fails."""

from __future__ import annotations

import asyncio
import base64

import pytest

from courriel.smtp.settings import SmtpSettings
from tests.dialogues.runner import MemoryLink
from tests.smtp.house import House, build, say

EHLO, MAIL, RCPT = b"EHLO c.example\r\n", b"MAIL FROM:<x@y.example>\r\n", b"RCPT TO:<alice@courriel.test>\r\n"
LOGIN = b"AUTH PLAIN " + base64.b64encode(b"\0alice\0secret") + b"\r\n"
HERE = "127.0.0.1"


def _say(data: bytes, door: str = "mx", ip: str = "192.0.2.1", **limits: float) -> bytes:
    async def run() -> bytes:
        house = await build(settings=SmtpSettings(**limits))  # type: ignore[arg-type]
        said = await say(house, data, door, ip)
        assert house.budget.used == 0
        return said

    return asyncio.run(run())


def _codes(said: bytes) -> list[int]:
    return [int(line[:3]) for line in said.split(b"\r\n") if line[3:4] == b" "]


# --- limits -------------------------------------------------------------------------------------------------------
def test_message_octets() -> None:
    head = EHLO + MAIL + RCPT
    assert b"250-SIZE 1000\r\n" in _say(EHLO, message_octets=1000)
    assert _codes(_say(head + b"DATA\r\n" + b"x" * 998 + b"\r\n.\r\nNOOP\r\n", message_octets=1000))[-2:] == [250, 250]
    said = _say(head + b"DATA\r\n" + b"x" * 999 + b"\r\n.\r\nNOOP\r\n", message_octets=1000)
    assert said.endswith(b"552 5.3.4 Message larger than the limit\r\n250 2.0.0 OK\r\n")


def test_message_octets_by_declaration() -> None:
    """RFC 1870 §6.1: refused before it is sent."""
    sized = b"MAIL FROM:<x@y.example> SIZE=%d\r\n"
    assert _codes(_say(EHLO + sized % 1000, message_octets=1000))[-1] == 250
    assert _codes(_say(EHLO + sized % 1001, message_octets=1000))[-1] == 552


def test_message_octets_in_chunks() -> None:
    head = EHLO + MAIL + RCPT + b"BDAT 600\r\n" + b"x" * 600
    said = _say(head + b"BDAT 600\r\n" + b"x" * 600 + b"BDAT 0 LAST\r\nRSET\r\n" + MAIL, message_octets=1000)
    assert _codes(said)[3:] == [250, 552, 503, 250, 250]
    said = _say(head + b"BDAT 600 LAST\r\n" + b"x" * 600 + MAIL, message_octets=1000)
    assert _codes(said)[3:] == [250, 552, 250]


def test_whoever_sends_twice_the_limit_is_left() -> None:
    said = _say(EHLO + MAIL + RCPT + b"DATA\r\n" + b"x" * 5000 + b"\r\n.\r\nNOOP\r\n", message_octets=1000)
    assert _codes(said)[-2:] == [354, 552]
    said = _say(EHLO + MAIL + RCPT + b"BDAT 99999999999999999999\r\n" + b"x" * 5000, message_octets=1000)
    assert _codes(said)[-2:] == [250, 552]


def test_in_flight_octets_over_all_connections() -> None:
    async def run() -> tuple[bytes, bytes]:
        house = await build(settings=SmtpSettings(in_flight_octets=1000))
        slow = MemoryLink(house.mx, "192.0.2.2")
        slow.send(EHLO + MAIL + RCPT + b"DATA\r\n" + b"x" * 800)
        message = MAIL + RCPT + b"DATA\r\n" + b"y" * 400 + b"\r\n.\r\n"
        first = await say(house, EHLO + message + b"MAIL FROM:<> SIZE=300\r\n")
        slow.close()
        await asyncio.sleep(0)
        second = await say(house, EHLO + message)
        assert house.budget.used == 0
        return first, second

    first, second = asyncio.run(run())
    assert _codes(first)[-2:] == [452, 452] and b"452 4.3.1 " in first
    assert _codes(second)[-1] == 250


def test_line_octets() -> None:
    assert _codes(_say(b"NOOP " + b"x" * 2043 + b"\r\n")) == [250]
    assert _codes(_say(b"NOOP " + b"x" * 2044 + b"\r\nNOOP\r\n")) == [500, 250]
    assert _codes(_say(b"NOOP " + b"x" * 100_000 + b"\r\nNOOP\r\n")) == [500, 250]


def test_auth_line_octets() -> None:
    def attempt(octets: int) -> bytes:
        return EHLO + b"AUTH PLAIN " + b"A" * octets + b"\r\nNOOP\r\n"

    assert b"500 5.5.2 Line too long" not in _say(attempt(12_000), "submission", HERE)
    assert _say(attempt(13_000), "submission", HERE).endswith(b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n")
    said = _say(EHLO + b"AUTH PLAIN\r\n" + b"A" * 13_000 + b"\r\n*\r\nNOOP\r\n", "submission", HERE)
    assert _codes(said)[-4:] == [334, 500, 501, 250]


def test_text_line_octets() -> None:
    """RFC 5321 §4.5.3.1.6: longer lines than 1,000 octets are kept as they are, up to a limit."""
    head = EHLO + MAIL + RCPT + b"DATA\r\nA: b\r\n\r\n"
    assert _codes(_say(head + b"x" * 5000 + b"\r\n.\r\n", text_line_octets=5001))[-1] == 250
    assert _codes(_say(head + b"x" * 5001 + b"\r\n.\r\n", text_line_octets=5001))[-1] == 550


def test_recipients() -> None:
    rcpt = b"".join(b"RCPT TO:<r%d@two.test>\r\n" % number for number in range(4))
    assert _codes(_say(EHLO + MAIL + rcpt, mx_recipients=3))[2:] == [250, 250, 250, 452]
    assert b"LIMITS RCPTMAX=3\r\n" in _say(EHLO, mx_recipients=3)
    own = EHLO + LOGIN + b"MAIL FROM:<alice@courriel.test>\r\n" + rcpt
    assert _codes(_say(own, "submission", HERE, submission_recipients=2))[3:] == [250, 250, 452, 452]
    assert SmtpSettings().mx_recipients >= 100


def test_errors() -> None:
    said = _say(b"BOGUS\r\n" * 30)
    assert _codes(said) == [500] * 20 + [421] and b"421 4.7.0 " in said


def test_idle_commands() -> None:
    assert _codes(_say(b"NOOP\r\n" * 7, idle_commands=5)) == [250] * 5 + [421]
    chunks = EHLO + MAIL + RCPT + b"BDAT 0\r\n" * 7
    assert _codes(_say(chunks, idle_commands=5))[-1] == 421
    mails = (MAIL + RCPT + b"DATA\r\n.\r\nRSET\r\n") * 10
    assert 421 not in _codes(_say(EHLO + mails, idle_commands=5))


def test_guessing_addresses_gets_slow_and_ends() -> None:
    """AUTH attack row 35."""

    async def run() -> tuple[bytes, list[float]]:
        house = await build()
        rcpt = b"".join(b"RCPT TO:<guess%d@courriel.test>\r\n" % number for number in range(30))
        return await say(house, EHLO + MAIL + rcpt), house.pauses

    said, pauses = asyncio.run(run())
    assert _codes(said)[2:] == [550] * 20 + [421]
    assert pauses == [2.0] * 10


def test_vrfy_and_expn_tell_nothing() -> None:
    for name in (b"alice", b"nobody", b"alice@courriel.test"):
        assert _codes(_say(b"VRFY %s\r\nEXPN %s\r\n" % (name, name))) == [252, 502]


def test_failed_logins() -> None:
    wrong = b"AUTH PLAIN " + base64.b64encode(b"\0alice\0wrong") + b"\r\n"
    said = _say(EHLO + wrong * 4 + LOGIN, "submission", HERE)
    assert _codes(said)[1:] == [535, 535, 535, 421]


# --- pace: AUTH attack row 39 -------------------------------------------------------------------------------------
class _Trickle:
    """A client whose loop's hands are moved by the test."""

    def __init__(self, house: House) -> None:
        self.link = MemoryLink(house.mx, "192.0.2.1")
        self.now = 1_000.0
        self.link._server._loop = self  # type: ignore[assignment]

    def time(self) -> float:
        return self.now

    def send(self, data: bytes, after_s: float) -> bytes:
        self.now += after_s
        self.link.send(data)
        return self.link.waiting()


@pytest.mark.parametrize(("head", "allowed_s"), [(b"", 300.0), (EHLO + MAIL + RCPT + b"DATA\r\n", 1800.0)])
def test_a_line_or_a_message_may_not_trickle_for_ever(head: bytes, allowed_s: float) -> None:
    async def run() -> None:
        client = _Trickle(await build())
        client.send(head + b"x", 0)
        assert b"421" not in client.send(b"x", allowed_s)
        assert client.send(b"x", 1).endswith(b"421 4.4.2 Too slow, closing connection\r\n")

    asyncio.run(run())


def test_a_busy_client_that_never_stops_mid_line_is_fine() -> None:
    async def run() -> None:
        client = _Trickle(await build())
        for _ in range(20):
            assert b"421" not in client.send(b"OP\r\nNO" if client.now > 1_001 else b"NO", 100)

    asyncio.run(run())


def test_silence_is_answered_421() -> None:
    assert SmtpSettings().patience_s >= 300  # RFC 5321 §4.5.3.2.7

    async def run() -> bytes:
        link = MemoryLink((await build()).mx)
        link._server.expire()
        return link.waiting()

    assert asyncio.run(run()).endswith(b"421 4.4.2 Too slow, closing connection\r\n")
