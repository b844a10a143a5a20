"""The relay over a real queue: scripted servers, a clock turned by hand, every outcome of an attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.delivery.relay.links import Outgoing, Unreached
from courriel.delivery.relay.relay import Relay
from courriel.delivery.relay.routing import Located, NoRoute
from courriel.delivery.relay.settings import RelaySettings
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Entry, Mark, Progress, Queued, State
from courriel.model.wishes import Deadline
from courriel.net.tls_policy import OPPORTUNISTIC, TlsPolicy
from courriel.store.memory.queue import MemoryQueue
from tests.delivery.relay.zone import Zone

START = 1_800_000_000.0
TAKEN = Attempt(Result.DELIVERED, "2.0.0", "250 2.0.0 ok", Stage.CONTENT)
LATER = Attempt(Result.DEFERRED, "4.7.1", "450 4.7.1 greylisted", Stage.RCPT)
UNKNOWN = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 no such user", Stage.RCPT)
CROWDED = Attempt(Result.DEFERRED, "4.5.3", "452 4.5.3 too many", Stage.RCPT, another_transaction=True)
UNPROVEN = Attempt(Result.DEFERRED, "4.7.5", "no valid certificate", Stage.POLICY)
REFUSED = Attempt(Result.DEFERRED, "4.4.1", "connection refused", Stage.CONNECT)


@dataclass
class Server:
    """One address: ``plan`` has what it says to the next recipients, TAKEN where it is used up."""

    up: bool = True
    plan: deque[Attempt] = field(default_factory=deque)
    got: list[tuple[str, str]] = field(default_factory=list)
    went: list[Outgoing] = field(default_factory=list)
    calls: int = 0
    open: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    per_message: int = 100
    messages_per_link: int = 10**9


class ScriptedLink:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._sent = 0
        self._promised: Outgoing | None = None
        server.open += 1
        server.most = max(server.most, server.open)

    @property
    def is_usable(self) -> bool:
        return self._server.up and self._sent < self._server.messages_per_link

    async def send(self, outgoing: Outgoing, following: Outgoing | None) -> Sequence[Attempt]:
        assert self._promised in (None, outgoing), "something else was promised"
        self._promised = following
        server = self._server
        if server.gate is not None:
            await server.gate.wait()
        await asyncio.sleep(0)
        self._sent += 1
        server.went.append(outgoing)
        attempts = []
        for place, recipient in enumerate(outgoing.recipients):
            attempt = CROWDED if place >= server.per_message else server.plan.popleft() if server.plan else TAKEN
            attempts.append(attempt)
            if attempt is TAKEN:
                server.got.append((outgoing.message.id, str(recipient.address)))
        return attempts

    async def close(self) -> None:
        self._server.open -= 1


class ScriptedCarrier:
    def __init__(self, servers: dict[str, Server]) -> None:
        self.servers = servers
        self.strict = False
        """Whether nobody can be reached unless the sender has waived what the domain asks for."""

    async def policy(self, domain: str, located: Located, lax: bool) -> TlsPolicy:
        if self.strict and not lax:
            raise NoRoute(UNPROVEN)
        return OPPORTUNISTIC

    async def connect(self, located: Located, policy: TlsPolicy) -> ScriptedLink:
        server = self.servers[located.ips[0]]
        server.calls += 1
        await asyncio.sleep(0)
        if not server.up:
            raise Unreached(REFUSED)
        return ScriptedLink(server)


ZONE = Zone(
    mx={"x.org": [(10, "a.x.org"), (20, "b.x.org")], "y.org": [(10, "m.y.org")], "null.org": [(0, "")]}
    | {f"d{n}.org": [(10, "m.y.org")] for n in range(6)},
    a={"a.x.org": ["192.0.2.1"], "b.x.org": ["192.0.2.2"], "m.y.org": ["192.0.2.3"]},
)


class Scene:
    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock(START)
        self.queue = MemoryQueue()
        self.servers = {f"192.0.2.{n}": Server() for n in (1, 2, 3)}
        self.first, self.second, self.third = self.servers.values()
        fields: dict[str, object] = {"linger_s": 0.0, "grace_s": 0.2}
        self.settings = RelaySettings("mail.courriel.test", **(fields | settings))  # type: ignore[arg-type]
        self.carrier = ScriptedCarrier(self.servers)
        self.relay = Relay(self.queue, ZONE, self.carrier, self.settings, self.clock, chance=lambda: 0.5)

    async def put(self, id: str, *to: str, **fields: object) -> None:
        recipients = tuple(Recipient(Address(*one.split("@"))) for one in to or ("b@x.org",))
        message = Queued(id, "alice@courriel.test", recipients, self.clock.now(), 5)
        for name, value in fields.items():
            message = type(message)(**{**{f: getattr(message, f) for f in message.__struct_fields__}, name: value})
        await self.queue.put(message, b"hello")

    async def settle(self) -> None:
        """Until no worker is left."""
        self.relay.look()
        await self.until(lambda: not self.relay.is_busy)

    async def until(self, so: Callable[[], bool]) -> None:
        for _ in range(10_000):
            await asyncio.sleep(0)
            if so():
                return
        raise AssertionError("it does not come true")

    async def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.settle()

    async def states(self, id: str) -> list[State]:
        entry = await self.queue.entry(id)
        return [] if entry is None else [progress.state for progress in entry.progress]

    async def entry(self, id: str) -> Entry:
        entry = await self.queue.entry(id)
        assert entry is not None
        return entry


@asynccontextmanager
async def scene(**settings: object) -> AsyncIterator[Scene]:
    one = Scene(**settings)
    one.relay.start()
    yield one
    await one.relay.stop()


async def test_a_recipient_with_a_key_has_an_envelope_and_fields_of_their_own(runner: asyncio.Runner) -> None:
    async with scene() as one:
        keys = {"a@x.org": "1-aa", "b@x.org": "2-bb", "c@x.org": "", "d@x.org": ""}
        recipients = tuple(Recipient(Address(*to.split("@")), key=key) for to, key in keys.items())
        message = Queued("m1", "dev-bounces@x.test", recipients, START, 5, personal="Leave: dev+{key}\r\n")
        await one.queue.put(message, b"hello")
        await one.settle()
        sent = [(went.reverse_path, len(went.recipients), went.content) for went in one.first.went]
        assert sent == [
            ("dev-bounces+1-aa@x.test", 1, b"Leave: dev+1-aa\r\nhello"),
            ("dev-bounces+2-bb@x.test", 1, b"Leave: dev+2-bb\r\nhello"),
            ("dev-bounces@x.test", 2, b"hello"),
        ]
        assert await one.queue.entry("m1") is None


async def test_what_a_server_that_hangs_up_did_not_hear_is_not_counted_as_tried(runner: asyncio.Runner) -> None:
    async with scene() as one:
        one.first.messages_per_link = 2
        recipients = tuple(Recipient(Address(f"m{n}", "x.org"), key=f"{n}-k") for n in range(5))
        await one.queue.put(Queued("m1", "dev-bounces@x.test", recipients, START, 5), b"hello")
        await one.settle()
        assert len(one.first.got) == 5 and one.first.calls == 3
        assert await one.queue.entry("m1") is None


async def test_delivered_and_gone(runner: asyncio.Runner) -> None:
    async with scene() as s:
        await s.put("a")
        await s.settle()
        assert s.first.got == [("a", "b@x.org")] and s.second.calls == 0
        assert await s.queue.entries() == []


async def test_one_connection_for_many_messages(runner: asyncio.Runner) -> None:
    async with scene(batch=10, lane_connections=1) as s:
        for n in range(100):
            await s.put(f"m{n:02}")
        await s.settle()
        assert s.first.calls == 1 and [id for id, _ in s.first.got] == [f"m{n:02}" for n in range(100)]


async def test_more_connections_when_much_waits_and_not_more_than_the_limit(runner: asyncio.Runner) -> None:
    async with scene(batch=5, lane_connections=4) as s:
        s.first.gate = asyncio.Event()
        for n in range(100):
            await s.put(f"m{n:02}")
        for _ in range(100):
            await asyncio.sleep(0)
        assert s.first.open == 4
        s.first.gate.set()
        await s.settle()
        assert s.first.most == 4 and len({id for id, _ in s.first.got}) == len(s.first.got) == 100


async def test_the_second_host_takes_over(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.up = False
        await s.put("a")
        await s.settle()
        assert s.first.calls == 1 and s.second.got == [("a", "b@x.org")]


async def test_higher_priorities_leave_first(runner: asyncio.Runner) -> None:
    async with scene(lane_connections=1) as s:
        await s.put("probe", held=True)
        for id, priority in (("a", -1), ("b", 0), ("c", 4)):
            await s.put(id, priority=priority)
        await s.settle()
        assert [id for id, _ in s.first.got] == ["c", "b", "a"]


async def test_what_is_late_and_must_come_back_is_not_sent(runner: asyncio.Runner) -> None:
    """RFC 2852, mode R: the destination answers again, but too late."""
    async with scene() as s:
        s.first.plan.append(LATER)
        await s.put("a", deadline=Deadline(START + 600, True), expire_at=START + 600)
        await s.settle()
        s.clock.advance(601.0)
        await s.settle()
        [progress] = (await s.entry("a")).progress
        assert progress.state is State.FAILED and progress.owes and s.first.got == []
        assert progress.last is not None and progress.last.status == "5.4.7"


async def test_what_is_late_and_need_not_come_back_goes_on(runner: asyncio.Runner) -> None:
    async with scene() as s:
        await s.put("a", deadline=Deadline(START - 1))
        await s.settle()
        assert s.first.got == [("a", "b@x.org")]


async def test_a_traced_message_is_reported_though_the_other_side_reports_too(runner: asyncio.Runner) -> None:
    """RFC 2852, by-trace."""
    reporting = msgspec.structs.replace(TAKEN, passed_dsn=True)
    async with scene() as s:
        s.first.plan += [reporting, reporting]
        await s.put("a", deadline=Deadline(START + 600, False, True))
        await s.put("b", deadline=Deadline(START + 600))
        await s.settle()
        assert [(one.message.id, one.progress[0].owes) for one in await s.queue.entries()] == [("a", True)]


async def test_tls_is_waived_for_one_message_and_not_for_the_next(runner: asyncio.Runner) -> None:
    """RFC 8689 §4.2.2: "TLS-Required: No" goes by a connection that no other message uses."""
    async with scene(lane_connections=1) as s:
        s.carrier.strict = True
        await s.put("a", tls_optional=True)
        await s.put("b")
        await s.settle()
        assert s.first.got == [("a", "b@x.org")]
        assert (await s.entry("b")).progress[0].last == UNPROVEN
        s.carrier.strict = False
        await s.after(70.0)
        await s.put("c", tls_optional=True)
        await s.settle()
        assert [id for id, _ in s.first.got] == ["a", "b", "c"]


async def test_greylisting_and_then_success(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.plan.append(LATER)
        await s.put("a")
        await s.settle()
        [progress] = (await s.entry("a")).progress
        assert progress == Progress(State.WAITING, START + 60.0, 1, LATER, START)
        await s.after(59.0)
        assert s.first.calls == 1
        await s.after(1.5)
        assert s.first.got == [("a", "b@x.org")] and await s.states("a") == []


async def test_each_recipient_has_its_own_outcome(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.plan.extend([TAKEN, UNKNOWN, LATER])
        await s.put("a", "one@x.org", "two@x.org", "three@x.org", "four@y.org")
        await s.settle()
        assert await s.states("a") == [State.DELIVERED, State.FAILED, State.WAITING, State.DELIVERED]
        assert [progress.owes for progress in (await s.entry("a")).progress] == [False, True, False, False]
        await s.after(61.0)
        assert s.first.got == [("a", "one@x.org"), ("a", "three@x.org")]
        assert await s.states("a") == [State.DELIVERED, State.FAILED, State.DELIVERED, State.DELIVERED]


async def test_a_report_that_fails_is_not_reported(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.plan.append(UNKNOWN)
        await s.put("a", reverse_path="")
        await s.settle()
        assert await s.states("a") == []


async def test_success_is_reported_when_asked_for_and_not_passed_on(runner: asyncio.Runner) -> None:
    asks = (Recipient(Address("b", "x.org"), frozenset({"SUCCESS"})),)
    async with scene() as s:
        await s.put("a", recipients=asks)
        await s.put("b", recipients=asks)
        s.first.plan.extend([TAKEN, Attempt(Result.DELIVERED, "2.0.0", "250 ok", Stage.CONTENT, passed_dsn=True)])
        await s.settle()
        assert await s.states("a") == [State.DELIVERED] and await s.states("b") == []


async def test_too_many_recipients_go_in_another_transaction_at_once(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.per_message = 2
        await s.put("a", *[f"u{n}@x.org" for n in range(5)])
        await s.settle()
        assert len(s.first.got) == 5 and s.first.calls == 1 and await s.states("a") == []


async def test_a_server_that_takes_no_recipient_at_all_is_tried_later(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.per_message = 0
        await s.put("a", "u@x.org")
        await s.settle()
        assert await s.states("a") == [State.WAITING]


async def test_connections_that_end_are_opened_again(runner: asyncio.Runner) -> None:
    async with scene(lane_connections=1) as s:
        s.first.messages_per_link = 3
        for n in range(10):
            await s.put(f"m{n}")
        await s.settle()
        assert len(s.first.got) == 10 and s.first.calls == 4 and s.first.open == 0


async def test_it_expires_in_the_end(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.first.plan.extend([LATER] * 100)
        await s.put("a")
        for _ in range(200):
            await s.after(3_600.0)
            if await s.states("a") != [State.WAITING]:
                break
        entry = await s.entry("a")
        assert await s.states("a") == [State.EXPIRED] and entry.progress[0].owes
        assert s.clock.now() - START >= 5 * 86_400.0 and 30 <= entry.progress[0].tries <= 40


async def test_a_dead_destination_costs_one_call_an_interval(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.third.up = False
        for n in range(500):
            await s.put(f"m{n}", f"u{n}@y.org")
        await s.put("other", "b@x.org")
        await s.settle()
        assert s.first.got == [("other", "b@x.org")] and s.third.calls == 1
        for _ in range(5):
            await s.after(30.0)
        assert s.third.calls == 2  # the pause doubles: 60 s, then 120 s
        tried = [entry for entry in await s.queue.entries() if entry.progress[0].tries]
        assert len(tried) == 2
        lane = s.relay.lane("y.org")
        assert lane is not None and lane.failure == REFUSED
        s.third.up = True
        await s.after(300.0)
        assert len(s.third.got) == 500 and await s.queue.entries() == []


async def test_a_lane_without_a_connection_waits_for_a_batch_not_for_all(runner: asyncio.Runner) -> None:
    """One connection for everybody: the second destination has its turn between two batches of the first."""
    async with scene(connections=1, batch=3) as s:
        for n in range(30):
            await s.put(f"x{n:02}")
        await s.put("y", "b@y.org")
        s.first.gate = asyncio.Event()
        s.relay.look()
        for _ in range(20):
            await asyncio.sleep(0)
        s.first.gate.set()
        await s.until(lambda: bool(s.third.got))
        assert len(s.first.got) <= 6
        await s.settle()
        assert len(s.first.got) == 30 and s.first.most == 1 and await s.queue.entries() == []


async def test_a_connection_does_not_linger_while_others_wait_for_one(runner: asyncio.Runner) -> None:
    async with scene(connections=1, linger_s=3_600.0) as s:
        await s.put("x")
        await s.until(lambda: bool(s.first.got))
        for _ in range(20):
            await asyncio.sleep(0)
        assert s.first.open == 1
        await s.put("y", "b@y.org")
        for _ in range(50):
            await asyncio.sleep(0)
        assert s.first.open == 0 and s.third.got == [("y", "b@y.org")]


async def test_those_that_did_not_answer_last_time_leave_room_for_others(runner: asyncio.Runner) -> None:
    async with scene(connections=5, probes=2) as s:
        s.third.up = False
        for n in range(6):
            await s.put(f"m{n}", f"b@d{n}.org")
        await s.settle()
        s.third.up, s.third.gate = True, asyncio.Event()
        s.clock.advance(61.0)
        s.relay.look()
        await s.put("x")
        await s.until(lambda: bool(s.first.got))
        assert s.third.open == 2
        s.third.gate.set()
        for _ in range(5):
            await s.settle()
        assert len(s.third.got) == 6


async def test_a_person_can_have_it_tried_at_once(runner: asyncio.Runner) -> None:
    async with scene() as s:
        s.third.up = False
        await s.put("a", "b@y.org")
        await s.settle()
        s.third.up = True
        await s.queue.mark([Mark("a", 0, Progress(State.WAITING, s.clock.now()))])
        s.relay.wake("y.org")
        await s.settle()
        assert s.third.got == [("a", "b@y.org")]


async def test_a_domain_that_takes_no_mail_fails_at_once(runner: asyncio.Runner) -> None:
    async with scene(batch=2) as s:
        for n in range(5):
            await s.put(f"m{n}", "b@null.org")
        await s.put("typo", "b@nowhere.org")
        await s.settle()
        for id, status in [*((f"m{n}", "5.1.10") for n in range(5)), ("typo", "5.1.2")]:
            [progress] = (await s.entry(id)).progress
            assert progress.state is State.FAILED and progress.last is not None and progress.last.status == status


async def test_without_dns_it_waits(runner: asyncio.Runner) -> None:
    async with scene() as s:
        ZONE.failing.add("x.org")
        try:
            await s.put("a")
            await s.settle()
            assert await s.states("a") == [State.WAITING] and s.first.calls == 0
        finally:
            ZONE.failing.clear()
        await s.after(70.0)
        assert s.first.got == [("a", "b@x.org")]


async def test_held_mail_stays(runner: asyncio.Runner) -> None:
    async with scene() as s:
        await s.put("a", held=True)
        await s.after(86_400.0 * 30)
        assert await s.states("a") == [State.HELD] and s.first.calls == 0


async def test_a_stop_gives_back_what_was_not_tried(runner: asyncio.Runner) -> None:
    s = Scene(batch=10, lane_connections=1)
    s.relay.start()
    s.first.gate = asyncio.Event()
    for n in range(10):
        await s.put(f"m{n}")
    for _ in range(20):
        await asyncio.sleep(0)
    assert s.queue.destinations()["x.org"] > s.clock.now()  # all are lent
    stopping = asyncio.ensure_future(s.relay.stop())
    await asyncio.sleep(0)
    s.first.gate.set()
    await stopping
    assert s.first.got == [("m0", "b@x.org")] and await s.states("m0") == []
    assert len(await s.queue.claim("x.org", s.clock.now(), s.clock.now() + 1, 100)) == 9


async def test_a_stop_does_not_wait_for_ever(runner: asyncio.Runner) -> None:
    s = Scene(lane_connections=1)
    s.relay.start()
    s.first.gate = asyncio.Event()
    await s.put("a")
    for _ in range(20):
        await asyncio.sleep(0)
    await s.relay.stop()
    assert await s.states("a") == [State.WAITING]
    assert len(await s.queue.claim("x.org", s.clock.now(), s.clock.now() + 1, 100)) == 1


async def test_everything_over_one_smart_host(runner: asyncio.Runner) -> None:
    from courriel.delivery.relay.settings import NextHop

    async with scene(smart_host=NextHop("192.0.2.3", 2525), lane_connections=1) as s:
        for n in range(20):
            await s.put(f"m{n}", f"u@d{n}.org")
        await s.settle()
        assert len(s.third.got) == 20 and s.third.calls == 1


async def test_an_open_connection_waits_a_moment_for_more(runner: asyncio.Runner) -> None:
    async with scene(linger_s=5.0) as s:
        for n in range(3):
            await s.put(f"m{n}")
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(s.first.got) == n + 1 and s.first.open == 1
        assert s.first.calls == 1


@pytest.mark.parametrize("lost", [1, 2])
async def test_marks_that_cannot_be_written_lose_nothing(
    runner: asyncio.Runner, lost: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from courriel.base.errors import Unavailable

    async with scene(lane_connections=1) as s:
        count, unwritten = 0, 0
        real = s.queue.mark

        async def mark(marks: Sequence[Mark]) -> None:
            nonlocal count, unwritten
            count += 1
            if count == lost:
                unwritten = len(marks)
                raise Unavailable("disk full")
            await real(marks)

        monkeypatch.setattr(s.queue, "mark", mark)
        for n in range(3):
            await s.put(f"m{n}")
        await s.settle()
        assert len(await s.queue.entries()) == unwritten > 0
        await s.after(s.settings.lease_s + 1.0)
        assert await s.queue.entries() == [] and len(s.first.got) == 3 + unwritten


async def test_a_damaged_copy_fails_and_the_others_go(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    from courriel.base.errors import Damaged

    async with scene(lane_connections=1) as s:
        real = s.queue.content

        async def content(id: str) -> bytes:
            if id == "m1":
                raise Damaged("checksum")
            return await real(id)

        monkeypatch.setattr(s.queue, "content", content)
        for n in range(3):
            await s.put(f"m{n}")
        await s.settle()
        assert [id for id, _ in s.first.got] == ["m0", "m2"]
        [entry] = await s.queue.entries()
        assert entry.message.id == "m1" and entry.progress[0].state is State.FAILED and entry.progress[0].owes
