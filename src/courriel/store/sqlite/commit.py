"""Group commit: what waits goes to the disk together; the next group forms meanwhile.  STORAGE §4, §5.

The loop thread owns everything and lends it to the writer thread for the time of one group (``busy``); no lock is
held by anybody.  A group is *prepared* (SQL into SQLite's page cache: microseconds a message, done on the loop),
*sealed* (packs and log written and synced: in the writer thread, one or two calls that let go of the interpreter)
and *finished* on the loop: visible first, then answered.  Preparing on the loop matters: SQLite gives up the
interpreter lock at every statement, and a thread that wants it back from a busy loop waits for a switch interval.

Heavy groups (bulk expunges) and jobs run in the thread from end to end; the medium *settles* before them, and
everything it uses is the thread's meanwhile (``lent``).  A lone small item is sealed on the loop while the disk is
quick.  Starting a group waits for the end of the loop's turn, so that what one turn reads from many sockets goes
together.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from courriel.base.errors import CourrielError, Unavailable
from courriel.model.refusals import TryLater

Context = TypeVar("Context")
T = TypeVar("T")


class Item(Generic[Context]):
    """One caller's wish: a plan, and the future that waits for it."""

    __slots__ = ("error", "future", "heavy", "keep", "plan", "result")

    def __init__(self, plan: Callable[[Context], Any], heavy: bool, keep: object, future: asyncio.Future[Any]) -> None:
        self.plan = plan
        self.heavy = heavy
        self.keep = keep
        """Values that must stay in memory until the item is done."""
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class Group(Generic[Context]):
    """Items that become durable together, and what came of it."""

    __slots__ = ("context", "error", "items", "seconds")

    def __init__(self, items: list[Item[Context]]) -> None:
        self.items = items
        self.context: Context | None = None
        self.error: BaseException | None = None
        self.seconds = 0.0


class Medium(Protocol[Context]):
    """What a committer writes to.  ``seal`` may run in the writer thread."""

    def is_heavy(self) -> bool:
        """Whether work of the medium's own makes the next group slow to prepare."""
        ...

    def has_work(self) -> bool:
        """Whether a group is worth starting though no item waits."""
        ...

    def settle(self) -> None:
        """In the thread, before a heavy group or a job: leave nothing of earlier groups open."""
        ...

    def take_back(self) -> None:
        """On the loop: what was lent to the thread is the loop's again."""
        ...

    def prepare(self, items: list[Item[Context]], heavy: bool) -> Context:
        """Run the plans; refusals (CourrielError) stay with their item.  Anything else raised undoes the group.
        ``heavy``: in the thread, after ``settle``."""
        ...

    def is_small(self, context: Context) -> bool:
        """Whether sealing it takes hardly longer than a sync."""
        ...

    def needs_all(self, context: Context) -> bool:
        """Whether sealing it uses what the loop reads with."""
        ...

    def seal(self, context: Context) -> None:
        """Make it durable."""
        ...

    def undo(self) -> None:
        """Forget what was prepared."""
        ...

    def show(self, context: Context) -> None:
        """On the loop: make what is durable visible, wake those who watch."""
        ...

    def is_fatal(self, error: BaseException) -> bool: ...

    def stopped(self, error: BaseException) -> None:
        """On the loop: the medium takes no more; said once."""
        ...


EASE = 0.2
"""Weight of the newest sample in the running mean of the time sealing a small group takes."""


class Committer(Generic[Context]):
    """Forms groups and carries them to a medium."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        medium: Medium[Context],
        name: str,
        *,
        group_items: int,
        waiting_items: int,
        inline_commit_us: int,
    ) -> None:
        self._loop = loop
        self._medium = medium
        self._name = name
        self._group_items = group_items
        self._waiting_items = waiting_items
        self._inline_s = inline_commit_us / 1e6
        self._waiting: deque[Item[Context]] = deque()
        self._alone: deque[Item[Context]] = deque()
        self._between: deque[Callable[[], None]] = deque()
        self._jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any], bool]] = deque()
        """What to do, who waits for it, and whether a failure that is fatal to the medium ends it."""
        self._scheduled = False
        self._mean_s = 0.0
        self._thread: threading.Thread | None = None
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.busy = False
        self.lent = False
        self.failure: BaseException | None = None
        self.groups = 0

    # --- asking ---------------------------------------------------------------------------------------------
    def submit(self, plan: Callable[[Context], T], *, heavy: bool = False, keep: object = None) -> asyncio.Future[T]:
        """Have ``plan`` made durable.  The future fails with what the plan raised, or Unavailable."""
        self.check()
        if len(self._waiting) >= self._waiting_items:
            raise TryLater(f"{self._name}: {len(self._waiting)} changes wait for the disk")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(Item(plan, heavy, keep, future))
        self.kick()
        return future

    def check(self) -> None:
        """Raises Unavailable when nothing more is taken."""
        if self.failure is not None:
            raise Unavailable(f"{self._name} takes no changes: {self.failure}")

    def kick(self) -> None:
        """Start a group at the end of this turn of the loop."""
        if not self._scheduled and not self.busy:
            self._scheduled = True
            self._loop.call_soon(self._start)

    async def when_idle(self, act: Callable[[], T]) -> T:
        """Run ``act`` on the loop while no group is under way: at once, or before the next one starts."""
        if not self.busy:
            return act()
        future: asyncio.Future[T] = self._loop.create_future()

        def run() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(act())
            except Exception as error:
                future.set_exception(error)

        self._between.append(run)
        return await future

    async def job(self, act: Callable[[], T]) -> T:
        """Run ``act`` in the writer thread while no group is under way."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append((act, future, False))
        self.kick()
        return await future

    def later(self, act: Callable[[], None]) -> None:
        """The same for work nobody waits for.  An error that is fatal to the medium ends it, before whoever waited for
        the thread goes on."""
        future: asyncio.Future[None] = self._loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # it was heard
        self._jobs.append((act, future, True))
        self.kick()

    def stop(self, error: BaseException) -> None:
        """Take no more."""
        if self.failure is None:
            self.failure = error
            self._medium.stopped(error)

    async def drain(self) -> None:
        """Until nothing waits and nothing is under way."""
        while self.busy or self._scheduled or self._waiting or self._alone or self._jobs:
            if self.busy:
                await self.when_idle(lambda: None)
            else:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Finish what waits, then end the thread."""
        await self.drain()
        if self._thread is not None:
            self._work.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    # --- carrying -------------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._scheduled = False
        if self.busy:
            return
        if self._jobs:
            self._start_job(*self._jobs.popleft())
            return
        if self.failure is not None:
            self._refuse_waiting(self.failure)
            return
        group = Group(self._take())
        if not group.items and not self._medium.has_work():
            return
        self.busy = True
        self.groups += 1
        if self._medium.is_heavy() or any(item.heavy for item in group.items):
            self.lent = True
            self._in_thread(group, self._carry_heavy)
            return
        self._prepare(group, heavy=False)
        if group.error is not None or group.context is None:
            self._finish(group)
        elif len(group.items) <= 1 and self._mean_s < self._inline_s and self._medium.is_small(group.context):
            self._seal(group)
            self._finish(group)
        else:
            self.lent = self._medium.needs_all(group.context)
            self._in_thread(group, self._seal)

    def _take(self) -> list[Item[Context]]:
        if self._alone:
            return [self._alone.popleft()]
        waiting = self._waiting
        if len(waiting) <= self._group_items:
            items = list(waiting)
            waiting.clear()
            return items
        return [waiting.popleft() for _ in range(self._group_items)]

    def _prepare(self, group: Group[Context], heavy: bool) -> None:
        try:
            group.context = self._medium.prepare(group.items, heavy)
        except Exception as error:
            group.error = error

    def _seal(self, group: Group[Context]) -> None:
        if group.context is None:
            return
        begun = perf_counter()
        try:
            self._medium.seal(group.context)
        except Exception as error:
            group.error = error
        group.seconds = perf_counter() - begun

    def _carry_heavy(self, group: Group[Context]) -> None:
        try:
            self._medium.settle()
        except Exception as error:
            group.error = error
            return
        self._prepare(group, heavy=True)
        if group.error is None:
            self._seal(group)

    def _finish(self, group: Group[Context]) -> None:
        """Visible, then answered, then told to others, then what waited for this, then the next group.

        All of it in one turn of the loop: whoever waits for an answer or for news runs after it, in the order in
        which it is asked for here, so a sender has its 250 before its message is pushed to anybody.
        """
        error = group.error
        if error is None and group.seconds and not self.lent:
            self._mean_s += (group.seconds - self._mean_s) * EASE
        if self.lent:
            self.lent = False
            self._medium.take_back()
        if error is None:
            for item in group.items:
                if item.future.cancelled():
                    continue
                if item.error is None:
                    item.future.set_result(item.result)
                else:
                    item.future.set_exception(item.error)
            if group.context is not None:
                self._medium.show(group.context)
        else:
            self._failed(group, error)
        self.busy = False
        while self._between:
            self._between.popleft()()
        if self._waiting or self._alone or self._jobs:
            self.kick()

    def _failed(self, group: Group[Context], error: BaseException) -> None:
        self._medium.undo()
        if self._medium.is_fatal(error):
            self.stop(error)
            self._answer(group, error)
            self._refuse_waiting(error)
        elif len(group.items) > 1:
            # One of them is bad: each on its own, so that its neighbours are not harmed.
            self._alone.extend(group.items)
        else:
            for item in group.items:
                if not item.future.cancelled():
                    item.future.set_exception(error)
            if not group.items:
                self.stop(error)

    def _refuse_waiting(self, error: BaseException) -> None:
        for item in (*self._alone, *self._waiting):
            self._answer(Group([item]), error)
        self._alone.clear()
        self._waiting.clear()

    def _answer(self, group: Group[Context], error: BaseException) -> None:
        for item in group.items:
            if not item.future.cancelled():
                item.future.set_exception(Unavailable(f"{self._name} takes no changes: {error}"))

    # --- the thread -----------------------------------------------------------------------------------------
    def _start_job(self, act: Callable[[], Any], future: asyncio.Future[Any], ends: bool) -> None:
        self.busy = self.lent = True

        def finish(result: Any, error: BaseException | None, has_settled: bool) -> None:
            if error is not None and not has_settled:
                self._medium.undo()
                self.stop(error)
                error = Unavailable(f"{self._name}: {error}")
            elif error is not None and ends and self._medium.is_fatal(error):
                self.stop(error)
            if not future.cancelled():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)
            self._finish(Group([]))

        def run() -> None:
            result, failed, has_settled = None, None, False
            try:
                self._medium.settle()
                has_settled = True
                result = act()
            except Exception as error:
                failed = error
            self._loop.call_soon_threadsafe(finish, result, failed, has_settled)

        self._put(run)

    def _in_thread(self, group: Group[Context], act: Callable[[Group[Context]], None]) -> None:
        def run() -> None:
            act(group)
            self._loop.call_soon_threadsafe(self._finish, group)

        self._put(run)

    def _put(self, run: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._carry, name=self._name, daemon=True)
            self._thread.start()
        self._work.put(run)

    def _carry(self) -> None:
        while (run := self._work.get()) is not None:
            run()
            del run  # and with it what the items kept in memory


def run_plans(items: list[Item[Context]], context: Context) -> None:
    """Run each plan; a refusal stays with its item, everything else goes up."""
    for item in items:
        item.error = None
        try:
            item.result = item.plan(context)
        except CourrielError as error:
            item.error = error
