"""Which connection the loop reads from: the one that shows all that was answered.  ADR 8.

While groups are in a transaction that is open, only the writer's own connection sees them, and it is the loop's to
use, but for the moments in which the writer thread has it.
"""

from __future__ import annotations

from typing import Any

import apsw

from courriel.store.sqlite.commit import Committer
from courriel.store.sqlite.redo import Unsettled


class Source:
    """Gives a connection, for use at once and for reading; ask ``readable`` before, or be where no group is."""

    def __init__(
        self, reader: apsw.Connection, writer: apsw.Connection, unsettled: Unsettled, committer: Committer[Any]
    ) -> None:
        self.reader = reader
        self._writer = writer
        self._unsettled = unsettled
        self._committer = committer

    def __call__(self) -> apsw.Connection:
        return self._writer if self._unsettled else self.reader

    @property
    def is_lent(self) -> bool:
        """Whether the thread has the only connection that shows all.  It settles first: that takes milliseconds."""
        return self._committer.lent and bool(self._unsettled)

    async def readable(self) -> None:
        """Wait until a connection may be used; only when ``is_lent``, which is cheaper to ask."""
        while self.is_lent:
            await self._committer.when_idle(lambda: None)

    async def settled(self) -> None:
        """Let connections of other threads see what was answered."""
        if self._unsettled:
            await self._committer.job(lambda: None)
