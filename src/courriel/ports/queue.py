"""Messages that wait to travel on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from courriel.model.queued import Claim, Entry, Mark, Queued


class OutboundQueue(Protocol):
    """A durable queue.  Every method raises Unavailable when the disk fails.

    A claim lends recipients to its holder until a time; it ends with a mark, with ``give_back``, when the time is
    over, and with the process.  So an attempt may be repeated after a crash, and none is ever forgotten.
    """

    async def put(self, message: Queued, content: bytes) -> None:
        """Durable when it returns.  With an id that is there already it does nothing: hand-over can be repeated."""
        ...

    async def put_all(self, messages: Sequence[tuple[Queued, bytes]]) -> None:
        """The same for several with their contents: all of them or none."""
        ...

    async def entries(self) -> Sequence[Entry]:
        """Everything, in the order in which it came."""
        ...

    async def entry(self, id: str) -> Entry | None: ...

    async def content(self, id: str) -> bytes:
        """Raises Unavailable for a message that is not there, Damaged for one that does not match its hash."""
        ...

    async def remove(self, id: str) -> bool:
        """Whether it was there."""
        ...

    def destinations(self) -> Mapping[str, float]:
        """Domains with recipients that wait, and when the first of them can be claimed (lent ones: after their time).

        It may name a domain too early (a claim then finds nothing and puts it right), never too late.
        """
        ...

    async def claim(self, domain: str, now: float, until: float, most: int) -> Sequence[Claim]:
        """Borrow up to ``most`` recipients of ``domain`` that are due until the time ``until``.

        Longest due first, where a higher priority counts as due for longer (``model/wishes.py: rank``).  Where more
        is due than that, those who send (``Queued.sharer``) have their turn one after the other, with equal parts,
        and the first in that order fill what is left.
        """
        ...

    async def claim_message(self, id: str, now: float, until: float) -> Sequence[Claim]:
        """Borrow all recipients of one message that wait and are not lent, due or not; a claim for each domain."""
        ...

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Write what became of recipients, in one transaction.

        A message whose recipients are all in a final state, and owe nothing, is gone with it.  Marks of messages
        that are not there are passed over.
        """
        ...

    def give_back(self, claims: Sequence[Claim]) -> None:
        """End claims without an attempt."""
        ...

    async def owing(self, most: int) -> Sequence[Entry]:
        """Messages with recipients whose final state the sender was not told of; oldest first."""
        ...

    async def overdue(self, now: float, most: int) -> Sequence[Entry]:
        """Messages whose age is to be looked at (to warn of, or to give up): the longest overdue, in order of arrival.

        The time is set by ``put`` (``Queued.look_at``) and by ``look_again``.
        """
        ...

    async def look_again(self, id: str, at: float) -> None:
        """Let ``overdue`` name this message next at ``at``."""
        ...

    def on_change(self, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called on the loop with a domain that has become due earlier than it was."""
        ...

    async def close(self) -> None: ...
