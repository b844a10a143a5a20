"""Deleted mail comes back where it was: a message, a mailbox, all of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from courriel.app.restoring import NotRestorable, bring_back, choose, restorable_row
from courriel.base.clock import ManualClock
from courriel.base.errors import FormatError
from courriel.cli.moments import moment_of
from courriel.formats.message.summary import summarise
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage
from courriel.ports.administration import Restore
from courriel.store.memory.store import MemoryStore

ALICE = AccountId(1)


class House:
    """A store with what was deleted from it, hour by hour."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)

    async def put(self, path: str, *subjects: str) -> None:
        box = await self.store.mailbox(ALICE, path)
        letters = [f"From: Zo\u00e9 <zoe@far.test>\r\nSubject: {one}\r\n\r\nx\r\n".encode() for one in subjects]
        await self.store.append([NewMessage(ALICE, box.id, raw, summarise(raw), 0.0) for raw in letters])

    async def there(self, path: str) -> int:
        return (await self.store.mailbox(ALICE, path)).total

    async def restore(self, **which: object) -> list[str]:
        chosen = choose(await self.store.expunged(ALICE), Restore("alice", **which))  # type: ignore[arg-type]
        await bring_back(self.store, ALICE, chosen)
        return [str(restorable_row(one)["subject"]) for one in chosen]


async def _built() -> House:
    house = House()
    await house.store.create_account(ALICE, SPECIAL_MAILBOXES)
    await house.put("INBOX", "one", "two", "three")
    inbox = await house.store.mailbox(ALICE, "INBOX")
    for uid in (1, 2, 3):
        house.clock.advance(3600)
        await house.store.expunge(ALICE, inbox.id, [uid])
    await house.store.create_mailbox(ALICE, "Plans/Old")
    await house.put("Plans/Old", "four", "five")
    house.clock.advance(3600)
    await house.store.delete_mailbox(ALICE, "Plans/Old")
    return house


def test_by_id_by_time_by_mailbox_and_all() -> None:
    async def go() -> None:
        house = await _built()
        rows = {restorable_row(one)["subject"]: one for one in await house.store.expunged(ALICE)}
        assert list(rows) == ["five", "four", "three", "two", "one"]
        assert restorable_row(rows["one"])["from"] == "zoe@far.test"
        assert await house.restore(ids=(rows["one"].id,)) == ["one"]
        assert await house.restore(mailbox="INBOX", since=rows["three"].expunged_at) == ["three"]
        assert await house.there("INBOX") == 2
        assert await house.restore() == ["five", "four", "two"]
        assert await house.there("INBOX") == 3
        assert await house.restore() == []

    asyncio.run(go())


def test_a_deleted_mailbox_comes_back_with_its_messages() -> None:
    async def go() -> None:
        house = await _built()
        await house.restore(mailbox="Plans/Old")
        assert (await house.there("Plans/Old"), await house.there("INBOX")) == (2, 0)

    asyncio.run(go())


def test_an_id_that_cannot_come_back_brings_nothing_back() -> None:
    async def go() -> None:
        house = await _built()
        known = (await house.store.expunged(ALICE))[0].id
        with pytest.raises(NotRestorable, match="999999"):
            await house.restore(ids=(known, 999_999))
        assert len(await house.store.expunged(ALICE)) == 5

    asyncio.run(go())


NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago_s"), [("6h", 21_600), ("90min", 5_400), ("2d", 172_800), ("30s", 30), ("2026-11-24T11:00Z", 3_600)]
)
def test_a_moment_as_people_type_it(text: str, ago_s: int) -> None:
    assert moment_of(text, NOW) == NOW.timestamp() - ago_s


@pytest.mark.parametrize("text", ["", "yesterday", "6 h", "-3d", "2026-13-01", "9999999d", "1e3h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(FormatError):
        moment_of(text, NOW)
