"""Mail of devices: what they leave out, whom they claim to be, how much they send."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Awaitable, Callable

import pytest

from courriel.delivery.device import HOUR_S, DeviceRates, mend
from courriel.delivery.judge import judge
from courriel.delivery.settings import DeliverySettings
from courriel.formats.message.fields import message_fields
from courriel.formats.message.parse import header_end
from courriel.model.device import Device
from courriel.model.envelope import Address, Body, Client, Door, Envelope, Recipient
from courriel.model.refusals import NotPermitted, TryLater
from courriel.store.memory.directory import MemoryDirectory
from tests.smtp.house import House, build

PRINTER = Device("printer-2", ("192.168.1.0/24",), "printer-2@courriel.test", 3)
NOW = 1_800_000_000.0


def address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


async def accept(
    house: House, content: bytes, *to: str, ip: str = "192.168.1.44", sender: str = "root@localhost"
) -> None:
    recipients = tuple(Recipient(address(one)) for one in to)
    await house.intake.accept(Envelope(Door.DEVICE, Client(ip, 1, "printer"), address(sender), recipients), content)


def run(test: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = await build()
        try:
            await house.directory.add_device(PRINTER)
            await test(house)
        finally:
            await house.close()

    asyncio.run(main())


def mended(content: bytes) -> bytes:
    header = judge(content, Body.SEVEN_BIT, DeliverySettings("mail.courriel.test"))
    return mend(content, header, PRINTER, MemoryDirectory(), "mail.courriel.test", "01a2", NOW)


def fields(content: bytes) -> dict[bytes, list[bytes]]:
    return message_fields(content, 0, header_end(content, 0, len(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: scan\r\n\r\nbody\r\n",
        b"From: root@localhost\r\nSubject: scan\r\n\r\nbody\r\n",
        b"From: \r\nBcc: x@y.org\r\n z@y.org\r\nSubject: scan\r\n\r\nbody\r\n",
        b'from: "KONICA, 4th floor" <scanner>\r\nSubject: scan\r\n\r\nbody\r\n',
    ],
)
def test_what_is_missing_is_added_and_the_sender_is_ours(content: bytes) -> None:
    message = mended(content)
    found = fields(message)
    assert found[b"from"] == [b" printer-2 <printer-2@courriel.test>\r"]
    assert len(found[b"date"]) == 1 and found[b"message-id"] == [b" <01a2@mail.courriel.test>\r"]
    assert found[b"subject"] == [b" scan\r"] and message.endswith(b"\r\n\r\nbody\r\n")
    assert b"bcc" not in found and b"z@y.org" not in message
    assert (b"X-Original-From: root@localhost\r\n" in message) is (b"root@" in content)


@pytest.mark.parametrize("content", [b"hello there\r\n", b"\r\nhello there\r\n", b"http: no\r\n"])
def test_a_message_without_a_header(content: bytes) -> None:
    message = mended(content)
    assert b"from" in fields(message)
    assert message.endswith(b"hello there\r\n") or b"http: no" in message


def test_what_is_there_stays() -> None:
    content = b"Date: Tue, 24 Nov 2026 05:53:58 +0000\r\nMessage-ID: <a@b>\r\nX-Original-From: x\r\n\r\nbody\r\n"
    message = mended(content)
    assert message.endswith(content) and message.startswith(b"From: printer-2 <printer-2@courriel.test>\r\nDate:")


SCAN = b"Subject: scan\r\n\r\nbody\r\n"


def test_a_device_sends_anywhere_under_its_own_name() -> None:
    async def test(house: House) -> None:
        await accept(house, SCAN, "bob@courriel.test", "x@elsewhere.test")
        [mail] = await house.mail("bob")
        assert mail.startswith(b"Return-Path: <printer-2@courriel.test>\r\n")
        [entry] = await house.queue.entries()
        assert entry.message.reverse_path == "printer-2@courriel.test"

    run(test)


def test_a_stranger_at_the_door_for_devices_is_nobody() -> None:
    async def test(house: House) -> None:
        stranger = Client("198.51.100.7", 1)
        with pytest.raises(NotPermitted):
            await house.intake.check_sender(Door.DEVICE, stranger, address("printer-2@courriel.test"))
        with pytest.raises(NotPermitted):
            await accept(house, SCAN, "x@elsewhere.test", ip=stranger.ip)
        assert await house.queue.entries() == []

    run(test)


def test_a_person_in_front_of_the_scanner_may_be_the_sender() -> None:
    async def test(house: House) -> None:
        await accept(house, b"From: Bob <bob@courriel.test>\r\n" + SCAN, "alice@courriel.test")
        [mail] = await house.mail("alice")
        assert b"\r\nFrom: Bob <bob@courriel.test>\r\n" in mail and b"X-Original-From" not in mail

    run(test)


def test_not_more_than_its_share_an_hour() -> None:
    rates = DeviceRates()
    for second in range(3):
        rates.count(PRINTER, float(second))
    with pytest.raises(TryLater):
        rates.count(PRINTER, HOUR_S - 1)
    rates.count(PRINTER, HOUR_S + 0.5)
    with pytest.raises(TryLater):
        rates.count(PRINTER, HOUR_S + 0.6)
    rates.count(Device("other", (), "o@x.org", 1), HOUR_S + 0.6)


def test_the_postmaster_is_told_once_an_hour_in_both_languages() -> None:
    async def test(house: House) -> None:
        await house.directory.add_alias("postmaster@courriel.test", ["alice@courriel.test"])
        for _ in range(3):
            await accept(house, SCAN, "bob@courriel.test")
        assert await house.mail("alice") == []
        for _ in range(3):
            with pytest.raises(TryLater):
                await accept(house, SCAN, "bob@courriel.test")
        [told] = await house.mail("alice")
        text = email.message_from_bytes(told, policy=email.policy.default)
        body = " ".join(text.get_content().split())
        assert (text["Subject"], text["Auto-Submitted"]) == ("The device printer-2 sends too much", "auto-generated")
        assert told.startswith(b"Return-Path: <>\r\n") and text["To"] == "postmaster@courriel.test"
        assert "printer-2 has sent 3 messages within an hour" in body and "courriel device remove printer-2" in body
        assert "L’appareil printer-2 a envoyé 3 messages en une heure" in body
        house.clock.advance(HOUR_S)
        for _ in range(3):
            await accept(house, SCAN, "bob@courriel.test")
        with pytest.raises(TryLater):
            await accept(house, SCAN, "bob@courriel.test")
        assert len(await house.mail("alice")) == 2

    run(test)


def test_who_cannot_be_told_does_not_change_the_answer() -> None:
    async def test(house: House) -> None:
        await house.directory.add_alias("postmaster@courriel.test", ["dave@courriel.test"])
        await house.directory.set_quota("dave@courriel.test", 1)
        dave = house.directory.by_login("dave")
        assert dave is not None
        await house.store.set_quota(dave.id, 1)
        for _ in range(3):
            await accept(house, SCAN, "bob@courriel.test")
        with pytest.raises(TryLater):
            await accept(house, SCAN, "bob@courriel.test")
        assert await house.mail("dave") == []

    run(test)
