"""Reports to senders, written and handed in.  Fulfils ``relay.ageing.Reporter``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.delivery import bounce
from courriel.delivery.bounce import Origin, Tried
from courriel.delivery.intake import Delivery
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.relay.ageing import Kind
from courriel.model.envelope import Recipient, address_of
from courriel.model.notify import NEVER
from courriel.model.queued import Entry, reverse_path_of
from courriel.model.transit import Fate
from courriel.ports.queue import OutboundQueue


class Reports:
    """``languages``: those of the text, the reader's most likely one first."""

    def __init__(
        self,
        queue: OutboundQueue,
        delivery: Delivery,
        hostname: str,
        languages: tuple[str, ...],
        clock: Clock,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._queue = queue
        self._delivery = delivery
        self._hostname = hostname
        self._languages = languages
        self._clock = clock
        self._randomness = randomness

    async def report(self, kind: Kind, entry: Entry, places: Sequence[int]) -> None:
        """Durable when it returns; a report that nobody can get is let go of."""
        apart: dict[str, list[int]] = {}
        for place in places:
            apart.setdefault(entry.message.recipients[place].key, []).append(place)
        for group in apart.values():
            await self._report(kind, entry, group)
        if kind is Kind.FAILED and entry.message.forwarder:
            await self._delivery.forward_failed(entry, places)

    async def _report(self, kind: Kind, entry: Entry, places: Sequence[int]) -> None:
        """To one reverse-path."""
        reverse_path = reverse_path_of(entry.message, entry.message.recipients[places[0]])
        content = await self._written(kind, entry, places)
        if content is None:
            return
        recipient = Recipient(address_of(reverse_path), NEVER)
        receipt = await self._delivery.hand_in(
            recipient, content, smtputf8=entry.message.smtputf8, require_tls=entry.message.require_tls
        )
        [outcome] = receipt.outcomes
        log.event(
            "delivery.reported", Level.INFO, msg=entry.message.id, report=receipt.id, kind=kind.value,
            recipients=len(places), fate=outcome.fate.value,
        )  # fmt: skip
        if outcome.fate is Fate.REFUSED:
            log.event("delivery.report_has_no_reader", Level.WARNING, msg=entry.message.id, error=str(outcome.refusal))

    async def _written(self, kind: Kind, entry: Entry, places: Sequence[int]) -> bytes | None:
        message, now = entry.message, self._clock.now()
        tried = [
            Tried(message.recipients[place], last, entry.progress[place].last_at or now)
            for place in places
            if (last := entry.progress[place].last) is not None
        ]
        origin = Origin(self._hostname, new_id(now, self._randomness(RANDOM_OCTETS)), now, self._languages)
        original = await self._queue.content(message.id)
        if kind is Kind.FAILED:
            return bounce.failure_report(message, tried, original, origin)
        if kind is Kind.SUCCEEDED:
            return bounce.success_report(message, tried, original, origin)
        return bounce.delay_report(message, tried, original, origin, retry_until=message.expire_at)
