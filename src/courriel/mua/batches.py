"""Messages from another server by the handful: as many as may be in memory, and are written in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from courriel.base.errors import FormatError
from courriel.formats import dates
from courriel.imap.client import ImapClient
from courriel.imap.wire.client_response import Value

BATCH_OCTETS: Final = 8 * 1024 * 1024
"""``mua.batch_octets``: octets of messages in memory, the last one may go beyond."""

ITEMS: Final = "(UID FLAGS INTERNALDATE BODY.PEEK[])"


class Fetched(Protocol):
    @property
    def raw(self) -> bytes: ...


def received_at(items: Mapping[bytes, Value]) -> float | None:
    """INTERNALDATE in POSIX seconds, None where it is not there or none."""
    date = items.get(b"INTERNALDATE")
    try:
        return dates.parse_internal(date).timestamp() if isinstance(date, bytes) else None
    except FormatError:
        return None


Message = TypeVar("Message", bound=Fetched)


async def batches(
    client: ImapClient, uids: Sequence[int], most: int, read: Callable[[Mapping[bytes, Value]], Message | None]
) -> AsyncIterator[list[Message]]:
    """The messages of these UIDs in lists of ``most``; what ``read`` makes nothing of is left out."""
    batch: list[Message] = []
    octets = 0
    async for items in client.each(uids, ITEMS):
        message = read(items)
        if message is None:
            continue
        batch.append(message)
        octets += len(message.raw)
        if len(batch) >= most or octets >= BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
