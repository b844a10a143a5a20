"""All filters of the house, in their order.  Fulfils ``ports.scanner.Scanner``.

Each sees the message as the one before it left it.  The first that refuses or drops it ends the round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from courriel.base.errors import FormatError, Unavailable
from courriel.base.log import Level, log
from courriel.milter import changes
from courriel.milter.client import MilterClient
from courriel.milter.content import Content
from courriel.milter.session import Facts, Verdict
from courriel.milter.settings import MilterSettings
from courriel.milter.wire import Refuse, Step
from courriel.model.envelope import Envelope
from courriel.model.refusals import FilterDeferred, FilterRefused, FilterVerdict
from courriel.ports.scanner import Scanned


class Milters:
    """See above.  ``hostname`` names us; ``now`` counts seconds, for the log."""

    def __init__(
        self, settings: Sequence[MilterSettings], hostname: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._filters = [(one, MilterClient(one)) for one in settings]
        self._hostname = hostname
        self._now = now

    async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
        scanned = Scanned(envelope, content)
        for settings, client in self._filters:
            if envelope.door in settings.doors and not scanned.discarded:
                scanned = await self._ask(settings, client, id, scanned)
        return scanned

    async def _ask(self, settings: MilterSettings, client: MilterClient, id: str, scanned: Scanned) -> Scanned:
        content, began = Content(scanned.content), self._now()
        facts = Facts(id, self._hostname, scanned.envelope, content)
        try:
            verdict, terms = await client.ask(facts)
            spaced = bool(terms.steps & Step.LEADING_SPACE)
            envelope = changes.apply(verdict.changes, content, scanned.envelope, leading_space=spaced)
        except (Unavailable, FormatError) as error:
            log.event("milter.failed", Level.ERROR, msg=id, milter=settings.name, error=str(error))
            return _without(settings, scanned)
        apart = changes.quarantine(verdict.changes)
        what = _word(verdict, apart)
        log.event(
            "milter.asked",
            msg=id,
            milter=settings.name,
            verdict=what,
            changes=len(verdict.changes),
            reason=_reason(verdict, apart),
            seconds=round(self._now() - began, 3),
        )
        if verdict.refusal is not None:
            raise _refusal(settings.name, verdict.refusal)
        if verdict.discarded or not envelope.recipients:
            return Scanned(scanned.envelope, scanned.content, discarded=True)
        if not verdict.changes:
            return scanned
        return Scanned(envelope, content.octets(), apart if apart is not None else scanned.quarantine)

    async def close(self) -> None:
        """Hang up."""
        for _, client in self._filters:
            await client.close()


def _without(settings: MilterSettings, scanned: Scanned) -> Scanned:
    """What the administrator wants when a filter cannot be asked."""
    if settings.on_failure == "accept":
        return scanned
    if settings.on_failure == "reject":
        raise FilterRefused(f"{settings.name} cannot be asked")
    raise FilterDeferred(f"{settings.name} cannot be asked")


def _refusal(name: str, said: Refuse) -> FilterVerdict:
    kind = FilterDeferred if said.code < 500 else FilterRefused
    return kind(f"{name}: {said.code} {' '.join(said.lines)}", said.code, said.status, said.lines)


def _word(verdict: Verdict, apart: str | None) -> str:
    if verdict.refusal is not None:
        return "refused" if verdict.refusal.code >= 500 else "deferred"
    if verdict.discarded:
        return "discarded"
    return "accepted" if apart is None else "quarantined"


def _reason(verdict: Verdict, apart: str | None) -> str:
    return " ".join(verdict.refusal.lines) if verdict.refusal is not None else apart or ""
