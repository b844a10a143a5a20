"""What people do with junk is noted, whichever way their mail program does it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from courriel.imap.settings import ImapSettings
from courriel.mailboxes import teaching
from courriel.model.ids import AccountId
from courriel.model.lesson import Act
from courriel.model.rights import ALL, RightsChange
from tests.imap.house import House
from tests.imap.test_dialogues import build
from tests.imap.test_rights import Client

ALICE, BOB = AccountId(1), AccountId(2)

# Commands of Alice in INBOX (three messages; one more in Junk and one in Trash), and what they teach of which messages.
CASES = [
    (["MOVE 1:2 Junk"], [(1, True, Act.MOVED), (2, True, Act.MOVED)]),
    (["COPY 2 Junk", "STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"], [(2, True, Act.MOVED)]),
    (["SELECT Junk", "MOVE 1 INBOX"], [(4, False, Act.MOVED)]),
    (["SELECT Junk", "COPY 1 Archive"], [(4, False, Act.MOVED)]),
    (["SELECT Trash", "MOVE 1 Junk"], [(5, True, Act.MOVED)]),
    # From junk to trash only tidies up; so does what neither comes from junk nor goes there.
    (["SELECT Junk", "MOVE 1 Trash"], []),
    (["SELECT Junk", "COPY 1 Junk"], []),
    (["MOVE 1 Archive", "COPY 1 Trash"], []),
    (["MOVE 1 nowhere", "COPY 9 Junk"], []),
    # A change of mind: the content is the same, whichever copy it is.
    (["COPY 3 Junk", "SELECT Junk", "MOVE 2 INBOX"], [(3, False, Act.MOVED)]),
    # Keywords: registered ones, and those of Thunderbird.
    (["STORE 1:2 +FLAGS ($Junk)"], [(1, True, Act.FLAGGED), (2, True, Act.FLAGGED)]),
    (["STORE 1 +FLAGS.SILENT (NonJunk)"], [(1, False, Act.FLAGGED)]),
    (["STORE 1 -FLAGS ($NotJunk)", "STORE 1 +FLAGS (Junk)"], [(1, True, Act.FLAGGED)]),
    (["UID STORE 3 FLAGS (\\Seen $notjunk)"], [(3, False, Act.FLAGGED)]),
    (["STORE 1 +FLAGS ($Junk)", "STORE 1 -FLAGS ($Junk)", "STORE 1 +FLAGS ($NotJunk)"], [(1, False, Act.FLAGGED)]),
    (["STORE 1 +FLAGS ($Junk $NotJunk)", "STORE 1 +FLAGS (JunkRecorded $Work)", "STORE 1 +FLAGS (\\Flagged)"], []),
]


async def stage(kind: str, path: Path) -> tuple[House, Client]:
    house = await build(kind, path)
    for mailbox in ("INBOX", "INBOX", "INBOX", "Junk", "Trash"):
        await house.deliver("alice", path=mailbox)
    alice = Client(house)
    await alice("LOGIN alice secret")
    await alice("SELECT INBOX")
    return house, alice


async def numbered(house: House) -> dict[int, int]:
    """Content → which of the five messages it was."""
    found: dict[int, int] = {}
    for path in ("INBOX", "Junk", "Trash"):
        box = await house.store.mailbox(ALICE, path)
        for id in (await house.store.view(ALICE, box.id)).ids:
            found[id] = len(found) + 1
    return found


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(("commands", "expected"), CASES)
def test_a_person_s_acts_are_lessons(
    kind: str, tmp_path: Path, commands: list[str], expected: list[tuple[int, bool, Act]]
) -> None:
    async def play() -> None:
        house, alice = await stage(kind, tmp_path)
        try:
            names = await numbered(house)
            for command in commands:
                await alice(command)
            lessons = [lesson for _, lesson in await house.lessons.after(0, 99)]
            assert [(names[one.content], one.is_junk, one.act) for one in lessons] == expected
            for one in lessons:
                assert one.account == ALICE and one.at == house.clock.now()
                assert b"Hello Alice" in await house.store.read(ALICE, one.message)
        finally:
            await house.store.close()

    asyncio.run(play())


def test_another_s_junk_is_his_own(tmp_path: Path) -> None:
    """Within a shared account it is that account's lesson; what leaves an account says nothing of it."""

    async def play() -> None:
        house, _ = await stage("memory", tmp_path)
        for path in ("INBOX", "Junk"):
            box = await house.store.mailbox(ALICE, path)
            await house.store.change_rights(ALICE, box.id, "bob@courriel.test", RightsChange(0, ALL))
        bob = Client(house)
        await bob("LOGIN bob secret")
        await bob('SELECT "Other Users/alice/INBOX"')
        assert (await bob("MOVE 1 Junk"))[0].startswith("OK")
        assert not await house.lessons.after(0, 9)
        assert (await bob('MOVE 1 "Other Users/alice/Junk"'))[0].startswith("OK")
        [(_, lesson)] = await house.lessons.after(0, 9)
        assert (lesson.account, lesson.is_junk) == (ALICE, True)

    asyncio.run(play())


def test_a_whole_mailbox_teaches_its_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(teaching, "LESSONS_AT_ONCE", 2)
        house, alice = await stage("memory", tmp_path)
        names = await numbered(house)
        await alice("MOVE 1:* Junk")
        assert [names[lesson.content] for _, lesson in await house.lessons.after(0, 9)] == [2, 3]

    asyncio.run(play())


def test_nobody_has_to_keep_them(tmp_path: Path) -> None:
    async def play() -> None:
        from courriel.imap.server import ImapService

        house, _ = await stage("memory", tmp_path)
        house.service = ImapService(house.store, house.gate, ImapSettings(), house.clock)
        alice = Client(house)
        await alice("LOGIN alice secret")
        await alice("SELECT INBOX")
        for command in ("STORE 1 +FLAGS ($Junk)", "MOVE 1 Junk"):
            assert (await alice(command))[0].startswith("OK")

    asyncio.run(play())
