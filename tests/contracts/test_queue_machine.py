"""The queue's state machine against a model that fits on a page: Hypothesis walks, both queues follow.

The model knows each recipient's progress and the time until which it is lent.  Which of those that are due a claim
takes is the queue's choice, within the rules that ``claim`` checks here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from courriel.model.envelope import Address, Recipient
from courriel.model.queued import Claim, Mark, Progress, Queued, State, domain_of, first_progress
from courriel.ports.queue import OutboundQueue
from courriel.store.memory.queue import MemoryQueue
from tests.contracts.sqlite_place import open_sqlite_queue

START, SHORT, LONG = 1_800_000_000.0, 5.0, 50.0
DOMAINS = ("a.test", "b.test")
ENDS = (State.DELIVERED, State.FAILED, State.EXPIRED)


class Walk(RuleBasedStateMachine):
    """One queue and its model."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = START
        self.progress: dict[tuple[str, int], Progress] = {}
        self.lent: dict[tuple[str, int], float] = {}
        self.messages: dict[str, Queued] = {}
        self.queue: OutboundQueue = self.runner.run(self.opened())
        self.count = 0

    async def opened(self) -> OutboundQueue:
        return MemoryQueue()

    def teardown(self) -> None:
        self.runner.run(self.queue.close())
        self.runner.close()

    # --- the model --------------------------------------------------------------------------------------------
    def domain(self, key: tuple[str, int]) -> str:
        return domain_of(self.messages[key[0]].recipients[key[1]])

    def free(self, domain: str) -> list[tuple[str, int]]:
        return [
            key
            for key, progress in self.progress.items()
            if progress.state is State.WAITING and self.lent.get(key, 0.0) <= self.now and self.domain(key) == domain
        ]

    def lend(self, claims: Iterable[Claim], until: float) -> list[tuple[str, int]]:
        keys = []
        for claim in claims:
            assert claim.message == self.messages[claim.message.id]
            for place, progress in zip(claim.places, claim.progress, strict=True):
                key = (claim.message.id, place)
                assert self.domain(key) == claim.domain and self.progress[key] == progress
                keys.append(key)
        assert len(set(keys)) == len(keys)
        self.lent.update(dict.fromkeys(keys, until))
        return keys

    def write(self, marks: Sequence[Mark]) -> None:
        self.runner.run(self.queue.mark(marks))
        for mark in marks:
            if (mark.id, mark.place) in self.progress:
                self.progress[mark.id, mark.place] = mark.progress
                self.lent.pop((mark.id, mark.place), None)
        for id in {mark.id for mark in marks}:
            states = [progress for key, progress in self.progress.items() if key[0] == id]
            if all(progress.state.is_final and not progress.owes for progress in states):
                self.forget(id)

    def forget(self, id: str) -> None:
        for key in [key for key in self.progress if key[0] == id]:
            del self.progress[key]
            self.lent.pop(key, None)
        self.messages.pop(id, None)

    # --- steps ------------------------------------------------------------------------------------------------
    @rule(
        domains=st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=4),
        account=st.sampled_from(["1", "2", "3"]),
        wait=st.sampled_from([0.0, 3.0, 30.0]),
        held=st.booleans(),
    )
    def put(self, domains: list[str], account: str, wait: float, held: bool) -> None:
        id = f"m{self.count}"
        self.count += 1
        recipients = tuple(Recipient(Address(f"r{n}", domain)) for n, domain in enumerate(domains))
        message = Queued(
            id, "s@x.test", recipients, self.now, 1, held=held, not_before=self.now + wait, account=account
        )
        self.runner.run(self.queue.put(message, b"x"))
        self.messages[id] = message
        self.progress |= {(id, place): first_progress(message) for place in range(len(recipients))}

    @rule(target=claims, domain=st.sampled_from(DOMAINS), most=st.integers(1, 6), lease=st.sampled_from([SHORT, LONG]))
    def claim(self, domain: str, most: int, lease: float) -> object:
        due = [key for key in self.free(domain) if self.progress[key].next_at <= self.now]
        found = self.runner.run(self.queue.claim(domain, self.now, self.now + lease, most))
        keys = self.lend(found, self.now + lease)
        assert set(keys) <= set(due) and len(keys) == min(most, len(due))
        self.check_parts(keys, due, most)
        return multiple(*found)

    def check_parts(self, keys: Sequence[tuple[str, int]], due: Sequence[tuple[str, int]], most: int) -> None:
        """Nobody who has something due gets less than an equal part, as long as the parts are not less than one."""
        waiting = {self.messages[id].sharer for id, _ in self.progress if self.progress[id, _].state is State.WAITING}
        parts, wanted = (Counter(self.messages[id].sharer for id, _ in some) for some in (keys, due))
        if len(due) > most >= len(waiting):
            assert all(parts[sharer] >= min(count, most // len(waiting)) for sharer, count in wanted.items())

    @rule(target=claims, n=st.integers(0, 5))
    def claim_message(self, n: int) -> object:
        id = sorted(self.messages)[n] if n < len(self.messages) else "never"
        free = {key for domain in DOMAINS for key in self.free(domain) if key[0] == id}
        found = self.runner.run(self.queue.claim_message(id, self.now, self.now + LONG))
        assert set(self.lend(found, self.now + LONG)) == free
        return multiple(*found)

    @rule(claim=claims, end=st.sampled_from(ENDS), owes=st.booleans())
    def ends(self, claim: Claim, end: State, owes: bool) -> None:
        self.write([Mark(claim.message.id, place, Progress(end, tries=1, owes=owes)) for place in claim.places])

    @rule(claim=claims, wait=st.sampled_from([1.0, 20.0]), held=st.booleans())
    def is_put_off(self, claim: Claim, wait: float, held: bool) -> None:
        later = Progress(State.HELD) if held else Progress(State.WAITING, self.now + wait, 1)
        self.write([Mark(claim.message.id, place, later) for place in claim.places])

    @rule(claim=claims)
    def is_given_back(self, claim: Claim) -> None:
        """Only what is still lent: a holder whose time is over has nothing to give."""
        keys = [(claim.message.id, place) for place in claim.places]
        if all(self.lent.get(key, 0.0) > self.now for key in keys):
            self.queue.give_back([claim])
            for key in keys:
                del self.lent[key]

    @rule()
    def releases_and_pays(self) -> None:
        """What is held waits again; what is owed is crossed off."""
        marks = [
            Mark(*key, Progress(State.WAITING, self.now) if progress.state is State.HELD else progress.with_debt(False))
            for key, progress in self.progress.items()
            if progress.state is State.HELD or progress.owes
        ]
        self.write(marks)

    @rule(n=st.integers(0, 5))
    def removes(self, n: int) -> None:
        id = sorted(self.messages)[n] if n < len(self.messages) else "never"
        assert self.runner.run(self.queue.remove(id)) is (id in self.messages)
        self.forget(id)

    @rule(seconds=st.sampled_from([1.0, SHORT, 40.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    # --- what always holds ------------------------------------------------------------------------------------
    @invariant()
    def everything_is_there_once(self) -> None:
        entries = self.runner.run(self.queue.entries())
        there = {(one.message.id, n): progress for one in entries for n, progress in enumerate(one.progress)}
        assert there == self.progress

    @invariant()
    def nothing_that_is_due_is_forgotten(self) -> None:
        """A domain may be named too early, never too late; lent ones count from the end of their time."""
        named = self.queue.destinations()
        for domain in DOMAINS:
            times = [self.progress[key].next_at for key in self.free(domain)]
            times += [
                until
                for key, until in self.lent.items()
                if self.domain(key) == domain and until > self.now and self.progress[key].state is State.WAITING
            ]
            if times:
                assert domain in named and named[domain] <= max(min(times), self.now)

    @invariant()
    def debts_are_named(self) -> None:
        owing = {entry.message.id for entry in self.runner.run(self.queue.owing(1_000))}
        assert owing == {id for (id, _), progress in self.progress.items() if progress.owes}


class WalkOnDisk(Walk):
    """The same, with the process ending at any time: claims end with it."""

    def __init__(self) -> None:
        self.directory = Path(mkdtemp(prefix="courriel-walk-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        super().__init__()

    async def opened(self) -> OutboundQueue:
        return await open_sqlite_queue(self.directory)

    @rule()
    def ends_and_begins(self) -> None:
        self.runner.run(self.queue.close())
        self.queue = self.runner.run(self.opened())
        self.lent.clear()

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.directory, ignore_errors=True)


EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "60"))
WALKS = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, print_blob=True)


@pytest.mark.slow
class TestMemory(Walk.TestCase):  # type: ignore[misc]
    settings = WALKS


@pytest.mark.slow
class TestDisk(WalkOnDisk.TestCase):  # type: ignore[misc]
    settings = WALKS
