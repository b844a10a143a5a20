"""EMAILID follows a message: after COPY and MOVE it is the one of the source.  RFC 8474 §5.1."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from courriel.model.ids import AccountId
from courriel.model.rights import RightsChange, parse
from tests.imap.test_dialogues import build
from tests.imap.test_rights import Client

ALICE = AccountId(1)


async def ids(client: Client, mailbox: str) -> list[str]:
    assert (await client(f"EXAMINE {mailbox}"))[0].startswith("OK")
    told, rows = await client("FETCH 1:* (EMAILID)")
    assert told.startswith("OK")
    return re.findall(r"EMAILID \((\w+)\)", " ".join(rows))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_copies_and_what_is_moved_keep_it(kind: str, tmp_path: Path) -> None:
    async def play() -> None:
        house = await build(kind, tmp_path)
        try:
            for _ in range(3):
                await house.deliver("alice")
            alice = Client(house)
            await alice("LOGIN alice secret")
            first, second, third = await ids(alice, "INBOX")
            assert len({first, second, third}) == 3
            await alice("SELECT INBOX")
            await alice("COPY 1:2 Archive")
            await alice("COPY 2 INBOX")
            await alice("MOVE 3 Archive")
            assert await ids(alice, "Archive") == [first, second, third]
            assert await ids(alice, "INBOX") == [first, second, second]
            assert (await alice(f"SEARCH EMAILID {second}"))[1] == ["* SEARCH 2 3"]
            assert (await alice(f"SEARCH EMAILID {third}"))[1] == ["* SEARCH"]
            await alice("SELECT Archive")
            await alice("COPY 2 Trash")
            assert await ids(alice, "Trash") == [second]
        finally:
            await house.store.close()

    asyncio.run(play())


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_so_do_those_of_a_guest_who_may_not_keep_every_flag(kind: str, tmp_path: Path) -> None:
    """His copies are appended with the flags he may set; in his own account they are new messages."""

    async def play() -> None:
        house = await build(kind, tmp_path)
        try:
            for name, letters in (("one", "lr"), ("two", "lri")):
                made = await house.store.create_mailbox(ALICE, name)
                await house.store.change_rights(ALICE, made.id, "bob@courriel.test", RightsChange(0, parse(letters)))
            await house.deliver("alice", path="one")
            bob, there = Client(house), '"Other Users/alice/%s"'
            await bob("LOGIN bob secret")
            [email] = await ids(bob, there % "one")
            assert (await bob("COPY 1 " + there % "two"))[0].startswith("OK")
            assert (await bob("COPY 1 INBOX"))[0].startswith("OK")
            assert await ids(bob, there % "two") == [email]
            [own] = await ids(bob, "INBOX")
            assert own != email
        finally:
            await house.store.close()

    asyncio.run(play())
