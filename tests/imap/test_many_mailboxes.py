"""10,000 mailboxes in one account: every command stays within bounds of CPU, several times what it takes.

Measured on one core of a small server: CREATE 0.9 ms, LIST 0.17 s, LIST-STATUS 0.5 s, RENAME of the whole tree 0.1 s,
opening the account 40 ms.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from courriel.model.ids import AccountId
from courriel.store.sqlite.store import SqliteStore
from tests.imap.house import House
from tests.imap.test_dialogues import build
from tests.imap.test_rights import Client

ALICE = AccountId(1)
MANY = 10_000


class Timed(Client):
    """A client that knows what CPU its commands may take."""

    async def within(self, seconds: float, command: str) -> list[str]:
        begun = time.process_time()
        told, untagged = await self(command)
        took = time.process_time() - begun
        assert told.startswith("OK"), f"{command}: {told}"
        assert took <= seconds, f"{command}: {took:.3f} s"
        return untagged


async def grown(path: Path, names: list[str], subscribed: bool) -> tuple[House, Timed]:
    house = await build("sqlite", path)
    for name in names:
        await house.store.create_mailbox(ALICE, name)
        if subscribed:
            await house.store.subscribe(ALICE, name, True)
    client = Timed(house)
    await client("LOGIN alice secret")
    return house, client


@pytest.mark.slow
def test_a_tree(tmp_path: Path) -> None:
    async def play() -> None:
        names = [f"tree/{n // 100}/{n % 100}" for n in range(MANY)]
        house, client = await grown(tmp_path, names, subscribed=False)
        try:
            assert len(await client.within(1.0, 'LIST "" "*"')) >= MANY
            assert len(await client.within(0.5, 'LIST "" "tree/5/%"')) == 100
            assert len(await client.within(3.0, 'LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN))')) >= 2 * MANY
            await client.within(0.05, "CREATE tree/5/more")
            await client.within(0.01, "SELECT tree/5/5")
            await client.within(0.6, "RENAME tree wood")
            assert len(await client.within(0.5, 'LIST "" "wood/5/%"')) == 101
            await client.within(0.1, "RENAME wood/5 wood/five")
            await client.within(0.2, "DELETE wood/five/more")
        finally:
            await house.store.close()
        begun = time.process_time()
        store = await SqliteStore.open(tmp_path)
        assert len(await store.mailboxes(ALICE)) > MANY
        assert time.process_time() - begun <= 0.5
        await store.close()

    asyncio.run(play())


@pytest.mark.slow
def test_a_subscription_below_each_of_many_names(tmp_path: Path) -> None:
    """What is hidden below a name was looked for among all names, for each name: 3 s of everybody's time."""

    async def play() -> None:
        house, client = await grown(tmp_path, [f"{n}/below" for n in range(MANY // 2)], subscribed=True)
        try:
            for command in (
                'LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"', 'LSUB "" "*%"',
                'LSUB "" "%"',
            ):  # fmt: skip
                assert len(await client.within(1.0, command)) >= MANY // 2
        finally:
            await house.store.close()

    asyncio.run(play())
