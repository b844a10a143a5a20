"""Known malware by ClamAV, beside the filters.  Fulfils ``ports.scanner.Scanner``.

a signature matches             refused in the session, or kept apart, as the settings say
a guess of ClamAV's matches     kept apart: guesses, unwanted programs and signatures of others are not certain
it cannot be asked              as the settings say
larger than is asked about      passes, and the journey says so
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from courriel.base.errors import Unavailable
from courriel.base.log import Level, log
from courriel.model.envelope import Door, Envelope
from courriel.model.refusals import FilterDeferred, FilterRefused
from courriel.net import clamd
from courriel.ports.scanner import Scanned, Scanner

NAME: Final = "clamav"

AT_ONCE: Final = 4
"""``clamav.at_once``: messages asked about at a time; clamd has 10 threads by default (MaxThreads)."""

UNCERTAIN: Final = ("Heuristics.", "PUA.")
OF_OTHERS: Final = ".UNOFFICIAL"
"""How ClamAV names what is a guess, an unwanted program, and a signature that is not its own."""


@dataclass(frozen=True, slots=True)
class AntivirusSettings:
    """``place`` is host and port, or the path of a socket and 0."""

    place: tuple[str, int]
    doors: frozenset[Door] = frozenset({Door.MX, Door.SUBMISSION})
    found: Literal["reject", "quarantine"] = "reject"
    """What becomes of known malware."""
    on_failure: Literal["accept", "tempfail"] = "tempfail"
    """What becomes of mail while ClamAV cannot be asked; clamav-milter defers, too."""
    timeout_s: float = 30.0
    """Longest for one message, waiting for its turn not counted."""
    octets: int = 26_214_400
    """Larger messages are not asked about: clamd's StreamMaxLength was 25 MiB for most of its life."""


class Antivirus:
    """Asks ClamAV about each message, and then ``after`` (the filters), if there is any."""

    def __init__(
        self, settings: AntivirusSettings, after: Scanner | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """``now`` counts seconds, for the log."""
        self._settings = settings
        self._after = after
        self._now = now
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
        apart = await self._look(id, content) if envelope.door in self._settings.doors else None
        scanned = Scanned(envelope, content)
        if self._after is not None:
            scanned = await self._after.scan(id, envelope, content)
        return scanned if apart is None else msgspec.structs.replace(scanned, quarantine=apart)

    async def _look(self, id: str, content: bytes) -> str | None:
        """Why it is to be kept apart, None where it is not.  Raises FilterRefused, FilterDeferred."""
        settings, began = self._settings, self._now()
        if len(content) > settings.octets:
            self._tell(id, "accepted", f"{len(content)} octets are too many to look at", began)
            return None
        try:
            async with self._turns:
                # A task of its own: a command runs without one until it first waits (net/eager.py).
                name = await asyncio.ensure_future(clamd.ask(settings.place, content, settings.timeout_s))
        except Unavailable as error:
            log.event("clamav.failed", Level.ERROR, msg=id, error=str(error))
            if settings.on_failure == "tempfail":
                raise FilterDeferred("ClamAV cannot be asked") from None
            return None
        if not name:
            self._tell(id, "accepted", "", began)
            return None
        if settings.found == "reject" and is_certain(name):
            self._tell(id, "refused", name, began)
            raise FilterRefused(f"malware: {name}", 550, "5.7.1", (f"Malware was found: {name}",))
        self._tell(id, "quarantined", name, began)
        return f"malware: {name}"

    def _tell(self, id: str, verdict: str, reason: str, began: float) -> None:
        """As filters do, so that the journey shows it as one of them."""
        seconds = round(self._now() - began, 3)
        log.event("milter.asked", msg=id, milter=NAME, verdict=verdict, changes=0, reason=reason, seconds=seconds)


def is_certain(name: str) -> bool:
    """Whether ClamAV's own signature of known malware has this name."""
    return not name.startswith(UNCERTAIN) and not name.endswith(OF_OTHERS)
