"""The relay: starts workers for what is due, and stops them with nothing half done.

The queue says which domains are due and when; domains that share a next hop share a lane.  There is no task or
timer per message: one timer waits for the earliest due time, and the queue tells of what becomes due sooner.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.delivery.relay.lane import Lane
from courriel.delivery.relay.links import Carrier
from courriel.delivery.relay.marks import Marks
from courriel.delivery.relay.routing import Router, nothing_is_ours
from courriel.delivery.relay.settings import RelaySettings
from courriel.delivery.relay.worker import Worker
from courriel.model.attempt import Attempt
from courriel.model.queued import Queued
from courriel.ports.queue import OutboundQueue
from courriel.ports.resolver import Resolver

LOOK_S: Final = 1.0
"""``relay.look``: shortest time between two looks through all destinations."""

LONGEST_SLEEP_S: Final = 30.0
"""``relay.sleep``: a clock that was set is noticed after this, at the latest."""


class Relay:
    """One process's relay.  All methods are for the loop's thread."""

    def __init__(
        self,
        queue: OutboundQueue,
        resolver: Resolver,
        carrier: Carrier,
        settings: RelaySettings,
        clock: Clock,
        chance: Callable[[], float] = random.random,
        is_ours: Callable[[str], bool] = nothing_is_ours,
    ) -> None:
        self.when_owed: Callable[[], None] = lambda: None
        """Called when a sender is owed a report."""
        self.when_tried: Callable[[Queued, Attempt], None] = lambda _message, _attempt: None
        """Called with each attempt for a recipient."""
        self._queue = queue
        self._carrier = carrier
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._router = Router(resolver, settings, random.shuffle, is_ours)
        self._marks = Marks(queue)
        self._lanes: dict[str, Lane] = {}
        self._workers: dict[asyncio.Task[None], Worker] = {}
        self._probes = 0
        self._starved: dict[str, Lane] = {}
        """Lanes that wait until there is a connection for them, in the order in which they came."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin with what is due now."""
        self._loop = asyncio.get_running_loop()
        self._queue.on_change(self._changed)
        self.look()

    async def stop(self) -> None:
        """Take nothing new, let messages under way finish for a while, give the rest back."""
        self._loop = None
        self._queue.on_change(lambda _domain: None)
        if self._timer is not None:
            self._timer.cancel()
        for worker in self._workers.values():
            worker.stop()
        tasks = list(self._workers)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def is_busy(self) -> bool:
        """Whether anybody works."""
        return bool(self._workers)

    def lane(self, domain: str) -> Lane | None:
        """The lane of a domain, if there is anything to know of it."""
        return self._lanes.get(self._router.lane_key(domain))

    def failure(self, domain: str) -> Attempt | None:
        """Why nobody is asked for this destination just now, if so."""
        lane = self.lane(domain)
        return None if lane is None else lane.failure

    def wake(self, domain: str) -> None:
        """A person wants this destination tried now, whatever failed before."""
        lane = self.lane(domain)
        if lane is not None:
            lane.reached()
        self._changed(domain)

    # --- what is due --------------------------------------------------------------------------------------------
    def _changed(self, domain: str) -> None:
        if self._loop is None:
            return
        due = self._queue.destinations().get(domain)
        if due is None:
            return
        wait = due - self._clock.now()
        if wait <= 0:
            self._is_due(domain)
        else:
            self._look_in(wait)

    def look(self) -> None:
        """Go through all destinations; some 0.2 µs each that is not due."""
        if self._loop is None:
            return
        self._timer = None
        now = self._clock.now()
        next_due = now + LONGEST_SLEEP_S
        for domain, due in list(self._queue.destinations().items()):
            if due <= now:
                self._is_due(domain)
            elif due < next_due:
                next_due = due
        self._forget_idle_lanes()
        self._look_in(max(next_due - now, LOOK_S))

    def _look_in(self, wait_s: float) -> None:
        assert self._loop is not None
        wait_s = min(wait_s, LONGEST_SLEEP_S)
        at = self._loop.time() + wait_s
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(wait_s, self.look)

    def _is_due(self, domain: str) -> None:
        key = self._router.lane_key(domain)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(
                key, self._settings.lane_connections, self._settings.retry.delays_s[0], self._settings.rates.get(key)
            )
        if not lane.add(domain) and not lane.workers:
            self._employ(lane)

    def _employ(self, lane: Lane) -> None:
        """One more worker for a lane, if it has room and we have connections left."""
        now = self._clock.monotonic()
        if self._loop is None:
            return
        if not lane.has_room(now):
            if lane.is_paused(now):
                self._look_in(lane.free_at - now)
        elif lane.is_probing and self._probes >= self._settings.probes:
            self._look_in(LOOK_S)
        elif len(self._workers) >= self._settings.connections:
            self._starve(lane)
        else:
            self._hire(lane, self._loop)

    def _starve(self, lane: Lane) -> None:
        """No connection is left.  Who works goes on to the end of a batch, who lingers makes room now."""
        if lane.workers:
            return  # it has its part
        if not self._starved:
            for worker in self._workers.values():
                worker.wake()
        self._starved[lane.key] = lane

    def _nobody_starves(self) -> bool:
        return not self._starved

    def _hire(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        worker = Worker(
            lane, self._queue, self._router, self._carrier, self._settings, self._clock, self._chance, self._employ,
            self.when_owed, self._nobody_starves, self._marks, self.when_tried,
        )  # fmt: skip
        lane.workers += 1
        self._probes += lane.is_probing
        task = loop.create_task(self._serve(lane, worker, lane.is_probing))
        self._workers[task] = worker
        task.add_done_callback(self._ended)

    async def _serve(self, lane: Lane, worker: Worker, is_probe: bool) -> None:
        try:
            await worker.run()
        finally:
            self._probes -= is_probe
            lane.workers -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        lane = self._workers.pop(task).lane
        if not task.cancelled() and (error := task.exception()) is not None:
            log.event("relay.worker_failed", Level.ERROR, error=f"{type(error).__name__}: {error}")
        while self._starved and len(self._workers) < self._settings.connections:
            self._employ(self._starved.pop(next(iter(self._starved))))
        if lane.domains and not lane.workers:
            self._employ(lane)  # came while the worker said good-bye, or it made room
        if self._loop is not None:
            self._look_in(LOOK_S)

    def _forget_idle_lanes(self) -> None:
        for key in [key for key, lane in self._lanes.items() if lane.is_idle]:
            del self._lanes[key]
