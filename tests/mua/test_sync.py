"""The cache agrees with the server, whatever happened on either side; what cannot be done is kept and told."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from courriel.imap import client as imap_client
from courriel.imap.client import ImapClient
from courriel.model.flags import SYSTEM_FLAGS, FlagAction, FlagChange
from courriel.mua.cache import Cache, Flag, Move, Send
from courriel.mua.sync import GONE, OTHER_MAILBOX, PERHAPS_SENT, Sync, SyncTally
from tests.imap.house import House, listening, make_house

State = dict[str, dict[int, tuple[frozenset[str], bytes]]]


class Away:
    """A cache, a server, and what was handed to the submission server."""

    def __init__(self, house: House, port: int, cache: Cache) -> None:
        self.house = house
        self.port = port
        self.cache = cache
        self.sent: list[Send] = []
        self.answers: list[str | OSError] = []

    async def post(self, one: Send) -> str:
        answer = self.answers.pop(0) if self.answers else ""
        if isinstance(answer, OSError):
            raise answer
        if not answer:
            self.sent.append(one)
        return answer

    async def sync(self, only: str = "") -> SyncTally:
        client = await ImapClient.connect("127.0.0.1", self.port)
        await client.login("alice", "secret")
        steps = [step async for step in Sync(self.cache, client, self.post).run(only)]
        await client.close()
        assert isinstance(steps[-1], SyncTally)
        return steps[-1]

    async def there(self) -> State:
        alice, store = self.house.gate.accounts["alice"].id, self.house.store
        found: State = {}
        for box in await store.mailboxes(alice):
            view, words = await store.view(alice, box.id), store.keyword_names(alice)
            found[box.path] = {}
            for uid, flags, id in zip(view.uids, view.flags, view.ids, strict=True):
                names = {name for name, bit in SYSTEM_FLAGS.items() if flags & bit}
                names |= {word for place, word in words.items() if flags >> place & 1}
                found[box.path][uid] = frozenset(names), await store.read(alice, id)  # type: ignore[arg-type]
        return found

    def here(self) -> State:
        return {
            box.text: {one.uid: (one.flags, one.raw) for one in self.cache.newest(box.name, 10_000)}
            for box in self.cache.mailboxes()
        }

    async def change(self, path: str, uids: Sequence[int], action: FlagAction, flags: int) -> None:
        alice, store = self.house.gate.accounts["alice"].id, self.house.store
        await store.change_flags(alice, (await store.mailbox(alice, path)).id, uids, FlagChange(action, flags))

    async def expunge(self, path: str, uids: Sequence[int]) -> None:
        alice, store = self.house.gate.accounts["alice"].id, self.house.store
        await store.expunge(alice, (await store.mailbox(alice, path)).id, uids)

    def flag(self, uid: int, *add: str, remove: tuple[str, ...] = (), path: str = "INBOX") -> int:
        known = self.cache.mailbox(path)
        assert known is not None
        return self.cache.put(Flag(known.name, known.uidvalidity, uid, add, remove))

    def move(self, uid: int, target: str, path: str = "INBOX") -> int:
        known, goal = self.cache.mailbox(path), self.cache.mailbox(target)
        assert known is not None and goal is not None
        return self.cache.put(Move(known.name, known.uidvalidity, uid, goal.name))


@asynccontextmanager
async def _away(tmp_path: Path, messages: int = 4) -> AsyncIterator[Away]:
    house = await make_house(("alice",))
    for number in range(messages):
        await house.deliver("alice", b"Subject: n%d\r\n\r\nx\r\n" % number)
    async with listening(house) as port:
        away = Away(house, port, Cache.of(tmp_path, "alice"))
        yield away
        away.cache.close()


@pytest.fixture(params=["qresync", "plain"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With a server that tells what changed, and one that does not."""
    if request.param == "plain":
        whole = ImapClient.capabilities

        async def fewer(self: ImapClient) -> frozenset[str]:
            return await whole(self) - {"QRESYNC", "CONDSTORE", "MOVE", "IMAP4REV2"}

        monkeypatch.setattr(imap_client.ImapClient, "capabilities", fewer)
    return str(request.param)


@pytest.mark.parametrize("seed", range(4))
async def test_it_agrees_after_anything(runner: object, tmp_path: Path, kind: str, seed: int) -> None:
    dice = random.Random(seed)
    async with _away(tmp_path) as away:
        await away.sync()
        for _ in range(8):
            for _ in range(dice.randrange(6)):
                there = await away.there()
                path = dice.choice([path for path, messages in there.items() if messages])
                uid = dice.choice(sorted(there[path]))
                match dice.randrange(6):
                    case 0:
                        await away.house.deliver("alice", b"Subject: new\r\n\r\n%d\r\n" % dice.randrange(99), path)
                    case 1:
                        await away.expunge(path, [uid])
                        await away.house.deliver("alice")
                    case 2:
                        await away.change(
                            path, [uid], dice.choice([FlagAction.ADD, FlagAction.REMOVE]), dice.randrange(32)
                        )
                    case 3 if uid in away.here()[path]:
                        away.flag(uid, dice.choice(["\\Seen", "Work"]), remove=("\\Flagged",), path=path)
                    case 4 if uid in away.here()[path]:
                        away.move(uid, dice.choice([other for other in there if other != path]), path)
            await away.sync()
            for one in away.cache.pending():
                assert one.conflict
                away.cache.settle(one.id)
            await away.sync()
            assert away.here() == await away.there()


async def test_what_was_done_away_is_seen_at_once_and_done_later(runner: object, tmp_path: Path, kind: str) -> None:
    async with _away(tmp_path) as away:
        first = await away.sync()
        assert (first.fetched, first.removed) == (4, 0)
        away.flag(1, "\\Seen", "Work")
        away.move(2, "Archive")
        here = away.here()["INBOX"]
        assert here[1][0] == {"\\Seen", "Work"} and 2 not in here
        tally = await away.sync()
        assert (tally.done, tally.conflicts, tally.fetched) == (2, 0, 1)
        there = await away.there()
        assert there["INBOX"][1][0] == {"\\Seen", "Work"} and len(there["Archive"]) == 1
        assert away.here() == there
        assert await away.sync() == SyncTally()


async def test_conflicts_are_kept_until_the_person_decides(runner: object, tmp_path: Path, kind: str) -> None:
    async with _away(tmp_path) as away:
        alice, store = away.house.gate.accounts["alice"].id, away.house.store
        await store.create_mailbox(alice, "Old")
        await away.house.deliver("alice", path="Old")
        await away.sync()
        gone, old, nowhere = away.flag(1, "\\Flagged"), away.flag(1, "\\Flagged", path="Old"), away.move(3, "Old")
        await away.expunge("INBOX", [1])
        await store.delete_mailbox(alice, "Old")
        tally = await away.sync()
        reasons = {one.id: one.conflict for one in away.cache.pending()}
        assert tally.conflicts == 3 and reasons[gone] == GONE and reasons[nowhere]
        assert away.here() == await away.there(), "what could not be moved is shown where it is"
        await store.create_mailbox(alice, "Old")
        await away.house.deliver("alice", path="Old")
        away.cache.again(old)
        away.cache.settle(gone)
        await away.sync()
        reasons = {one.id: one.conflict for one in away.cache.pending()}
        assert reasons[old] == OTHER_MAILBOX and gone not in reasons


async def test_the_outbox_sends_once_or_tells(runner: object, tmp_path: Path) -> None:
    one, two, three = (Send("a@x.test", ("b@x.test",), b"%d" % number) for number in range(3))
    async with _away(tmp_path) as away:
        for message in (one, two, three):
            away.cache.put(message)
        away.answers = [OSError("no route"), "550 no", ""]
        tally = await away.sync()
        assert (tally.waiting, tally.conflicts, tally.done) == (1, 1, 1) and away.sent == [three]
        assert [row.conflict for row in away.cache.pending()] == ["", "550 no"]
        away.cache.trying(away.cache.pending()[0].id)  # it was cut off in the middle of the next run
        await away.sync()
        assert [row.conflict for row in away.cache.pending()] == [PERHAPS_SENT, "550 no"] and away.sent == [three]
        away.cache.again(away.cache.pending()[0].id)
        await away.sync()
        assert away.sent == [three, one]


async def test_a_move_that_was_cut_off_after_it_was_done(runner: object, tmp_path: Path, kind: str) -> None:
    async with _away(tmp_path) as away:
        alice, store = away.house.gate.accounts["alice"].id, away.house.store
        await away.sync()
        id = away.move(1, "Archive")
        away.cache.trying(id)
        inbox, archive = await store.mailbox(alice, "INBOX"), await store.mailbox(alice, "Archive")
        await store.move(alice, inbox.id, [1], archive.id)
        tally = await away.sync()
        assert (tally.done, tally.conflicts) == (1, 0)


async def test_a_mailbox_made_anew_is_fetched_anew(runner: object, tmp_path: Path, kind: str) -> None:
    async with _away(tmp_path) as away:
        alice, store = away.house.gate.accounts["alice"].id, away.house.store
        await store.create_mailbox(alice, "Old")
        await away.house.deliver("alice", b"Subject: a\r\n\r\n", path="Old")
        await away.sync()
        await store.delete_mailbox(alice, "Old")
        await store.create_mailbox(alice, "Old")
        await away.house.deliver("alice", b"Subject: b\r\n\r\n", path="Old")
        await away.sync()
        assert away.here() == await away.there()
