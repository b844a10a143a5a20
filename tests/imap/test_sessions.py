"""Several sessions on one mailbox: numbers never lie, and after NOOP everyone knows what is.  RFC 9051 §5.2, §7.5.

Model clients do nothing but believe: they apply EXISTS, EXPUNGE, VANISHED and FETCH as a mail program does.  Any
order of commands, from any of them and from outside, must leave each with what the server has.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courriel.imap.wire.client_response import Response, Responses
from courriel.model.changes import FlagResult
from courriel.model.flags import FLAGGED, SEEN, SYSTEM_FLAGS, FlagAction, FlagChange
from courriel.model.rights import ALL, RightsChange
from courriel.store.memory.store import MemoryStore
from tests.dialogues.runner import MemoryLink
from tests.imap.house import House, make_house
from tests.imap.test_dialogues import build

CLIENTS = ((b"alice", None), (b"alice", b"QRESYNC"), (b"alice", b"IMAP4rev2"), (b"bob", b"QRESYNC"))
"""One client of each kind: plain IMAP4rev1, one with mod-sequences and VANISHED, IMAP4rev2; and a guest's."""

MAILBOXES = {b"alice": b"INBOX", b"bob": b'"Other Users/alice/INBOX"'}
"""What they call the one mailbox they all work in."""

Flags = frozenset[bytes]

TIMES = int(os.environ.get("SESSIONS_TIMES", "1"))
"""``make stress`` tries more."""


class Client:
    """What a mail program believes.  A message is [UID, flags], each None while it was not told."""

    def __init__(self, link: MemoryLink, login: bytes = b"alice") -> None:
        self.link = link
        self.login = login
        self.mailbox = MAILBOXES[login]
        self.responses = Responses()
        self.messages: list[list[Any]] = []
        self.idle_tag: bytes | None = None
        self.commands = 0
        self.searched: list[int] = []
        self.counting = False
        """Whether the command under way is one during which numbers may not move (RFC 9051 §7.5.1)."""

    async def run(self, text: bytes) -> bytes:
        """A command and all it brings; the status of its answer."""
        if self.idle_tag is not None:
            await self.wake()
        self.commands += 1
        tag = b"t%d" % self.commands
        self.counting = text.startswith((b"FETCH", b"STORE", b"SEARCH"))
        self.link.send(tag + b" " + text + b"\r\n")
        status = await self.until(tag)
        self.counting = False
        return status

    async def idle(self) -> None:
        if self.idle_tag is None:
            self.commands += 1
            self.link.send(b"t%d IDLE\r\n" % self.commands)
            await self.until(b"+")
            self.idle_tag = b"t%d" % self.commands

    async def wake(self) -> None:
        tag, self.idle_tag = self.idle_tag, None
        assert tag is not None
        self.link.send(b"DONE\r\n")
        assert await self.until(tag) == b"OK"

    async def until(self, tag: bytes) -> bytes:
        while True:
            response = self.responses.next()
            if response is None:
                line = await self.link.line()
                assert line is not None, "the server hung up"
                self.responses.receive(line)
            elif response.tag == tag:
                return response.name
            else:
                self.believe(response)

    def believe(self, response: Response) -> None:
        match response.name:
            case b"EXISTS":
                assert response.number >= len(self.messages), "EXISTS may not shrink a mailbox"
                self.messages += [[None, None] for _ in range(response.number - len(self.messages))]
            case b"EXPUNGE" | b"VANISHED" if self.counting:
                raise AssertionError("numbers moved while they were in use")
            case b"EXPUNGE":
                assert 1 <= response.number <= len(self.messages), "EXPUNGE of a number that is not there"
                del self.messages[response.number - 1]
            case b"VANISHED":
                for uid in numbers(response.values[-1]):
                    self.vanish(uid)
            case b"FETCH":
                assert 1 <= response.number <= len(self.messages), "FETCH of a number that is not there"
                self.learn(self.messages[response.number - 1], response.values[0])
            case b"SEARCH":
                self.searched = [int(number) for number in response.values if isinstance(number, bytes)]
            case b"ESEARCH":
                last = response.values[-1]
                self.searched = numbers(last) if b"ALL" in response.values else []
            case _:
                assert response.name != b"BYE"

    def vanish(self, uid: int) -> None:
        """Of messages whose UIDs were not told yet, one that stands where this UID must be."""
        place = next((at for at, (known, _) in enumerate(self.messages) if known is not None and known >= uid), None)
        if place is not None and self.messages[place][0] == uid:
            del self.messages[place]
            return
        place = (len(self.messages) if place is None else place) - 1
        assert place >= 0, "VANISHED of a UID that was never there"
        assert self.messages[place][0] is None, "VANISHED of a UID that was never there"
        del self.messages[place]

    def learn(self, message: list[Any], items: Any) -> None:
        pairs = dict(zip(items[::2], items[1::2], strict=True))
        if b"UID" in pairs:
            uid = int(pairs[b"UID"])
            assert message[0] in (None, uid), f"number of UID {message[0]} used for {uid}"
            message[0] = uid
        if b"FLAGS" in pairs:
            message[1] = frozenset(pairs[b"FLAGS"]) - {b"\\Recent"}

    async def ask_unknown(self) -> None:
        """What a program that was told of new messages asks next."""
        first = next((at for at, message in enumerate(self.messages, 1) if None in message), 0)
        if first:
            assert await self.run(b"FETCH %d:* (UID FLAGS)" % first) == b"OK"

    async def open(self, enable: bytes | None) -> None:
        assert await self.run(b"LOGIN %b secret" % self.login) == b"OK"
        if enable is not None:
            assert await self.run(b"ENABLE " + enable) == b"OK"
        await self.select()

    async def select(self) -> None:
        if self.idle_tag is not None:
            await self.wake()
        self.messages = []
        assert await self.run(b"SELECT " + self.mailbox) == b"OK"
        await self.ask_unknown()


def numbers(text: Any) -> list[int]:
    """``1:3,7`` in full."""
    found: list[int] = []
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        found.extend(range(int(low), int(high or low) + 1))
    return found


FLAG = st.sampled_from([b"\\Seen", b"\\Deleted", b"\\Flagged", b"$Label"])
PLACE = st.integers(0, 30)
CLIENT = st.integers(0, 3)
STEP = st.one_of(
    st.tuples(st.just("noop"), CLIENT),
    st.tuples(st.just("idle"), CLIENT),
    st.tuples(st.just("select"), CLIENT),
    st.tuples(st.just("expunge"), CLIENT),
    st.tuples(st.just("fetch"), CLIENT, PLACE),
    st.tuples(st.just("search"), CLIENT),
    st.tuples(st.just("uid fetch"), CLIENT),
    st.tuples(st.just("store"), CLIENT, PLACE, PLACE, st.sampled_from([b"+", b"-", b""]), FLAG),
    st.tuples(st.just("silent"), CLIENT, PLACE, st.sampled_from([b"+", b"-"]), FLAG),
    st.tuples(st.just("uid store"), CLIENT, PLACE, st.sampled_from([b"+", b"-"]), FLAG),
    st.tuples(st.just("move"), CLIENT, PLACE),
    st.tuples(st.just("copy back"), CLIENT, PLACE),
    st.tuples(st.just("append"), CLIENT),
    st.tuples(st.just("deliver"), st.just(0)),
    st.tuples(st.just("outside"), st.just(0), PLACE),
)


async def step(house: House, clients: list[Client], how: tuple[Any, ...], at_once: bool = False) -> None:
    word, client = how[0], clients[how[1]]
    count = len(client.messages)
    if word == "deliver":
        await house.deliver("alice")
        return
    if word == "outside":
        account = house.gate.accounts["alice"].id
        inbox = await house.store.mailbox(account, "INBOX")
        uids = (await house.store.view(account, inbox.id)).uids
        if uids:
            await house.store.expunge(account, inbox.id, [uids[how[2] % len(uids)]])
        return
    if client.idle_tag is not None and word != "idle":
        await client.wake()
        count = len(client.messages)
    if word in ("fetch", "store", "silent", "uid store", "move", "copy back") and not count:
        return
    seq = how[2] % count + 1 if len(how) > 2 and count else 0
    uid = client.messages[seq - 1][0] if seq else None
    match word:
        case "noop":
            assert await client.run(b"NOOP") == b"OK"
        case "idle":
            await client.idle()
            return
        case "select":
            await client.select()
        case "expunge":
            assert await client.run(b"EXPUNGE") == b"OK"
        case "fetch":
            assert await client.run(b"FETCH %d (UID FLAGS)" % seq) == b"OK"
        case "uid fetch":
            assert await client.run(b"UID FETCH 1:* (FLAGS)") == b"OK"
        case "search":
            assert await client.run(b"SEARCH FLAGGED") == b"OK"
            if not at_once:
                await compare_search(house, client)
        case "store":
            last = how[3] % count + 1
            assert await client.run(b"STORE %d:%d %bFLAGS (%b)" % (seq, last, how[4], how[5])) == b"OK"
        case "silent":
            # Believed at once: what comes with the answer may be somebody's later change.
            message = client.messages[seq - 1]
            if message[1] is not None:
                message[1] = message[1] | {how[4]} if how[3] == b"+" else message[1] - {how[4]}
            assert await client.run(b"STORE %d %bFLAGS.SILENT (%b)" % (seq, how[3], how[4])) == b"OK"
        case "uid store" if uid is not None:
            assert await client.run(b"UID STORE %d %bFLAGS (%b)" % (uid, how[3], how[4])) == b"OK"
        case "move":
            await client.run(b"MOVE %d Archive" % seq)
        case "copy back":
            await client.run(b"COPY %d %b" % (seq, client.mailbox))
        case "append":
            assert await client.run(b"APPEND %b (\\Flagged) {1+}\r\nx" % client.mailbox) == b"OK"
    await client.ask_unknown()


async def compare_search(house: House, client: Client) -> None:
    """A SEARCH names by number what the client believes, of the messages that are there."""
    there = dict(await truth(house))
    for seq, (uid, flags) in enumerate(client.messages, 1):
        if uid in there and flags is not None:
            assert (seq in client.searched) == (b"\\Flagged" in flags)


async def truth(house: House) -> list[tuple[int, Flags]]:
    account = house.gate.accounts["alice"].id
    inbox = await house.store.mailbox(account, "INBOX")
    view = await house.store.view(account, inbox.id)
    keywords = house.store.keyword_names(account)
    names = {bit: name.encode() for name, bit in SYSTEM_FLAGS.items()}
    names |= {1 << bit: name.encode() for bit, name in keywords.items()}
    return [
        (uid, frozenset(name for bit, name in names.items() if flags & bit))
        for uid, flags in zip(view.uids, view.flags, strict=True)
    ]


async def all_at_once(house: House, clients: list[Client], steps: list[tuple[Any, ...]]) -> None:
    """Each client does its steps in order, none waits for another."""

    async def one(number: int) -> None:
        for how in steps:
            if how[1] == number:
                await step(house, clients, how, at_once=True)

    await asyncio.gather(*(one(number) for number in range(len(clients))))


async def play(kind: str, path: Path, steps: list[tuple[Any, ...]], at_once: bool = False) -> None:
    house = await build(kind, path)
    try:
        for _ in range(3):
            await house.deliver("alice")
        account = house.gate.accounts["alice"].id
        inbox = await house.store.mailbox(account, "INBOX")
        await house.store.change_rights(account, inbox.id, "bob@courriel.test", RightsChange(0, ALL))
        clients = []
        for login, enable in CLIENTS:
            client = Client(MemoryLink(house.service), login)
            clients.append(client)
            await greeted(client)
            await client.open(enable)
        if at_once:
            await all_at_once(house, clients, steps)
        else:
            for how in steps:
                await step(house, clients, how)
        for client in clients:
            assert await client.run(b"NOOP") == b"OK"
        expected = await truth(house)
        for client in clients:
            assert len(client.messages) == len(expected)
            for (uid, flags), (known_uid, known_flags) in zip(expected, client.messages, strict=True):
                assert known_uid in (None, uid)
                assert known_flags in (None, flags)
            await client.ask_unknown()
            assert [tuple(message) for message in client.messages] == expected
    finally:
        await house.store.close()


async def greeted(client: Client) -> None:
    line = await client.link.line()
    assert line is not None
    assert line.startswith(b"* OK ")


@settings(max_examples=100 * TIMES, deadline=None)
@given(st.lists(STEP, max_size=25))
def test_memory(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play("memory", Path("/nowhere"), steps))


@pytest.mark.slow
@settings(max_examples=25 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=5, max_size=25))
def test_sqlite(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play("sqlite", tmp_path_factory.mktemp("store"), steps))


@pytest.mark.slow
@settings(max_examples=25 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=10, max_size=40))
def test_sqlite_at_once(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play("sqlite", tmp_path_factory.mktemp("store"), steps, at_once=True))


class WaitingStore(MemoryStore):
    """A store in which a flag change has to wait, as behind a group commit, while others go on."""

    async def change_flags(self, *asked: Any, **more: Any) -> FlagResult:
        await asyncio.sleep(0)
        return await super().change_flags(*asked, **more)


def test_another_session_changes_flags_while_a_store_waits() -> None:
    """A STORE that changed nothing took the number of somebody else's change for its own, and kept quiet about it."""

    async def main() -> None:
        house = await make_house()
        house.store.__class__ = WaitingStore
        await house.deliver("alice")
        await house.deliver("alice")
        account = house.gate.accounts["alice"].id
        inbox = await house.store.mailbox(account, "INBOX")
        await house.store.change_flags(account, inbox.id, [1], FlagChange(FlagAction.ADD, SEEN))
        client = Client(MemoryLink(house.service))
        await greeted(client)
        await client.open(None)
        other = asyncio.create_task(
            house.store.change_flags(account, inbox.id, [2], FlagChange(FlagAction.ADD, FLAGGED))
        )
        assert await client.run(b"STORE 1 +FLAGS.SILENT (\\Seen)") == b"OK"
        await other
        assert await client.run(b"NOOP") == b"OK"
        assert client.messages == [[1, {b"\\Seen"}], [2, {b"\\Flagged"}]]

    asyncio.run(main())
