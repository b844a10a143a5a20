"""Every operation with every right, alone and missing: RFC 4314 §4's table, walked (AUTH attack row 31).

Bob works in ``box``, a mailbox of Alice's in which his rights are exactly those of the case.  What he is told must
follow from the table written here, which is the RFC's and not the program's; and what was refused must have changed
nothing, and must not tell whether there is such a mailbox where he may not look it up.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from courriel.imap.commands.fetch import CACHED_FROM
from courriel.imap.settings import ImapSettings
from courriel.model.flags import ANSWERED, DELETED, FLAGGED, SEEN
from courriel.model.ids import AccountId, MailboxId
from courriel.model.message import NewMessage
from courriel.model.rights import IDENTIFIER_CHARACTERS, TAKE_ALL, RightsChange, parse
from courriel.ports.store import View
from courriel.store.memory.store import MemoryStore
from tests.dialogues.runner import MemoryLink
from tests.imap.house import HELLO, House, make_house

LETTERS = "lrswipkxtea"
CASES = ["", *LETTERS, *(LETTERS.replace(letter, "") for letter in LETTERS), LETTERS]
"""None, each alone, all but each, all."""

ALICE, BOB = AccountId(1), AccountId(2)
BOX = '"Other Users/alice/top/box"'

Told = tuple[str, list[str]]
"""The tagged reply without its tag, and the untagged ones."""


class Client:
    """One connection, in words of commands."""

    def __init__(self, house: House) -> None:
        self.link = MemoryLink(house.service)

    async def __call__(self, command: str, content: bytes = b"") -> Told:
        self.link.send(b"t " + command.encode() + b"\r\n" + (content + b"\r\n" if content else b""))
        untagged = []
        while True:
            line = await self.link.line()
            assert line is not None, f"closed after {command}, {untagged}"
            text = line.decode().rstrip("\r\n")
            if text.startswith("t "):
                return text[2:], untagged
            untagged.append(text)


async def stage(rights: str) -> tuple[House, Client]:
    """Alice's ``top`` (in which Bob may create) with ``box`` below, three messages in it; Bob's connection."""
    house = await make_house()
    top = await house.store.create_mailbox(ALICE, "top")
    box = await house.store.create_mailbox(ALICE, "top/box")
    other = await house.store.create_mailbox(ALICE, "top/other")
    for mailbox, letters in ((top, "k"), (box, rights), (other, "x")):
        await house.store.change_rights(ALICE, mailbox.id, "bob@courriel.test", RightsChange(0, parse(letters)))
    for flags in (0, DELETED, ANSWERED):
        await house.deliver("alice", HELLO, "top/box")
        view = await house.store.view(ALICE, box.id)
        view.flags[-1] = flags
    mine = await house.store.mailbox(BOB, "INBOX")
    kept = SEEN | DELETED | FLAGGED
    await house.store.append([NewMessage(BOB, mine.id, HELLO, _summary(), 1.0, flags=kept, keywords=("$Work",))])
    bob = Client(house)
    await bob("LOGIN bob secret")
    return house, bob


def _summary() -> object:
    from courriel.formats.message.summary import summarise

    return summarise(HELLO)


async def flags_in(house: House, path: str) -> list[set[str]]:
    """The flags of each message, by name."""
    box = await house.store.mailbox(ALICE, path)
    view, names = await house.store.view(ALICE, box.id), house.store.keyword_names(ALICE)
    words = {SEEN: "s", DELETED: "t", ANSWERED: "answered", FLAGGED: "flagged"}
    words |= {1 << bit: name for bit, name in names.items()}
    return [{word for bit, word in words.items() if flags & bit} for flags in view.flags]


class Case(msgspec.Struct, frozen=True):
    """An operation: what Bob says, and the rights of which all (or with ``any`` one) must be there."""

    name: str
    commands: tuple[str, ...]
    needed: str
    content: bytes = b""
    any: bool = False
    missing: str = "[NONEXISTENT]"

    def allows(self, rights: str) -> bool:
        return (any if self.any else all)(letter in rights for letter in self.needed)


IN_AUTHENTICATED = [
    Case("SUBSCRIBE", (f"SUBSCRIBE {BOX}",), "l"),
    Case("CREATE below", (f'CREATE {BOX[:-1]}/new"',), "k", missing="[NOPERM]"),
    Case("DELETE", (f"DELETE {BOX}",), "x"),
    Case("RENAME from", (f'RENAME {BOX} "Other Users/alice/top/new"',), "x"),
    Case("RENAME to", (f'RENAME "Other Users/alice/top/other" {BOX[:-1]}/new"',), "k", missing="[NOPERM]"),
    Case("SELECT", (f"SELECT {BOX}",), "r"),
    Case("EXAMINE", (f"EXAMINE {BOX}",), "r"),
    Case("STATUS", (f"STATUS {BOX} (MESSAGES UIDNEXT)",), "r"),
    Case("SETACL", (f"SETACL {BOX} anyone lr",), "a"),
    Case("SETACL of oneself", (f"SETACL {BOX} bob +l",), "a"),
    Case("DELETEACL", (f"DELETEACL {BOX} bob",), "a"),
    Case("GETACL", (f"GETACL {BOX}",), "a"),
    Case("LISTRIGHTS", (f"LISTRIGHTS {BOX} bob",), "a"),
    Case("MYRIGHTS", (f"MYRIGHTS {BOX}",), "lrikxa", any=True),
    Case("APPEND", (f"APPEND {BOX} {{{len(HELLO)}+}}",), "i", HELLO, missing="[TRYCREATE]"),
    Case("COPY into", ("SELECT INBOX", f"COPY 1 {BOX}"), "i", missing="[TRYCREATE]"),
    Case("MOVE into", ("SELECT INBOX", f"MOVE 1 {BOX}"), "i", missing="[TRYCREATE]"),
]

IN_SELECTED = [
    Case("EXPUNGE", (f"SELECT {BOX}", "EXPUNGE"), "re"),
    Case("UID EXPUNGE", (f"SELECT {BOX}", "UID EXPUNGE 1:*"), "re"),
    Case("MOVE out", (f"SELECT {BOX}", "MOVE 1 Archive"), "rte"),
    Case("UID MOVE out", (f"SELECT {BOX}", "UID MOVE 1 Archive"), "rte"),
    Case("COPY out", (f"SELECT {BOX}", "COPY 1 Archive"), "r"),
    Case("FETCH", (f"SELECT {BOX}", "FETCH 1:* (FLAGS BODY[])"), "r"),
    Case("SEARCH", (f"SELECT {BOX}", "SEARCH RETURN (ALL) TEXT Hello"), "r"),
    Case("STORE \\Seen", (f"SELECT {BOX}", "STORE 1 +FLAGS (\\Seen)"), "rs"),
    Case("STORE \\Deleted", (f"SELECT {BOX}", "STORE 1 +FLAGS (\\Deleted)"), "rt"),
    Case("STORE \\Answered", (f"SELECT {BOX}", "STORE 1 +FLAGS (\\Answered)"), "rw"),
    Case("STORE keyword", (f"SELECT {BOX}", "STORE 1 +FLAGS ($Work)"), "rw"),
    Case("UID STORE away", (f"SELECT {BOX}", "UID STORE 2 -FLAGS (\\Deleted)"), "rt"),
]


@pytest.mark.parametrize("case", [*IN_AUTHENTICATED, *IN_SELECTED], ids=lambda case: case.name)
@pytest.mark.parametrize("rights", CASES)
def test_each_operation_with_each_right(case: Case, rights: str) -> None:
    async def play() -> None:
        house, bob = await stage(rights)
        before = await house.store.modseq(ALICE)
        told = ""
        for command in case.commands:
            told, untagged = await bob(command, case.content if command is case.commands[-1] else b"")
            if told.startswith("NO"):
                break
        if case.allows(rights):
            assert told.startswith("OK"), (case.name, rights, told)
            return
        assert told.startswith("NO"), (case.name, rights, told)
        assert await house.store.modseq(ALICE) == before, "what is refused changes nothing"
        if command.endswith(BOX) or BOX in command:
            assert not [line for line in untagged if "box" in line]
            if "l" not in rights and case.missing != "[NOPERM]":
                assert told == f"NO {case.missing} No such mailbox"
            else:
                assert told == "NO [NOPERM] Not allowed"

    asyncio.run(play())


@pytest.mark.parametrize("rights", CASES)
def test_only_what_may_be_looked_up_is_listed(rights: str) -> None:
    async def play() -> None:
        house, bob = await stage(rights)
        await house.store.subscribe(BOB, BOX.strip('"'), True)
        told, lines = await bob('LIST "" "Other Users/*" RETURN (MYRIGHTS STATUS (MESSAGES))')
        assert told.startswith("OK")
        shown = [line.split()[1] for line in lines if "box" in line]
        assert ("LIST" in shown, "MYRIGHTS" in shown) == ("l" in rights, "l" in rights)
        assert ("STATUS" in shown) == ("l" in rights and "r" in rights)
        told, lines = await bob('LIST "" "Other Users/alice/top/%"')
        assert [line for line in lines if "box" in line] == (
            [f'* LIST (\\HasNoChildren) "/" {BOX}'] if "l" in rights else []
        )
        _, lines = await bob('LIST (SUBSCRIBED) "" "Other Users/*"')
        assert [("NonExistent" in line) for line in lines if "box" in line] == ["l" not in rights]
        assert (await bob(f"UNSUBSCRIBE {BOX}"))[0].startswith("OK"), "for this no right is needed"

    asyncio.run(play())


@pytest.mark.parametrize("rights", CASES)
def test_only_what_may_be_looked_up_and_read_is_searched(rights: str) -> None:
    """ESEARCH, by every source that could name it."""

    async def play() -> None:
        house, bob = await stage(rights)
        await house.store.subscribe(BOB, BOX.strip('"'), True)
        below = 'subtree-one "Other Users/alice/top"'
        for sources in (f"mailboxes {BOX}", 'subtree "Other Users"', below, "subscribed"):
            told, lines = await bob(f"ESEARCH IN ({sources}) TEXT Hello")
            assert told.startswith("OK")
            shown = [re.sub(r"(?<=UIDVALIDITY )\d+", "n", line) for line in lines if "box" in line]
            may_be_searched = "l" in rights and "r" in rights
            assert shown == [f'* ESEARCH (TAG "t" MAILBOX {BOX} UIDVALIDITY n) UID ALL 1:3'] * may_be_searched, sources
        _, lines = await bob("ESEARCH IN (personal inboxes) ALL")
        assert not [line for line in lines if "alice" in line], "another's is not one's own"

    asyncio.run(play())


def test_a_right_that_goes_during_a_search_is_gone() -> None:
    async def play() -> None:
        house, bob = await stage("lr")
        box = await house.store.mailbox(ALICE, "top/box")
        read = house.store.read

        async def slow(*arguments: Any) -> Any:
            await house.store.change_rights(ALICE, box.id, "bob@courriel.test", TAKE_ALL)
            return await read(*arguments)

        house.store.read = slow  # type: ignore[method-assign]
        assert await bob(f"ESEARCH IN (mailboxes {BOX}) TEXT Hello") == ("OK ESEARCH completed", [])

    asyncio.run(play())


def test_ids_of_others_messages_are_searched_with_their_owner() -> None:
    async def play() -> None:
        _, bob = await stage("lr")
        await bob(f"SELECT {BOX}")
        _, [fetched] = await bob("FETCH 1 EMAILID")
        id = fetched.partition("EMAILID (")[2].rstrip(")")
        await bob("UNSELECT")
        _, lines = await bob(f'ESEARCH IN (personal subtree "Other Users") EMAILID {id}')
        assert [line.partition(" UID ")[2] for line in lines] == ["ALL 1"] and BOX in lines[0]
        own = "M" + id.partition("_")[2]
        _, lines = await bob(f'ESEARCH IN (subtree "Other Users") EMAILID {own}')
        assert lines == [], "that would be a message of his own"

    asyncio.run(play())


def _with_rights(rights: str, flags: Sequence[str]) -> set[str]:
    return {flag for flag in flags if (flag if flag in "st" else "w") in rights}


@pytest.mark.parametrize("rights", CASES)
def test_new_messages_keep_only_the_flags_one_may_set(rights: str) -> None:
    async def play() -> None:
        house, bob = await stage(rights)
        if "i" not in rights:
            return
        appended = f"APPEND {BOX} (\\Seen \\Deleted \\Answered $Home) {{{len(HELLO)}+}}"
        assert (await bob(appended, HELLO))[0].startswith("OK")
        await bob("SELECT INBOX")
        assert (await bob(f"COPY 1 {BOX}"))[0].startswith("OK")
        *_, first, second = await flags_in(house, "top/box")
        assert first == _with_rights(rights, ("s", "t", "answered", "$Home"))
        assert second == _with_rights(rights, ("s", "t", "flagged", "$Work"))
        if "w" not in rights:
            assert house.store.keyword_names(ALICE) == {}, "nor are keywords made"

    asyncio.run(play())


@pytest.mark.parametrize("rights", [case for case in CASES if "r" in case] + ["rs", "rt", "rw", "re", "ri", "rst"])
def test_an_open_mailbox_shows_and_changes_what_the_rights_say(rights: str) -> None:
    async def play() -> None:
        house, bob = await stage(rights)
        told, lines = await bob(f"SELECT {BOX}")
        writes = bool(set(rights) & set("iewst"))
        assert ("[READ-WRITE]" if writes else "[READ-ONLY]") in told
        [permanent] = [line for line in lines if "PERMANENTFLAGS" in line]
        assert ("\\Seen" in permanent) == ("s" in rights)
        assert ("\\Deleted" in permanent) == ("t" in rights)
        assert ("\\Answered" in permanent) == ("\\*" in permanent) == ("w" in rights)
        await bob("FETCH 1 BODY[]")
        assert ("s" in (await flags_in(house, "top/box"))[0]) == ("s" in rights), "read, and marked if he may"
        told, _ = await bob("STORE 3 FLAGS (\\Seen \\Deleted \\Flagged $Home)")
        allowed = bool(set(rights) & set("stw"))
        assert told.startswith("OK" if allowed else "NO")
        after = (await flags_in(house, "top/box"))[2]
        wanted = _with_rights(rights, ("s", "t", "flagged", "$Home"))
        assert after == (wanted if "w" in rights else wanted | {"answered"}), "others' flags are left alone"
        assert (await bob("CLOSE"))[0].startswith("OK"), "with or without the right to expunge"
        left = await flags_in(house, "top/box")
        gone = [flags for flags in left if "t" in flags]
        assert (gone == []) == ("e" in rights)

    asyncio.run(play())


def test_an_examined_mailbox_stays_as_it_is_whatever_the_rights() -> None:
    async def play() -> None:
        house, bob = await stage(LETTERS)
        before = await flags_in(house, "top/box")
        assert "[READ-ONLY]" in (await bob(f"EXAMINE {BOX}"))[0]
        await bob("FETCH 1:* BODY[]")
        refused: Callable[[str], bool] = lambda told: told.startswith("NO [CANNOT]")  # noqa: E731
        for command in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 Archive"):
            assert refused((await bob(command))[0])
        await bob("CLOSE")
        assert await flags_in(house, "top/box") == before

    asyncio.run(play())


class SlowStore(MemoryStore):
    """A store in which opening a view takes as long as a revocation."""

    async def view(self, account: AccountId, mailbox: MailboxId) -> View:
        view = await super().view(account, mailbox)
        for who in list(view.acl):
            await self.change_rights(account, mailbox, who, TAKE_ALL)
        return view


def test_rights_that_go_while_a_mailbox_opens_are_gone() -> None:
    async def play() -> None:
        house, bob = await stage("lr")
        house.store.__class__ = SlowStore
        bob.link.send(b"t SELECT %b\r\nu FETCH 1 BODY[]\r\n" % BOX.encode())
        lines = []
        while (line := await bob.link.line()) is not None:
            lines.append(line)
        assert lines[-1].startswith(b"* BYE") and not any(b"FETCH (" in line for line in lines)

    asyncio.run(play())


def test_ids_are_unique_over_all_that_one_sees() -> None:
    """Also where an answer of one client is kept ready for the next (``answers.py``)."""

    async def play() -> None:
        house, bob = await stage(LETTERS)
        for _ in range(CACHED_FROM):
            await house.deliver("alice", HELLO, "top/box")
        alice = Client(house)
        await alice("LOGIN alice secret")
        told = []
        for client, name in ((alice, "top/box"), (bob, BOX), (alice, "top/box"), (bob, BOX)):
            _, lines = await client(f"SELECT {name}")
            [mailbox] = [line for line in lines if "MAILBOXID" in line]
            _, rows = await client("FETCH 1:* (EMAILID THREADID)")
            told.append(re.findall(r"\((F\w+)\)", mailbox) + re.findall(r"\(([MT]\w+)\)", " ".join(rows)))
        assert told[0] == told[2] and told[1] == told[3]
        assert [id[0] + "1_" + id[1:] for id in told[0]] == told[1]
        _, email, thread, *_ = told[1]
        assert (await bob(f"SEARCH EMAILID {email}"))[1] == ["* SEARCH 1"]
        assert (await bob(f"SEARCH THREADID {thread}"))[1] == ["* SEARCH 1"]
        own = email.replace("1_", "")
        assert (await bob(f"SEARCH EMAILID {own}"))[1] == ["* SEARCH"]
        assert (await alice(f"SEARCH EMAILID {own}"))[1] == ["* SEARCH 1"]
        assert (await alice(f"SEARCH EMAILID {email}"))[1] == ["* SEARCH"]

    asyncio.run(play())


def test_long_identifiers_are_refused_before_they_are_prepared() -> None:
    async def play() -> None:
        house = await make_house()
        alice = Client(house)
        await alice("LOGIN alice secret")
        long, hostile = "x" * (IDENTIFIER_CHARACTERS + 1), "é" * 30_000
        assert (await alice(f"LISTRIGHTS INBOX {long}"))[0].startswith("OK"), "a dash may come on top"
        begun = time.process_time()
        for command, more in (("SETACL", " lr"), ("DELETEACL", ""), ("LISTRIGHTS", "")):
            assert (await alice(f"{command} INBOX {long}x{more}"))[0].startswith("NO [LIMIT]")
            said = f"{command} INBOX {{{len(hostile.encode())}+}}\r\n{hostile}{more}"
            assert (await alice(said))[0].startswith("NO [LIMIT]")
        assert time.process_time() - begun < 0.05

    asyncio.run(play())


def test_sharing_with_many_can_be_switched_off() -> None:
    async def play() -> None:
        house = await make_house(settings=ImapSettings(share_with_many=False))
        alice = Client(house)
        await alice("LOGIN alice secret")
        for who in ("anyone", "Authenticated", "-anyone", "@courriel.test"):
            assert (await alice(f"SETACL INBOX {who} lr"))[0] == "NO [NOPERM] Not allowed"
            assert (await alice(f"SETACL INBOX {who} +s"))[0].startswith("NO")
            assert (await alice(f"DELETEACL INBOX {who}"))[0].startswith("OK"), "what an operator gave can be taken"
        assert (await alice("SETACL INBOX bob lr"))[0].startswith("OK")

    asyncio.run(play())


def test_negative_entries_are_felt_and_others_rights_are_not_his() -> None:
    async def play() -> None:
        house, bob = await stage("")
        box = await house.store.mailbox(ALICE, "top/box")
        for who, letters in (("anyone", "lrs"), ("-bob@courriel.test", "s"), ("carol@courriel.test", "wtea")):
            await house.store.change_rights(ALICE, box.id, who, RightsChange(0, parse(letters)))
        assert (await bob(f"MYRIGHTS {BOX}"))[1] == [f"* MYRIGHTS {BOX} lr"]
        assert "[READ-ONLY]" in (await bob(f"SELECT {BOX}"))[0]

    asyncio.run(play())
