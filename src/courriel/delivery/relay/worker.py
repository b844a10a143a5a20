"""One connection's worth of work: claim what is due for a lane, send it, write down what became of it.

A worker keeps its connection while there is something to send, lingers a moment, and ends.  What it had claimed and
did not try goes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError, Damaged
from courriel.base.log import Level, log
from courriel.delivery.relay.lane import Lane
from courriel.delivery.relay.links import Carrier, Link, Outgoing, Unreached
from courriel.delivery.relay.marks import Marks
from courriel.delivery.relay.routing import NoRoute, Router
from courriel.delivery.relay.settings import RelaySettings
from courriel.model import notify, retry
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.queued import Claim, Mark, Progress, Queued, State, personal_fields
from courriel.ports.queue import OutboundQueue

MISSED: Final = Attempt(Result.FAILED, "5.4.7", "its sender wanted it to be there by then, or back", Stage.CONNECT)
"""RFC 2852, mode R; the status is RFC 3463 §3.5, delivery time expired."""


class _Load:
    """A claim, and its message once it was read."""

    __slots__ = ("claim", "outgoing")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.outgoing: Outgoing | None = None


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
        marks: Marks,
        tried: Callable[[Queued, Attempt], None],
    ) -> None:
        self.lane = lane
        self._queue = queue
        self._marks = marks
        self._router = router
        self._carrier = carrier
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._wants_help = wants_help
        self._owed = owed
        self._tried = tried
        self._may_stay = may_stay
        self._owes = False
        self._link: Link | None = None
        self._link_is_lax = False
        self._marking: set[asyncio.Future[None]] = set()
        """Groups in which marks of ours are."""
        self._last = ("", b"")
        self._more: asyncio.Future[None] | None = None
        self.stopping = False

    async def run(self) -> None:
        """Until nothing is due, the lane is paused, other lanes wait for a connection, or ``stopping``."""
        try:
            while not self.stopping:
                claims = await self._claim()
                if claims:
                    await self._work_through(claims)
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

    async def _work_through(self, claims: Sequence[Claim]) -> None:
        loads = deque(_Load(part) for claim in claims for part in _by_key(claim))
        try:
            while loads and not self.stopping:
                if not self.lane.may_send(self._clock.monotonic()) or not await self._reach(loads):
                    break
                await self._send(loads)
        finally:
            self._queue.give_back([load.claim for load in loads])
        await self._settle_marks()

    # --- reaching a server --------------------------------------------------------------------------------------
    async def _reach(self, loads: deque[_Load]) -> bool:
        """Have a usable connection.  If not: mark what that means for the claims, and say False."""
        lax = loads[0].claim.message.tls_optional
        if self._link is not None:
            if self._link.is_usable and (lax or not self._link_is_lax):
                return True
            await self._link.close()
            self._link = None
        try:
            self._link = await self._open(loads[0].claim.domain, lax)
            self._link_is_lax = lax
        except NoRoute as nowhere:
            if nowhere.attempt.result is Result.FAILED:
                while loads:
                    self._mark_all(loads.popleft().claim, nowhere.attempt)
                return False
            self._unreached(loads, nowhere.attempt)
            return False
        except Unreached as unreached:
            self._unreached(loads, unreached.attempt)
            return False
        self.lane.reached()
        if self.lane.domains:  # not before somebody has answered: one call tells whether the others make sense
            self._wants_help(self.lane)
        return True

    def _unreached(self, loads: deque[_Load], attempt: Attempt) -> None:
        """The first message counts as tried; the others never left."""
        self._mark_all(loads.popleft().claim, attempt)
        self.lane.unreached(attempt, self._clock.monotonic(), self._chance())
        log.event(
            "relay.unreached", Level.WARNING, lane=self.lane.key, status=attempt.status, reply=attempt.reply,
            failures=self.lane.failures,
        )  # fmt: skip

    async def _open(self, domain: str, lax: bool) -> Link:
        """A connection to the first host that takes our call.  Raises NoRoute, Unreached."""
        last: CourrielError | None = None
        for host in await self._router.hosts(domain):
            try:
                located = await self._router.locate(host)
                policy = await self._carrier.policy(domain, located, lax)
            except NoRoute as nowhere:
                last = last or nowhere
                continue
            try:
                return await self._carrier.connect(located, policy)
            except Unreached as unreached:
                last = unreached
        assert last is not None  # the router gives at least one host, and an address or NoRoute for each
        raise last

    # --- sending ------------------------------------------------------------------------------------------------
    async def _send(self, loads: deque[_Load]) -> None:
        """Hand over the first load; the second may travel right behind it.

        Recipients whom the server would not have together with the others follow in a transaction of their own.
        """
        assert self._link is not None
        load = loads[0]
        if load.outgoing is None and self._is_missed(load):
            self._mark_all(loads.popleft().claim, MISSED)
            return
        try:
            outgoing = await self._outgoing(load)
        except CourrielError as error:
            self._mark_all(loads.popleft().claim, _unreadable(error))
            return
        now = self._clock.monotonic()
        following = await self._following(loads[1]) if len(loads) > 1 and self.lane.may_send(now, 2) else None
        self.lane.sent(now)
        attempts = await self._link.send(outgoing, following)
        again = _left_out(attempts) if self._link.is_usable else []
        self._mark(load.claim, [(n, attempt) for n, attempt in enumerate(attempts) if n not in again])
        loads.popleft()
        if again:
            loads.insert(1, _Load(_part(load.claim, again)))

    async def _following(self, load: _Load) -> Outgoing | None:
        """The next message, if it may travel over this connection right behind."""
        if self._is_missed(load) or (self._link_is_lax and not load.claim.message.tls_optional):
            return None
        try:
            return await self._outgoing(load)
        except CourrielError:  # said at its turn
            return None

    def _is_missed(self, load: _Load) -> bool:
        deadline = load.claim.message.deadline
        return deadline is not None and deadline.is_missed(self._clock.now())

    async def _outgoing(self, load: _Load) -> Outgoing:
        if load.outgoing is None:
            message = load.claim.message
            recipients = tuple([message.recipients[place] for place in load.claim.places])
            content = personal_fields(message.personal, recipients[0]) + await self._content(message.id)
            load.outgoing = Outgoing(message, recipients, content)
        return load.outgoing

    async def _content(self, id: str) -> bytes:
        """The last one is kept: members of a list are sent to one by one."""
        if self._last[0] != id:
            self._last = (id, await self._queue.content(id))
        return self._last[1]

    def _mark_all(self, claim: Claim, attempt: Attempt) -> None:
        self._mark(claim, [(n, attempt) for n in range(len(claim.places))])

    def _mark(self, claim: Claim, tried: Sequence[tuple[int, Attempt]]) -> None:
        """Write the attempts down, without waiting."""
        marks = [Mark(claim.message.id, claim.places[n], self._progress(claim, n, attempt)) for n, attempt in tried]
        for mark, (_, attempt) in zip(marks, tried, strict=True):
            _tell(claim, mark, attempt)
            self._tried(claim.message, attempt)
            self._owes = self._owes or mark.progress.owes
        self._marking.add(self._marks.add(marks))

    def _progress(self, claim: Claim, n: int, attempt: Attempt) -> Progress:
        message, settings = claim.message, self._settings.retry
        expire_at = retry.expires_at(message, settings)
        progress = retry.after(claim.progress[n], attempt, self._clock.now(), expire_at, self._chance(), settings)
        recipient = message.recipients[claim.places[n]]
        if progress.state is State.DELIVERED:
            owes = notify.is_success_owed(message, recipient, attempt)
        else:
            owes = progress.state.is_final and notify.is_owed(notify.FAILURE, message.reverse_path, recipient)
        return progress.with_debt(owes)

    async def _settle_marks(self) -> None:
        """Wait until the marks are on the disk.  One that cannot be written is tried again after its lease."""
        marking, self._marking = self._marking, set()
        if marking:
            self._marks.flush()
        for outcome in await asyncio.gather(*marking, return_exceptions=True):
            if isinstance(outcome, BaseException):
                log.event("relay.mark_failed", Level.ERROR, lane=self.lane.key, error=str(outcome))
                self.stopping = True
        if self._owes:
            self._owes = False
            self._owed()


def _unreadable(error: CourrielError) -> Attempt:
    """Our own copy cannot be read: for now (Unavailable), or for good, and then the sender has to know."""
    if isinstance(error, Damaged):
        return Attempt(Result.FAILED, "5.3.0", "the copy of the message in the queue is damaged", Stage.QUEUE)
    return Attempt(Result.DEFERRED, "4.3.0", "the queue cannot be read just now", Stage.QUEUE)


def _part(claim: Claim, numbers: Sequence[int]) -> Claim:
    """The claim on some of its places only."""
    places = tuple([claim.places[n] for n in numbers])
    return msgspec.structs.replace(claim, places=places, progress=tuple([claim.progress[n] for n in numbers]))


def _by_key(claim: Claim) -> list[Claim]:
    """The claim, apart for each recipient that has a reverse-path of its own."""
    groups: dict[str, list[int]] = {}
    for n, place in enumerate(claim.places):
        groups.setdefault(claim.message.recipients[place].key, []).append(n)
    return [claim] if len(groups) == 1 else [_part(claim, numbers) for numbers in groups.values()]


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
