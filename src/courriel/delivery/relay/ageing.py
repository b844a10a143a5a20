"""What a sender is told of mail that does not arrive: that it takes long, that it failed, that it got there.

Failures are owed from the moment they are written down (``Progress.owes``) until the report has been taken, so a
crash in between means a report twice at most, and never none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Protocol

import msgspec

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.model import notify, retry
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.queued import Claim, Entry, Mark, Progress, State
from courriel.model.retry import RetrySettings
from courriel.ports.queue import OutboundQueue

ROUND_S: Final = 60.0
"""``ageing.round``: how often old mail is looked for; a warning or an end is late by this at most."""

BATCH: Final = 100
"""Messages looked at in one step."""

LEASE_S: Final = 60.0
"""How long recipients are borrowed to be given up."""


class Kind(Enum):
    """What a report says of its recipients."""

    FAILED = "failed"
    DELAYED = "delayed"
    SUCCEEDED = "succeeded"


class Reporter(Protocol):
    """Writes a report and hands it to the sender."""

    async def report(self, kind: Kind, entry: Entry, places: Sequence[int]) -> None:
        """Durable when it returns.  Raises CourrielError when it cannot be taken now."""
        ...


class Ageing:
    """Looks after old and failed mail.  ``failure`` says why a destination is not tried just now."""

    def __init__(
        self,
        queue: OutboundQueue,
        reporter: Reporter,
        settings: RetrySettings,
        clock: Clock,
        failure: Callable[[str], Attempt | None],
    ) -> None:
        self._queue = queue
        self._reporter = reporter
        self._settings = settings
        self._clock = clock
        self._failure = failure
        self._more = asyncio.Event()

    def hurry(self) -> None:
        """A report is owed."""
        self._more.set()

    async def run(self) -> None:
        """For ever: a round when something is owed, and one a minute."""
        while True:
            self._more.clear()  # before the round: what is owed while it goes on is not forgotten for a minute
            try:
                await self.round()
            except CourrielError as error:
                log.event("relay.ageing_failed", Level.ERROR, error=str(error))
            try:
                async with asyncio.timeout(ROUND_S):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def round(self) -> None:
        """Warn, give up, report."""
        now = self._clock.now()
        while old := await self._queue.overdue(now, BATCH):
            for entry in old:
                await self._look_at(entry, now)
        while owed := await self._queue.owing(BATCH):
            for entry in owed:
                await self._pay(entry)

    async def _look_at(self, entry: Entry, now: float) -> None:
        message = entry.message
        expire_at = retry.expires_at(message, self._settings)
        if now < expire_at:
            await self._warn(entry)
            await self._queue.look_again(message.id, expire_at)
        else:
            for claim in await self._queue.claim_message(message.id, now, now + LEASE_S):
                await self._give_up(claim)
            # Held ones stay, and one that is under way just now ends with its attempt.
            await self._queue.look_again(message.id, now + retry.DAY_S)

    async def _warn(self, entry: Entry) -> None:
        message = entry.message
        late = [
            place
            for place, (recipient, progress) in enumerate(zip(message.recipients, entry.progress, strict=True))
            if progress.state is State.WAITING and notify.is_owed(notify.DELAY, message.reverse_path, recipient)
        ]
        if late:
            await self._reporter.report(Kind.DELAYED, self._with_reasons(entry), late)

    def _with_reasons(self, entry: Entry) -> Entry:
        """What was never tried waits for its destination: that is what went wrong."""
        return Entry(
            entry.message,
            tuple(
                progress if progress.last is not None else msgspec.structs.replace(progress, last=self._reason(domain))
                for progress, domain in zip(
                    entry.progress, (one.address.domain for one in entry.message.recipients), strict=True
                )
            ),
        )

    def _reason(self, domain: str) -> Attempt:
        return self._failure(domain.lower()) or Attempt(
            Result.DEFERRED, retry.EXPIRED_STATUS, "it could not be tried yet", Stage.CONNECT
        )

    async def _give_up(self, claim: Claim) -> None:
        marks = []
        for place, progress in zip(claim.places, claim.progress, strict=True):
            owes = notify.is_owed(notify.FAILURE, claim.message.reverse_path, claim.message.recipients[place])
            last = progress.last or self._reason(claim.domain)
            marks.append(
                Mark(
                    claim.message.id, place, Progress(State.EXPIRED, 0.0, progress.tries, last, progress.last_at, owes)
                )
            )
        log.event("relay.expired", Level.WARNING, msg=claim.message.id, domain=claim.domain, recipients=len(marks))
        await self._queue.mark(marks)

    async def _pay(self, entry: Entry) -> None:
        """Report what is owed of one message, then cross it off."""
        for kind in (Kind.FAILED, Kind.SUCCEEDED):
            places = [
                place
                for place, progress in enumerate(entry.progress)
                if progress.owes and (progress.state is State.DELIVERED) == (kind is Kind.SUCCEEDED)
            ]
            if places:
                await self._reporter.report(kind, entry, places)
                await self._queue.mark(
                    [Mark(entry.message.id, place, entry.progress[place].with_debt(False)) for place in places]
                )
