"""The wire of some accounts' connections, written to the log while somebody looks for a fault.

A trace begins after the login, so no password is in it.  Bodies are: it is switched on by hand, for one account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from courriel.base.log import log
from courriel.net.connection import Connection

PIECE_OCTETS: Final = 400
"""How much of one read or write is shown."""


class WireTraces:
    """Which accounts are traced.  Fulfils ``net.listener.Tracer``."""

    def __init__(self) -> None:
        self._accounts: set[int] = set()

    def switch(self, account: int, on: bool) -> None:
        """Trace the account's connections that log in from now on, or no longer."""
        (self._accounts.add if on else self._accounts.discard)(account)

    def trace(self, connection: Connection, account: int) -> Callable[[str, bytes], None] | None:
        if account not in self._accounts:
            return None

        def write(direction: str, data: bytes) -> None:
            if account in self._accounts:
                shown = data[:PIECE_OCTETS].decode("ascii", "backslashreplace")
                log.event("net.wire", conn=connection.id, direction=direction, octets=len(data), data=shown)

        return write
