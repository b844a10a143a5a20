"""Requests about the queue: filters, orders, what is shown; over a queue in memory."""

from __future__ import annotations

import asyncio

import pytest

from courriel.app.queue_desk import QueueDesk
from courriel.base.errors import FormatError
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Mark, Progress, Queued, State
from courriel.model.refusals import NotQueued
from courriel.ports.administration import QueueFilter
from courriel.store.memory.queue import MemoryQueue

NOW = 1_800_000_000.0
CONTENT = b"Subject: hello\r\nFrom: a@x.org\r\n\r\nbody\r\n"
GREYLISTED = Attempt(Result.DEFERRED, "4.7.1", "450 4.7.1 greylisted", Stage.RCPT, "mx.y.org", "192.0.2.1")


async def house() -> tuple[MemoryQueue, QueueDesk]:
    queue = MemoryQueue()
    for id, sender, to, held in [
        ("m1", "alice@x.org", "b@y.org c@z.org", False),
        ("m2", "bob@x.org", "d@Y.org", True),
        ("m3", "", "e@sub.y.org", False),
    ]:
        people = tuple(Recipient(Address(*one.split("@"))) for one in to.split())
        reason = "nothing leaves this machine" if held else ""
        await queue.put(Queued(id, sender, people, NOW, len(CONTENT), held=held, reason=reason), CONTENT)
    await queue.mark([Mark("m1", 0, Progress(State.WAITING, NOW + 60.0, 1, GREYLISTED))])
    return queue, QueueDesk(queue, lambda: NOW + 5.0, None)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (QueueFilter(), {"m1": ["b@y.org", "c@z.org"], "m2": ["d@Y.org"], "m3": ["e@sub.y.org"]}),
        (QueueFilter(ids=("m2", "m9")), {"m2": ["d@Y.org"]}),
        (QueueFilter(recipient="y.org"), {"m1": ["b@y.org"], "m2": ["d@Y.org"]}),
        (QueueFilter(recipient="C@z.org"), {"m1": ["c@z.org"]}),
        (QueueFilter(sender="@x.org"), {"m1": ["b@y.org", "c@z.org"], "m2": ["d@Y.org"]}),
        (QueueFilter(sender="bob@x.org", state="held"), {"m2": ["d@Y.org"]}),
        (QueueFilter(sender="bob@x.org", state="waiting"), {}),
    ],
)
async def test_filters(runner: asyncio.Runner, which: QueueFilter, found: dict[str, list[str]]) -> None:
    _, desk = await house()
    assert {row["id"]: row["to"] for row in await desk.rows(which)} == found


async def test_rows_say_why(runner: asyncio.Runner) -> None:
    _, desk = await house()
    first, second, third = await desk.rows(QueueFilter())
    assert (first["state"], first["tries"], first["reason"]) == ("waiting", 1, "mx.y.org: 450 4.7.1 greylisted")
    assert first["next_at"] == "2027-01-15T08:00:00+00:00"
    assert (second["state"], second["reason"], second["next_at"]) == ("held", "nothing leaves this machine", "")
    assert third["reason"] == ""


async def test_show(runner: asyncio.Runner) -> None:
    _, desk = await house()
    shown = await desk.show("m1")
    assert shown["header"] == "Subject: hello\r\nFrom: a@x.org\r\n\r\n"
    first, second = shown["recipients"]
    assert first["last"]["reply"] == "450 4.7.1 greylisted" and first["last"]["stage"] == "rcpt"
    assert second["last"] is None and second["state"] == "waiting"
    with pytest.raises(NotQueued):
        await desk.show("m9")


async def test_orders_change_what_they_are_for(runner: asyncio.Runner) -> None:
    queue, desk = await house()

    async def states() -> dict[str, list[tuple[State, float]]]:
        return {
            entry.message.id: [(one.state, one.next_at) for one in entry.progress] for entry in await queue.entries()
        }

    assert await desk.order("hold", QueueFilter(recipient="y.org")) == {"messages": 1}
    assert (await states())["m1"] == [(State.HELD, NOW + 60.0), (State.WAITING, NOW)]
    assert await desk.order("release", QueueFilter(recipient="y.org")) == {"messages": 2}
    assert (await states())["m1"][0] == (State.WAITING, NOW + 5.0)
    assert (await states())["m2"] == [(State.WAITING, NOW + 5.0)]
    assert await desk.order("retry", QueueFilter(ids=("m3",))) == {"messages": 1}
    assert (await states())["m3"] == [(State.WAITING, NOW + 5.0)]
    assert await desk.order("delete", QueueFilter(ids=("m3", "m9"))) == {"messages": 1}
    assert set(await states()) == {"m1", "m2"}
    with pytest.raises(FormatError):
        await desk.order("burn", QueueFilter())
