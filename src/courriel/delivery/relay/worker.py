"""One connection's worth of work: claim what is due for a lane, send it, write down what became of it.

A worker keeps its connection while there is something to send, lingers a moment, and ends.  What it had claimed and
did not try goes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.delivery.relay.lane import Lane
from courriel.delivery.relay.links import Carrier, Link, Outgoing, Unreached
from courriel.delivery.relay.routing import NoRoute, Router
from courriel.delivery.relay.settings import RelaySettings
from courriel.model import notify, retry
from courriel.model.attempt import Attempt, Result
from courriel.model.queued import Claim, Mark, Progress, State
from courriel.ports.queue import OutboundQueue


class Worker:
    """Works on one lane until nothing is due."""

    def __init__(
        self,
        lane: Lane,
        queue: OutboundQueue,
        router: Router,
        carrier: Carrier,
        settings: RelaySettings,
        clock: Clock,
        chance: Callable[[], float],
        wants_help: Callable[[Lane], None],
        owed: Callable[[], None],
        may_stay: Callable[[], bool],
    ) -> None:
        self.lane = lane
        self._queue = queue
        self._router = router
        self._carrier = carrier
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._wants_help = wants_help
        self._owed = owed
        self._may_stay = may_stay
        self._owes = False
        self._link: Link | None = None
        self._marking: set[asyncio.Future[None]] = set()
        self._more: asyncio.Future[None] | None = None
        self.stopping = False

    async def run(self) -> None:
        """Until nothing is due, the lane is paused, other lanes wait for a connection, or ``stopping``."""
        try:
            while not self.stopping:
                claims = await self._claim()
                if claims:
                    await self._work_through(deque(claims))
                    if not self._may_stay():
                        return
                elif not await self._linger():
                    return
        finally:
            await self._settle_marks()
            if self._link is not None:
                await self._link.close()

    async def _claim(self) -> Sequence[Claim]:
        """What is due for one of the lane's domains; () when there is nothing or nobody to ask."""
        lane, settings = self.lane, self._settings
        while lane.domains and not lane.is_paused(self._clock.monotonic()):
            domain = next(iter(lane.domains))
            now = self._clock.now()
            most = 1 if lane.is_probing else settings.batch
            claims = await self._queue.claim(domain, now, now + settings.lease_s, most)
            due = self._queue.destinations().get(domain)
            lane.domains.pop(domain, None)
            if due is not None and due <= now:
                lane.domains[domain] = None  # at the end: other domains of the lane have their turn
                if self._link is not None:
                    self._wants_help(lane)
            if claims:
                return claims
        return ()

    async def _linger(self) -> bool:
        """Keep the connection for a moment; whether more came."""
        if self._link is None or not self._link.is_usable or self.lane.is_paused(self._clock.monotonic()):
            return False
        if not self._may_stay():
            return False
        more = self._more = asyncio.get_running_loop().create_future()
        self.lane.linger(self.wake)
        try:
            async with asyncio.timeout(self._settings.linger_s):
                await more
            return not self.stopping
        except TimeoutError:
            return False
        finally:
            self.lane.leave(self.wake)

    def wake(self) -> None:
        """Linger no longer: look what is due, and go if it is nothing."""
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def stop(self) -> None:
        """End after the message under way."""
        self.stopping = True
        self.wake()

    async def _work_through(self, claims: deque[Claim]) -> None:
        try:
            while claims and not self.stopping:
                claim = claims[0]
                if not await self._reach(claim, claims):
                    break
                await self._send(claim)
                claims.popleft()
        finally:
            self._queue.give_back(list(claims))
        await self._settle_marks()

    # --- reaching a server --------------------------------------------------------------------------------------
    async def _reach(self, claim: Claim, claims: deque[Claim]) -> bool:
        """Have a usable connection.  If not: mark what that means for the claims, and say False."""
        if self._link is not None:
            if self._link.is_usable:
                return True
            await self._link.close()
            self._link = None
        try:
            self._link = await self._open(claim.domain)
        except NoRoute as nowhere:
            if nowhere.attempt.result is Result.FAILED:
                while claims:
                    self._mark_all(claims.popleft(), nowhere.attempt)
                return False
            self._unreached(claims, nowhere.attempt)
            return False
        except Unreached as unreached:
            self._unreached(claims, unreached.attempt)
            return False
        self.lane.reached()
        if self.lane.domains:  # not before somebody has answered: one call tells whether the others make sense
            self._wants_help(self.lane)
        return True

    def _unreached(self, claims: deque[Claim], attempt: Attempt) -> None:
        """The first message counts as tried; the others never left."""
        self._mark_all(claims.popleft(), attempt)
        self.lane.unreached(attempt, self._clock.monotonic(), self._chance())
        log.event(
            "relay.unreached", Level.WARNING, lane=self.lane.key, status=attempt.status, reply=attempt.reply,
            failures=self.lane.failures,
        )  # fmt: skip

    async def _open(self, domain: str) -> Link:
        """A connection to the first host that takes our call.  Raises NoRoute, Unreached."""
        last: CourrielError | None = None
        for host in await self._router.hosts(domain):
            try:
                located = await self._router.locate(host)
                policy = await self._carrier.policy(domain, located)
            except NoRoute as nowhere:
                last = last or nowhere
                continue
            for ip in located.ips:
                try:
                    return await self._carrier.connect(located, ip, policy)
                except Unreached as unreached:
                    last = unreached
        assert last is not None  # the router gives at least one host, and an address or NoRoute for each
        raise last

    # --- sending ------------------------------------------------------------------------------------------------
    async def _send(self, claim: Claim) -> None:
        content = await self._queue.content(claim.message.id)
        places = list(range(len(claim.places)))
        while places:
            assert self._link is not None
            recipients = tuple(claim.message.recipients[claim.places[n]] for n in places)
            attempts = await self._link.send(Outgoing(claim.message, recipients, content))
            again = _left_out(attempts) if self._link.is_usable else []
            self._mark(
                claim,
                [(n, attempt) for k, (n, attempt) in enumerate(zip(places, attempts, strict=True)) if k not in again],
            )
            places = [places[k] for k in again]

    def _mark_all(self, claim: Claim, attempt: Attempt) -> None:
        self._mark(claim, [(n, attempt) for n in range(len(claim.places))])

    def _mark(self, claim: Claim, tried: Sequence[tuple[int, Attempt]]) -> None:
        """Write the attempts down, without waiting: a group of marks goes to the disk together."""
        marks = [Mark(claim.message.id, claim.places[n], self._progress(claim, n, attempt)) for n, attempt in tried]
        for mark, (_, attempt) in zip(marks, tried, strict=True):
            _tell(claim, mark, attempt)
            self._owes = self._owes or mark.progress.owes
        future = asyncio.ensure_future(self._queue.mark(marks))
        self._marking.add(future)

    def _progress(self, claim: Claim, n: int, attempt: Attempt) -> Progress:
        message, settings = claim.message, self._settings.retry
        expire_at = retry.expires_at(message, settings)
        progress = retry.after(claim.progress[n], attempt, self._clock.now(), expire_at, self._chance(), settings)
        recipient = message.recipients[claim.places[n]]
        if progress.state is State.DELIVERED:
            owes = notify.is_owed(notify.SUCCESS, message.reverse_path, recipient) and not attempt.passed_dsn
        else:
            owes = progress.state.is_final and notify.is_owed(notify.FAILURE, message.reverse_path, recipient)
        return progress.with_debt(owes)

    async def _settle_marks(self) -> None:
        """Wait until the marks are on the disk.  One that cannot be written is tried again after its lease."""
        marking, self._marking = self._marking, set()
        for outcome in await asyncio.gather(*marking, return_exceptions=True):
            if isinstance(outcome, BaseException):
                log.event("relay.mark_failed", Level.ERROR, lane=self.lane.key, error=str(outcome))
                self.stopping = True
        if self._owes:
            self._owes = False
            self._owed()


def _left_out(attempts: Sequence[Attempt]) -> list[int]:
    """Recipients the server would not have in one transaction with those it took."""
    out = [k for k, attempt in enumerate(attempts) if attempt.another_transaction]
    return out if len(out) < len(attempts) else []


def _tell(claim: Claim, mark: Mark, attempt: Attempt) -> None:
    log.event(
        "relay.attempt",
        msg=mark.id,
        recipient=str(claim.message.recipients[mark.place].address),
        result=attempt.result.value,
        state=mark.progress.state.value,
        status=attempt.status,
        reply=attempt.reply,
        host=attempt.host,
        ip=attempt.ip,
        tls=attempt.tls,
    )
