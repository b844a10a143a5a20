"""The outbound queue's contract, over each queue there is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from courriel.base.errors import CourrielError
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Claim, Mark, Progress, Queued, State, first_progress
from courriel.model.wishes import Deadline
from courriel.ports.queue import OutboundQueue
from tests.contracts.sqlite_place import open_sqlite_queue

Open = Callable[[], Awaitable[OutboundQueue]]


def queued(id: str, **changes: object) -> Queued:
    fields: dict[str, object] = {
        "id": id,
        "reverse_path": "alice@courriel.test",
        "recipients": (Recipient(Address("bob", "example.com")),),
        "queued_at": 1_800_000_000.25,
        "size_octets": 5,
    }
    return Queued(**(fields | changes))  # type: ignore[arg-type]


async def messages(queue: OutboundQueue) -> list[Queued]:
    return [entry.message for entry in await queue.entries()]


@pytest.fixture(params=["memory", "sqlite"])
def open_queue(request: pytest.FixtureRequest, ram_path: Path) -> Open:
    if request.param == "memory":
        from courriel.store.memory.queue import MemoryQueue

        async def open_memory() -> OutboundQueue:
            return MemoryQueue()

        return open_memory
    return lambda: open_sqlite_queue(ram_path)


@asynccontextmanager
async def opened(open_queue: Open) -> AsyncIterator[OutboundQueue]:
    queue = await open_queue()
    try:
        yield queue
    finally:
        await queue.close()


async def test_what_is_put_can_be_listed_and_read(runner: asyncio.Runner, open_queue: Open) -> None:
    full = queued(
        "b",
        reverse_path="",
        recipients=(
            Recipient(Address("böb", "exämple.com"), frozenset({"SUCCESS", "FAILURE"}), "utf-8;b\\x{F6}b"),
            Recipient(Address("carol", "example.net"), frozenset({"NEVER"})),
        ),
        queued_at=1_800_000_001.5,
        envid="QQ314159",
        ret="HDRS",
        smtputf8=True,
        body="8BITMIME",
        release_at=1_800_000_600.0,
        deadline=Deadline(1_800_001_000.0, True, True),
        priority=-4,
        require_tls=True,
        tls_optional=True,
        held=True,
        reason="nothing leaves this machine",
    )
    async with opened(open_queue) as queue:
        assert await messages(queue) == []
        await queue.put(queued("a"), b"hello")
        await queue.put(full, bytes(range(256)) * 1000)
        assert await messages(queue) == [queued("a"), full]
        assert await queue.content("a") == b"hello"
        assert await queue.content("b") == bytes(range(256)) * 1000


async def test_several_are_put_together(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("b", reason="first"), b"first")
        keyed = (Recipient(Address("x", "far.test"), key="1-aa"),)
        letter = queued("c", recipients=keyed, personal="Leave: {key}\r\n", forwarder="alice@courriel.test")
        await queue.put_all([(queued("a"), b"one"), (queued("b"), b"two"), (letter, b"three")])
        await queue.put_all([])
        entries = {entry.message.id: entry.message for entry in await queue.entries()}
        assert set(entries) == {"a", "b", "c"} and entries["b"].reason == "first" and entries["c"] == letter
        assert [await queue.content(id) for id in "abc"] == [b"one", b"first", b"three"]


async def test_put_twice_is_put_once(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("a", reason="another"), b"other")
        assert await messages(queue) == [queued("a")] and await queue.content("a") == b"hello"
        assert await asyncio.gather(*(queue.put(queued(f"m{n % 5}"), b"%d" % (n % 5)) for n in range(40)))
        assert sorted(message.id for message in await messages(queue)) == ["a", "m0", "m1", "m2", "m3", "m4"]
        assert await queue.content("m3") == b"3"


async def test_remove(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("b"), b"hello")
        assert await queue.remove("a") is True
        assert await queue.remove("a") is False and await queue.remove("never") is False
        assert [message.id for message in await messages(queue)] == ["b"]
        with pytest.raises(CourrielError):
            await queue.content("a")
        await queue.put(queued("a"), b"again")
        assert await queue.content("a") == b"again"


async def test_it_outlives_closing(runner: asyncio.Runner, open_queue: Open, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.name:
        pytest.skip("this queue is not meant to survive")
    async with opened(open_queue) as queue:
        for n in range(5):
            await queue.put(queued(str(n), queued_at=float(n)), b"x" * n * 5000)
        await queue.remove("2")
        before = list(await queue.entries())
    async with opened(open_queue) as queue:
        assert list(await queue.entries()) == before
        assert [len(await queue.content(id)) for id in "0134"] == [0, 5000, 15000, 20000]


# --- claims, marks, what is looked after ------------------------------------------------------------------------

NOW = 1_800_000_100.0
LATER = NOW + 600.0
TO_THREE = tuple(Recipient(Address(name, domain)) for name, domain in [("b", "x.org"), ("c", "y.org"), ("d", "X.org")])
GREYLISTED = Attempt(Result.DEFERRED, "4.7.1", "450 4.7.1 greylisted", Stage.RCPT, "mx.x.org", "192.0.2.1")
TAKEN = Attempt(Result.DELIVERED, "2.0.0", "250 2.0.0 ok", Stage.CONTENT, "mx.x.org", "192.0.2.1")
UNKNOWN = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 no such user", Stage.RCPT, "mx.x.org", "192.0.2.1")
DELIVERED = Progress(State.DELIVERED, tries=1, last=TAKEN)


async def places(queue: OutboundQueue, domain: str, now: float = NOW, most: int = 100) -> list[tuple[str, int]]:
    claims = await queue.claim(domain, now, LATER, most)
    return [(claim.message.id, place) for claim in claims for place in claim.places]


async def test_a_claim_lends_what_is_due_once(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a", recipients=TO_THREE), b"hello")
        assert set(queue.destinations()) == {"x.org", "y.org"}
        [claim] = await queue.claim("x.org", NOW, LATER, 100)
        assert claim == Claim(queued("a", recipients=TO_THREE), "x.org", (0, 2), (first_progress(claim.message),) * 2)
        assert await places(queue, "x.org") == []
        assert queue.destinations()["x.org"] == LATER
        assert await places(queue, "x.org", LATER) == [("a", 0), ("a", 2)]  # its time is over
        queue.give_back(await queue.claim("y.org", NOW, LATER, 100))
        assert await places(queue, "y.org") == [("a", 1)]


async def test_one_message_can_be_claimed_whole(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a", recipients=TO_THREE, not_before=LATER + 9.0), b"hello")
        await queue.put(queued("b", recipients=TO_THREE), b"hello")
        assert await places(queue, "y.org") == [("b", 1)]
        claims = await queue.claim_message("a", NOW, LATER)
        assert sorted((claim.domain, claim.places) for claim in claims) == [("x.org", (0, 2)), ("y.org", (1,))]
        assert await queue.claim_message("a", NOW, LATER) == []
        assert [claim.domain for claim in await queue.claim_message("b", NOW, LATER)] == ["x.org"]
        assert await queue.claim_message("never", NOW, LATER) == []
        queue.give_back(claims)
        assert await places(queue, "x.org", LATER + 9.0) == [("b", 0), ("b", 2), ("a", 0), ("a", 2)]


async def test_a_holder_who_knows_an_old_time_hides_nothing(runner: asyncio.Runner, open_queue: Open) -> None:
    """Claimed before it was due, held, let go, lent to somebody else: then the first holder gives it back."""
    async with opened(open_queue) as queue:
        await queue.put(queued("a", not_before=LATER), b"hello")
        [old] = await queue.claim_message("a", NOW, LATER)
        await queue.mark([Mark("a", 0, Progress(State.HELD))])
        await queue.mark([Mark("a", 0, Progress(State.WAITING, NOW))])
        assert await places(queue, "example.com") == [("a", 0)]
        queue.give_back([old])
        assert queue.destinations()["example.com"] <= NOW


async def test_longest_due_first_and_no_more_than_asked(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        for n in (3, 1, 2):
            await queue.put(queued(f"m{n}", queued_at=NOW - 10 + n), b"hello")
        await queue.put(queued("later", queued_at=NOW - 20, not_before=LATER), b"hello")
        assert await places(queue, "example.com", most=2) == [("m1", 0), ("m2", 0)]
        assert queue.destinations()["example.com"] == NOW - 7
        assert await places(queue, "example.com", most=2) == [("m3", 0)]
        assert queue.destinations()["example.com"] == LATER  # m4, and what is lent
        await queue.mark([Mark(f"m{n}", 0, DELIVERED) for n in (1, 2, 3)])
        assert queue.destinations()["example.com"] == LATER
        assert await places(queue, "example.com", NOW + 599.0) == []


async def test_one_message_waits_for_a_round_not_for_all(runner: asyncio.Runner, open_queue: Open) -> None:
    """Fifty of one account, one of another, two of a third; an account is one, whatever address it sends as."""
    async with opened(open_queue) as queue:
        for n in range(50):
            await queue.put(queued(f"a{n}", reverse_path=f"a+{n}@courriel.test", account="1"), b"")
        for id, account in [("b0", "2"), ("c0", "3"), ("c1", "3")]:
            await queue.put(queued(id, queued_at=NOW, account=account), b"")
        first = await places(queue, "example.com", most=6)
        assert sorted(id for id, _ in first) == ["a0", "a1", "a2", "b0", "c0", "c1"]
        assert {id[0] for id, _ in first[:3]} == {"a", "b", "c"}
        assert [id for id, _ in await places(queue, "example.com", most=3)] == ["a3", "a4", "a5"]


async def test_turns_go_round_when_there_are_more_senders_than_a_claim_takes(
    runner: asyncio.Runner, open_queue: Open
) -> None:
    async with opened(open_queue) as queue:
        for n in range(40):
            await queue.put(queued(f"m{n}", reverse_path=f"s{n % 5}@courriel.test", queued_at=NOW - 99 + n), b"")
        served: list[int] = []
        while found := await places(queue, "example.com", most=2):
            served += [int(id[1:]) % 5 for id, _ in found]
        rounds = [set(served[at : at + 5]) for at in range(0, 40, 5)]
        assert len(served) == 40 and rounds[:7] == [{0, 1, 2, 3, 4}] * 7


async def test_only_what_is_due_has_a_turn(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        for n in range(10):
            await queue.put(queued(f"a{n}", account="1", not_before=LATER if n < 4 else 0.0), b"")
            await queue.put(queued(f"b{n}", account="2", not_before=LATER), b"")
        found = [await places(queue, "example.com", most=4) for _ in range(3)]
        assert [[id for id, _ in one] for one in found] == [["a4", "a5", "a6", "a7"], ["a8", "a9"], []]


async def test_marks_move_recipients_and_finish_messages(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a", recipients=TO_THREE), b"hello")
        await queue.claim("x.org", NOW, LATER, 100)
        waits = Progress(State.WAITING, LATER, 1, GREYLISTED)
        await queue.mark([Mark("a", 0, DELIVERED), Mark("a", 2, waits), Mark("gone", 0, DELIVERED)])
        entry = await queue.entry("a")
        assert entry is not None
        assert entry.progress == (DELIVERED, first_progress(entry.message), waits)
        assert queue.destinations()["x.org"] == LATER
        assert await places(queue, "x.org") == [] and await places(queue, "x.org", LATER) == [("a", 2)]
        await queue.mark([Mark("a", 2, DELIVERED), Mark("a", 1, DELIVERED)])
        assert await queue.entry("a") is None and await queue.entries() == []


async def test_a_message_stays_while_a_report_is_owed(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("b"), b"hello")
        failed = Progress(State.FAILED, tries=1, last=UNKNOWN, owes=True)
        await queue.mark([Mark("a", 0, failed), Mark("b", 0, failed)])
        assert [entry.message.id for entry in await queue.owing(1)] == ["a"]
        assert [entry.progress for entry in await queue.owing(9)] == [(failed,), (failed,)]
        await queue.mark([Mark("a", 0, Progress(State.FAILED, tries=1, last=UNKNOWN))])
        assert [entry.message.id for entry in await queue.owing(9)] == ["b"]
        assert await queue.entry("a") is None
        assert await places(queue, "example.com") == [] and "example.com" not in queue.destinations()


async def test_higher_priorities_are_lent_first_and_lower_ones_still_move(
    runner: asyncio.Runner, open_queue: Open
) -> None:
    """Each step of priority is worth a minute of waiting (RFC 6710 §4): an old message is not overtaken for ever."""
    async with opened(open_queue) as queue:
        for id, priority, queued_at in [
            ("usual", 0, NOW - 10),
            ("low", -3, NOW - 20),
            ("old and low", -9, NOW - 700),
            ("high", 4, NOW - 1),
            ("high and not due", 9, NOW + 5),
        ]:
            await queue.put(queued(id, priority=priority, queued_at=queued_at), b"hello")
        assert await places(queue, "example.com", most=2) == [("high", 0), ("old and low", 0)]
        assert queue.destinations()["example.com"] <= NOW
        assert await places(queue, "example.com") == [("usual", 0), ("low", 0)]
        assert queue.destinations()["example.com"] == NOW + 5
        assert await places(queue, "example.com", NOW + 6) == [("high and not due", 0)]


async def test_priorities_outlive_closing(
    runner: asyncio.Runner, open_queue: Open, request: pytest.FixtureRequest
) -> None:
    if "memory" in request.node.name:
        pytest.skip("this queue is not meant to survive")
    async with opened(open_queue) as queue:
        await queue.put(queued("a", priority=-2), b"hello")
        await queue.put(queued("b", priority=2), b"hello")
    async with opened(open_queue) as queue:
        assert await places(queue, "example.com") == [("b", 0), ("a", 0)]


async def test_held_ones_are_not_due_until_released(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        told: list[str] = []
        queue.on_change(told.append)
        await queue.put(queued("a", held=True), b"hello")
        assert dict(queue.destinations()) == {} and await places(queue, "example.com") == [] and told == []
        await queue.mark([Mark("a", 0, Progress(State.WAITING, NOW))])
        assert told == ["example.com"] and await places(queue, "example.com") == [("a", 0)]


async def test_whoever_asked_hears_of_new_work(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        told: list[str] = []
        queue.on_change(told.append)
        await queue.put(queued("a", recipients=TO_THREE), b"hello")
        assert sorted(set(told)) == ["x.org", "y.org"]
        claims = await queue.claim("x.org", NOW, LATER, 100)
        told.clear()
        queue.give_back(claims)
        assert set(told) == {"x.org"}


async def test_the_map_of_destinations_forgets_what_is_done(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("a"), b"hello")
        await queue.put(queued("b"), b"hello")
        await queue.claim("example.com", NOW, LATER, 100)
        assert dict(queue.destinations()) == {"example.com": LATER}
        await queue.mark([Mark("a", 0, DELIVERED)])
        assert dict(queue.destinations()) == {"example.com": LATER}
        await queue.mark([Mark("b", 0, DELIVERED)])
        assert dict(queue.destinations()) == {}


async def test_old_ones_are_named_when_it_is_time(runner: asyncio.Runner, open_queue: Open) -> None:
    async with opened(open_queue) as queue:
        await queue.put(queued("young", look_at=LATER), b"hello")
        await queue.put(queued("never"), b"hello")
        await queue.put(queued("old", look_at=NOW), b"hello")
        assert [entry.message.id for entry in await queue.overdue(NOW, 9)] == ["old"]
        assert [entry.message.id for entry in await queue.overdue(LATER, 9)] == ["young", "old"]
        assert [entry.message.id for entry in await queue.overdue(LATER, 1)] == ["old"]
        await queue.look_again("old", LATER + 1)
        assert [entry.message.id for entry in await queue.overdue(LATER, 9)] == ["young"]
        await queue.look_again("young", 0.0)
        assert await queue.overdue(LATER, 9) == []


async def test_claims_end_with_the_process_and_marks_do_not(
    runner: asyncio.Runner, open_queue: Open, request: pytest.FixtureRequest
) -> None:
    if "memory" in request.node.name:
        pytest.skip("this queue is not meant to survive")
    async with opened(open_queue) as queue:
        await queue.put(queued("a", recipients=TO_THREE), b"hello")
        await queue.claim("x.org", NOW, LATER, 100)
        await queue.mark([Mark("a", 0, DELIVERED)])
    async with opened(open_queue) as queue:
        assert set(queue.destinations()) == {"x.org", "y.org"}
        assert await places(queue, "x.org") == [("a", 2)]


NEW_WITH_2 = ("not_before", "expire_at", "look_at")
NEW_WITH_3 = ("release_at", "deadline", "priority", "require_tls", "tls_optional", "account")


async def test_a_queue_of_the_first_version_is_read(runner: asyncio.Runner, ram_path: Path) -> None:
    import apsw

    old = apsw.Connection(str(ram_path / "queue.db"))
    old.execute(
        "CREATE TABLE queue (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, message BLOB NOT NULL,"
        " hash BLOB NOT NULL, size INTEGER NOT NULL, codec INTEGER NOT NULL, data BLOB NOT NULL)"
    )
    kept = msgspec.to_builtins(queued("a", held=True, reason="why", recipients=TO_THREE))
    for new in (*NEW_WITH_2, *NEW_WITH_3):
        del kept[new]
    row = ("a", msgspec.msgpack.encode(kept), hashlib.sha256(b"hello").digest(), 5, 0, b"hello")
    old.execute("INSERT INTO queue (id, message, hash, size, codec, data) VALUES (?,?,?,?,?,?)", row)
    old.close()
    async with opened(lambda: open_sqlite_queue(ram_path)) as queue:
        [entry] = await queue.entries()
        assert entry.message == queued("a", held=True, reason="why", recipients=TO_THREE)
        assert [progress.state for progress in entry.progress] == [State.HELD] * 3
        assert await queue.content("a") == b"hello"


async def test_a_queue_of_the_second_version_is_read(runner: asyncio.Runner, ram_path: Path) -> None:
    """It has no priorities and no sharers; these are in the messages."""
    import apsw

    async with opened(lambda: open_sqlite_queue(ram_path)) as queue:
        for n, account in enumerate("1112"):
            await queue.put(queued(str(n), account=account), b"hello")
    old = apsw.Connection(str(ram_path / "queue.db"))
    old.execute(
        "DROP INDEX recipient_turn; DROP INDEX recipient_due; ALTER TABLE recipient DROP COLUMN sharer;"
        "ALTER TABLE recipient DROP COLUMN priority;"
        "CREATE INDEX recipient_due ON recipient (domain, next_at) WHERE state=0; PRAGMA user_version=2"
    )
    old.close()
    async with opened(lambda: open_sqlite_queue(ram_path)) as queue:
        assert sorted(id for id, _ in await places(queue, "example.com", most=2)) == ["0", "3"]
        await queue.put(queued("b", priority=9), b"hello")
        assert (await places(queue, "example.com"))[0] == ("b", 0)


async def test_claims_go_by_their_indexes(runner: asyncio.Runner, ram_path: Path) -> None:
    """However much waits: no table is read from end to end, nothing is sorted."""
    import apsw

    from courriel.store.sqlite import claims

    async with opened(lambda: open_sqlite_queue(ram_path)):
        pass
    file = apsw.Connection(str(ram_path / "queue.db"))
    for sql, values in [
        (claims.LONGEST_DUE, ("example.com", 0, 50)),
        (claims.DUE_OF_SHARER, ("example.com", 1, NOW, 0, 50)),
        (claims.SHARERS, ("example.com", -1, 50)),
    ]:
        plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        steps = [step for step in plan if "recipient" in step]
        assert steps and all(step.startswith("SEARCH recipient USING COVERING INDEX") for step in steps), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan


async def test_contents_at_hand_are_bounded_and_let_go(
    runner: asyncio.Runner, ram_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is at hand or not, contents are right; nothing stays at hand when the claims have ended."""
    from courriel.store.sqlite import claims
    from courriel.store.sqlite.queue import SqliteQueue

    monkeypatch.setattr(claims, "AT_HAND_OCTETS", 3)
    async with opened(lambda: open_sqlite_queue(ram_path)) as queue:
        assert isinstance(queue, SqliteQueue)
        for n in range(3):
            await queue.put(queued(f"m{n}"), b"hello %d" % n)
        lent = await queue.claim("example.com", NOW, LATER, 100)
        assert 0 < queue._claims._at_hand_octets < 20
        assert [await queue.content(f"m{n}") for n in range(3)] == [b"hello %d" % n for n in range(3)]
        await queue.claim("example.com", LATER, LATER + 1.0, 100)
        queue.give_back(lent)
        await queue.mark([Mark(f"m{n}", 0, DELIVERED) for n in range(3)])
        assert queue._claims._at_hand_octets == 0 and not queue._claims._at_hand
