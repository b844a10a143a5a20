"""Devices that log in: where their password is taken, as whom they send, and what it does not open."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest

from courriel.accounts.device_logins import PASSWORD_CHARACTERS, new_password
from courriel.accounts.passwords import Passwords
from courriel.model.device import Device
from courriel.model.refusals import AuthenticationFailed
from tests.accounts.test_sasl import client_final
from tests.dialogues.runner import MemoryLink
from tests.smtp.house import CHEAP, House, build, say

PASSWORD = "mrs4xk7h"
NEAR, FAR = "192.168.1.44", "198.51.100.7"
SCANNER = Device("scanner", ("192.168.1.0/24",), "scans@courriel.test", 2)
FAX = Device("fax", ("10.0.0.0/8",), "fax@courriel.test")


def plain(login: str, password: str = PASSWORD) -> bytes:
    return b"AUTH PLAIN " + base64.b64encode(f"\0{login}\0{password}".encode()) + b"\r\n"


def by_prompt(login: str) -> bytes:
    return b"AUTH LOGIN\r\n" + b"".join(base64.b64encode(one.encode()) + b"\r\n" for one in (login, PASSWORD))


def scan(to: str = "bob@courriel.test") -> bytes:
    return (
        f"MAIL FROM:<root@localhost>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        "From: alice@elsewhere.test\r\nSubject: scan\r\n\r\nbody\r\n.\r\n"
    ).encode()


def run(test: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = await build()
        try:
            record = await Passwords(CHEAP).record(PASSWORD)
            for device in (SCANNER, FAX):
                await house.directory.add_device(device, record)
            await test(house)
        finally:
            await house.close()

    asyncio.run(main())


@pytest.mark.parametrize("login", [plain("scanner"), plain("Scanner"), by_prompt("scanner")])
def test_it_logs_in_and_sends_under_its_own_address(login: bytes) -> None:
    async def test(house: House) -> None:
        said = await say(house, b"EHLO scanner\r\n" + login + scan() + scan("x@elsewhere.test"), "devices", NEAR)
        assert b"AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n" in said and b"\r\n235 " in said
        [mail] = await house.mail("bob")
        assert mail.startswith(b"Return-Path: <scans@courriel.test>\r\n") and b" with ESMTPA " in mail
        assert b"\r\nFrom: scanner <scans@courriel.test>\r\n" in mail
        [entry] = await house.queue.entries()
        assert (entry.message.reverse_path, entry.message.account) == ("scans@courriel.test", "")

    run(test)


def test_at_the_door_of_people_it_is_still_a_device() -> None:
    async def test(house: House) -> None:
        said = await say(house, b"EHLO scanner\r\n" + plain("scanner") + scan() * 3, "submission", "127.0.0.1")
        assert said.count(b"\r\n250 2.0.0") == 2 and b"\r\n452 " in said  # its own limit
        assert all(mail.startswith(b"Return-Path: <scans@courriel.test>\r\n") for mail in await house.mail("bob"))

    run(test)


@pytest.mark.parametrize(
    ("door", "ip", "login", "answer"),
    [
        ("devices", FAR, plain("scanner"), b"538 "),
        ("devices", NEAR, plain("fax"), b"535 "),
        ("devices", NEAR, plain("scanner", "wrong"), b"535 "),
        ("devices", NEAR, plain("alice", "secret"), b"535 "),
        ("submission", NEAR, plain("scanner"), b"538 "),
        ("mx", NEAR, plain("scanner"), b"502 "),
    ],
)
def test_where_its_password_is_not_taken(door: str, ip: str, login: bytes, answer: bytes) -> None:
    async def test(house: House) -> None:
        said = await say(house, b"EHLO scanner\r\n" + login + scan("x@elsewhere.test"), door, ip)
        assert b"\r\n" + answer in said and b"\r\n235 " not in said
        assert await house.queue.entries() == []

    run(test)


def test_over_tls_from_anywhere_and_nowhere_but_where_mail_is_handed_in() -> None:
    async def test(house: House) -> None:
        gate = house.devices.desk.authenticator
        assert gate is not None
        response = f"\0scanner\0{PASSWORD}".encode()
        for protocol in ("devices", "smtp"):
            exchange = gate.begin("PLAIN", ip=FAR, protocol=protocol, tls=True)
            assert exchange is not None
            account = (await exchange.step(response)).account
            assert account is not None and account.device == "scanner"
        for protocol in ("imap", "pop3"):
            exchange = gate.begin("PLAIN", ip=FAR, protocol=protocol, tls=True)
            assert exchange is not None
            with pytest.raises(AuthenticationFailed):
                await exchange.step(response)
            with pytest.raises(AuthenticationFailed):
                await gate.password("scanner", PASSWORD, ip=FAR, protocol=protocol)

    run(test)


@pytest.mark.parametrize(
    ("protocol", "ip", "tls", "right"),
    [
        ("devices", NEAR, False, True),
        ("devices", FAR, True, True),
        ("devices", FAR, False, False),
        ("smtp", NEAR, True, True),
        ("smtp", NEAR, False, False),
    ],
)
def test_a_proof_without_the_password_asks_for_the_same_safety(protocol: str, ip: str, tls: bool, right: bool) -> None:
    """What the device would send after SCRAM is no more private than its password."""

    async def test(house: House) -> None:
        gate, first = house.devices.desk.authenticator, b"n,,n=scanner,r=abc"
        assert gate is not None
        exchange = gate.begin("SCRAM-SHA-256", ip=ip, protocol=protocol, tls=tls)
        assert exchange is not None
        opened = (await exchange.step(first)).data
        assert opened is not None
        final = client_final(PASSWORD, "sha256", first, opened)
        if right:
            assert (await exchange.step(final)).account is not None
        else:
            with pytest.raises(AuthenticationFailed):
                await exchange.step(final)

    run(test)


def test_wrong_passwords_lock_it_out() -> None:
    async def test(house: House) -> None:
        for number in range(10):
            await say(house, b"EHLO s\r\n" + plain("scanner", f"wrong {number}"), "devices", NEAR)
        assert b"\r\n454 " in await say(house, b"EHLO s\r\n" + plain("scanner"), "devices", NEAR)

    run(test)


def test_its_address_alone_is_not_enough() -> None:
    async def test(house: House) -> None:
        assert b"\r\n550 " in await say(house, b"EHLO scanner\r\n" + scan(), "devices", NEAR)

    run(test)


def test_once_removed_it_sends_no_more_in_a_running_session() -> None:
    async def test(house: House) -> None:
        link = MemoryLink(house.devices, NEAR)
        link.send(b"EHLO scanner\r\n" + plain("scanner"))
        while not (await link.line() or b"").startswith(b"235 "):
            pass
        await house.directory.remove_device("scanner")
        link.send(b"MAIL FROM:<>\r\n")
        assert (await link.line() or b"").startswith(b"550 ")
        link.eof()

    run(test)


def test_passwords_are_long_random_and_easy_to_type() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100 and all(len(one) == PASSWORD_CHARACTERS for one in made)
    assert not set("".join(made)) & set("ilo01")
