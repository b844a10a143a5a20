"""Mail of the queue whose mailboxes are here: what waited for its time (RFC 4865) is delivered, not sent.

Beside it stands the carrier for everybody else; the relay knows only one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from courriel.base.errors import CourrielError, Unavailable
from courriel.delivery.relay.links import Carrier, Link, Outgoing
from courriel.delivery.relay.routing import Located
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Recipient
from courriel.model.queued import Queued
from courriel.model.refusals import OverQuota, Rejected, TryLater
from courriel.model.transit import Outcome, Receipt
from courriel.net.tls_policy import CLEAR, TlsPolicy

Release = Callable[[Queued, tuple[Recipient, ...], bytes], Awaitable[Receipt]]

DELIVERED = Attempt(Result.DELIVERED, "2.0.0", "it is in the mailbox", Stage.CONTENT)


class HouseLink:
    """Fulfils ``links.Link``."""

    is_usable = True

    def __init__(self, release: Release) -> None:
        self._release = release

    async def send(self, outgoing: Outgoing, following: Outgoing | None = None) -> Sequence[Attempt]:
        """One by one: a mailbox that is full does not keep the others from their mail."""
        return [await self._deliver(outgoing, recipient) for recipient in outgoing.recipients]

    async def _deliver(self, outgoing: Outgoing, recipient: Recipient) -> Attempt:
        try:
            receipt = await self._release(outgoing.message, (recipient,), outgoing.content)
        except CourrielError as error:
            return _failure(error)
        [outcome] = receipt.outcomes
        return _attempt(outcome)

    async def close(self) -> None:
        """Nothing is open."""


class HouseCarrier:
    """Fulfils ``links.Carrier``: mailboxes here by ``release``, all others by ``outside``."""

    def __init__(self, outside: Carrier, release: Release) -> None:
        self._outside = outside
        self._link = HouseLink(release)

    async def policy(self, domain: str, located: Located, lax: bool) -> TlsPolicy:
        return CLEAR if located.host.is_us else await self._outside.policy(domain, located, lax)

    async def connect(self, located: Located, policy: TlsPolicy) -> Link:
        return self._link if located.host.is_us else await self._outside.connect(located, policy)


def _attempt(outcome: Outcome) -> Attempt:
    return DELIVERED if outcome.refusal is None else _failure(outcome.refusal)


def _failure(error: CourrielError) -> Attempt:
    """Full mailboxes get room, disks too; who is not there will not come."""
    if isinstance(error, OverQuota):
        return Attempt(Result.DEFERRED, "4.2.2", "the mailbox is full", Stage.RCPT)
    if isinstance(error, TryLater | Unavailable):
        return Attempt(Result.DEFERRED, "4.3.0", str(error), Stage.RCPT)
    if isinstance(error, Rejected):
        return Attempt(Result.FAILED, "5.7.1", f"550 5.7.1 {error.words}", Stage.CONTENT)
    return Attempt(Result.FAILED, "5.1.1", f"{type(error).__name__}: {error}", Stage.RCPT)
