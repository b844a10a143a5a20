"""Lists of clients in the DNS, over SMTP and from tables.  RFC 5782."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from courriel.app.config import SettingsError, load
from courriel.app.services import with_block_lists
from courriel.delivery.block_lists import BlockLists, BlockListSettings
from courriel.model.envelope import NULL_PATH, Client, Door, Envelope
from courriel.model.refusals import FilterRefused
from courriel.ports.resolver import Answer
from courriel.ports.scanner import Scanned
from tests.smtp.house import House, in_house, say
from tests.zone import Zone

LISTS = ("one.test", "two.test")
MAIL = (
    b"EHLO x.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<bob@courriel.test>\r\nDATA\r\n"
    b"From: a@x.example\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n"
)
V6 = ".".join(reversed("26064700000000000000000000001111"))


def dns(**by_name: str) -> Zone:
    return Zone({name: {"A": [answer]} for name, answer in by_name.items()})


def letter(ip: str, door: Door = Door.MX) -> Envelope:
    return Envelope(door, Client(ip, 1), NULL_PATH, ())


CASES = [
    ("9.9.9.8", {"8.9.9.9.two.test": "127.0.0.2"}, "9.9.9.8 is listed by two.test"),
    ("::ffff:9.9.9.8", {"8.9.9.9.one.test": "127.0.0.2"}, "::ffff:9.9.9.8 is listed by one.test"),
    ("2606:4700::1111", {f"{V6}.one.test": "127.0.0.3"}, "2606:4700::1111 is listed by one.test"),
    ("9.9.9.8", {"8.9.9.9.one.test": "127.0.0.2", "8.9.9.9.two.test": "127.0.0.4"}, "listed by one.test, two.test"),
    ("9.9.9.7", {"8.9.9.9.one.test": "127.0.0.2"}, None),
    ("9.9.9.8", {"8.9.9.9.one.test": "203.0.113.5"}, None),  # the domain was sold: everything has an address
    ("9.9.9.8", {"8.9.9.9.one.test": "127.255.255.254"}, None),  # asked through a public resolver
]


@pytest.mark.parametrize(("ip", "answers", "why"), CASES)
async def test_what_lists_say(runner: asyncio.Runner, ip: str, answers: dict[str, str], why: str | None) -> None:
    lists = BlockLists(BlockListSettings(LISTS), dns(**answers))
    found = (await lists.scan("m", letter(ip), b"x")).quarantine
    assert (found is None) if why is None else (found is not None and found.endswith(why))


@pytest.mark.parametrize(
    "envelope",
    [letter("10.0.0.8"), letter("127.0.0.1"), letter(""), letter("8.8.4.4"), letter("9.9.9.8", Door.SUBMISSION)],
)
async def test_who_is_not_asked_about(runner: asyncio.Runner, envelope: Envelope) -> None:
    zone = dns()
    await BlockLists(BlockListSettings(LISTS, ("8.8.0.0/16",)), zone).scan("m", envelope, b"x")
    assert zone.asked == []


async def test_a_list_that_fails_or_is_silent_says_nothing(runner: asyncio.Runner) -> None:
    class Slow(Zone):
        async def a(self, host: str) -> Answer[str]:
            if host.endswith("slow.test"):
                await asyncio.Event().wait()
            return await super().a(host)

    records: dict[str, dict[str, list[Any]]] = {"8.9.9.9.one.test": {"A": ["127.0.0.2"]}}
    zone = Slow(records, failing=["8.9.9.9.two.test"])
    lists = BlockLists(BlockListSettings(("slow.test", "two.test", "one.test"), wait_s=0.05), zone)
    assert (await lists.scan("m", letter("9.9.9.8"), b"x")).quarantine == "9.9.9.8 is listed by one.test"


async def test_filters_come_after_it_and_their_reason_stays(runner: asyncio.Runner) -> None:
    class Filters:
        async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
            return Scanned(envelope, b"changed", "theirs" if content == b"bad" else None)

    lists = BlockLists(BlockListSettings(LISTS), dns(**{"8.9.9.9.one.test": "127.0.0.2"}), Filters())
    listed = letter("9.9.9.8")
    assert await lists.scan("m", listed, b"bad") == Scanned(listed, b"changed", "theirs")
    assert await lists.scan("m", listed, b"x") == Scanned(listed, b"changed", "9.9.9.8 is listed by one.test")
    assert await lists.scan("m", letter("9.9.9.7"), b"x") == Scanned(letter("9.9.9.7"), b"changed")


def test_a_refusal_says_who_lists_whom() -> None:
    zone = dns(**{"8.9.9.9.one.test": "127.0.0.2"})

    async def test(house: House) -> None:
        refused = await say(house, MAIL, ip="9.9.9.8")
        assert b"550 5.7.1 9.9.9.8 is listed by one.test\r\n" in refused
        assert b"550" not in await say(house, MAIL, ip="9.9.9.7")

    in_house(test, scanner=BlockLists(BlockListSettings(LISTS, found="reject"), zone))


async def test_refusing_is_for_the_listed_only(runner: asyncio.Runner) -> None:
    lists = BlockLists(BlockListSettings(LISTS, found="reject"), dns(**{"8.9.9.9.one.test": "127.0.0.2"}))
    with pytest.raises(FilterRefused, match=r"one\.test"):
        await lists.scan("m", letter("9.9.9.8"), b"x")
    assert (await lists.scan("m", letter("9.9.9.7"), b"x")).quarantine is None


def test_settings_switch_it_on() -> None:
    asked = load(None, {}, ["blocklists.zones=one.test,two.test"])
    assert asked.blocklists.zones == LISTS
    assert isinstance(with_block_lists(asked, dns(), None), BlockLists)
    assert load(None, {"COURRIEL_BLOCKLISTS_ZONES": "one.test"}, []).blocklists.zones == ("one.test",)
    assert with_block_lists(load(None, {}, []), dns(), None) is None
    assert with_block_lists(asked, None, None) is None
    wrong = load(None, {}, ["blocklists.zones=one.test", "auth.trusted_networks=x"])
    with pytest.raises(SettingsError, match=r"auth\.trusted_networks"):
        with_block_lists(wrong, dns(), None)
