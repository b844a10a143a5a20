"""NOTIFY where dialogues do not reach: too much to follow, a slow reader, many at once.  RFC 5465 §5.8, §9."""

from __future__ import annotations

import asyncio

import pytest

from courriel.imap.commands import notify
from courriel.model.ids import AccountId
from courriel.model.rights import RightsChange, parse
from tests.dialogues.runner import MemoryLink
from tests.imap.house import House, make_house

ALICE = AccountId(1)


async def logged_in(house: House, *commands: bytes) -> MemoryLink:
    link = MemoryLink(house.service)
    link.send(b"a LOGIN alice secret\r\n" + b"".join(command + b"\r\n" for command in commands))
    link.send(b"z NOOP\r\n")
    while not (line := await link.line() or b"").startswith(b"z OK"):
        assert line and b" BAD " not in line, line
    return link


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_more_mailboxes_than_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "WATCHED_MAILBOXES", 8)

    async def play() -> None:
        house = await make_house()
        link = await logged_in(house, b"b NOTIFY SET (PERSONAL (MessageNew MessageExpunge MailboxName))")
        await house.store.create_mailbox(ALICE, "seventh")
        assert await link.line() == b'* LIST (\\HasNoChildren) "/" seventh\r\n'
        await house.store.create_mailbox(ALICE, "eighth")
        assert await link.line() == b'* LIST (\\HasNoChildren) "/" eighth\r\n'
        await house.store.create_mailbox(ALICE, "ninth")
        assert (await link.line() or b"").startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
        await house.deliver("alice")
        await turns()
        assert link.waiting() == b"", "after an overflow it is as after NOTIFY NONE"
        link.send(b"c NOTIFY SET (PERSONAL (MessageNew MessageExpunge))\r\n")
        assert (await link.line() or b"").startswith(b"c NO [NOTIFICATIONOVERFLOW] ")
        link.send(b"d NOTIFY SET (SELECTED (MessageNew MessageExpunge))\r\n")
        assert (await link.line() or b"").startswith(b"d OK ")

    asyncio.run(play())


def test_a_journal_that_is_not_kept_so_far_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        house = await make_house()
        link = await logged_in(house, b"b NOTIFY SET (PERSONAL (MessageNew MessageExpunge))")

        async def forgotten(account: AccountId, since: int) -> None:
            return None

        monkeypatch.setattr(house.store, "journal", forgotten)
        await house.deliver("alice")
        assert (await link.line() or b"").startswith(b"* OK [NOTIFICATIONOVERFLOW] ")

    asyncio.run(play())


def test_a_client_that_does_not_read_is_told_once_of_the_end() -> None:
    async def play() -> None:
        house = await make_house()
        link = await logged_in(house, b"b NOTIFY SET (MAILBOXES INBOX (MessageNew MessageExpunge))")
        link._server.pause_writing()
        for _ in range(200):
            await house.deliver("alice")
            await turns(2)
        assert link.waiting() == b""
        link._server.resume_writing()
        assert await link.line() == b"* STATUS INBOX (MESSAGES 200 UIDNEXT 201)\r\n"
        await turns()
        assert link.waiting() == b""

    asyncio.run(play())


def test_many_messages_at_once_are_one_line_and_watching_ends_with_the_connection() -> None:
    async def play() -> None:
        house = await make_house()
        watchers = house.store._account(ALICE).watchers
        link = await logged_in(
            house,
            b"b SELECT INBOX",
            b"c NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge)) (PERSONAL (MailboxName))",
        )
        assert len(watchers) == 1
        await asyncio.gather(*[house.deliver("alice") for _ in range(3)])
        assert await link.line() == b"* 3 EXISTS\r\n"
        assert await link.line() == b"* 3 RECENT\r\n"
        assert [await link.line() for _ in range(3)] == [b"* %d FETCH (UID %d)\r\n" % (n, n) for n in (1, 2, 3)]
        link.send(b"d NOTIFY SET (SELECTED NONE)\r\n")
        assert (await link.line() or b"").startswith(b"d OK ")
        assert len(watchers) == 0, "nothing is watched where nothing is told"
        link.send(b"e NOTIFY SET (PERSONAL (MailboxName))\r\n")
        assert (await link.line() or b"").startswith(b"e OK ")
        assert len(watchers) == 1
        link.close()
        await turns()
        assert len(watchers) == 0

    asyncio.run(play())


def test_the_selected_mailbox_is_fetched_while_a_command_is_under_way() -> None:
    """What comes in the middle of an APPEND's literal waits for nothing."""

    async def play() -> None:
        house = await make_house()
        link = await logged_in(
            house, b"b SELECT INBOX", b"c NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge))"
        )
        link.send(b"d APPEND Drafts {5}\r\n")
        assert (await link.line() or b"").startswith(b"+ ")
        link.send(b"ab")
        await house.deliver("alice")
        assert await link.line() == b"* 1 EXISTS\r\n"
        assert await link.line() == b"* 1 RECENT\r\n"
        assert await link.line() == b"* 1 FETCH (UID 1 FLAGS (\\Recent))\r\n"
        link.send(b"cde\r\n")
        assert (await link.line() or b"").startswith(b"d OK ")

    asyncio.run(play())


def test_others_mailboxes_are_told_of_in_idle() -> None:
    """NOTIFY follows one's own account; a mailbox of another's that is selected is watched while the client sleeps."""

    async def play() -> None:
        house = await make_house()
        inbox = await house.store.mailbox(ALICE, "INBOX")
        await house.store.change_rights(ALICE, inbox.id, "bob@courriel.test", RightsChange(0, parse("lr")))
        link = MemoryLink(house.service)
        link.send(b"a LOGIN bob secret\r\n" + b'b SELECT "Other Users/alice/INBOX"\r\n')
        link.send(b"c NOTIFY SET (SELECTED (MessageNew (FLAGS) MessageExpunge))\r\nd IDLE\r\n")
        while not (line := await link.line() or b"").startswith(b"+"):
            assert line
        await house.deliver("alice")
        assert await link.line() == b"* 1 EXISTS\r\n"
        assert await link.line() == b"* 0 RECENT\r\n"
        assert (await link.line() or b"").startswith(b"* 1 FETCH (FLAGS ")
        link.send(b"DONE\r\n")
        assert (await link.line() or b"").startswith(b"d OK ")

    asyncio.run(play())


def test_a_sleeping_client_misses_nothing_while_it_is_told() -> None:
    """Another's mailbox and one's own account wake it by two ways, each while the other is looked after."""

    async def play() -> None:
        house = await make_house()
        inbox = await house.store.mailbox(ALICE, "INBOX")
        await house.store.change_rights(ALICE, inbox.id, "bob@courriel.test", RightsChange(0, parse("lr")))
        for first, second in (("alice", "bob"), ("bob", "alice")):
            link = MemoryLink(house.service)
            link.send(b"a LOGIN bob secret\r\n" + b'b SELECT "Other Users/alice/INBOX"\r\n')
            link.send(b"c NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))\r\n")
            link.send(b"d IDLE\r\n")
            while not (line := await link.line() or b"").startswith(b"+"):
                assert line
            link._server.pause_writing()
            await house.deliver(first)
            await turns()
            await house.deliver(second)
            await turns()
            link._server.resume_writing()
            words = b" ".join([await link.line() or b"" for _ in range(3)]).split()
            assert [words.count(word) for word in (b"EXISTS", b"RECENT", b"STATUS")] == [1, 1, 1], words

    asyncio.run(play())
