"""How sessions with other servers went, counted by UTC day.  RFC 8460."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from courriel.model.tls_session import TlsSession


class Tally(msgspec.Struct, frozen=True):
    """How many sessions were alike on one day."""

    session: TlsSession
    sessions: int


class TlsReports(Protocol):
    """They are statistics: what was counted in the last second may be gone after a crash."""

    def note(self, session: TlsSession) -> None:
        """Count a session for today.  Never waits, never raises."""
        ...

    async def tallies(self, day: str) -> Sequence[Tally]:
        """Those of a UTC day ("2026-11-24"), by domain, policy, result, server."""
        ...
