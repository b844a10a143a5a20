"""An outbound queue in memory.  Fulfils ``ports/queue.py: OutboundQueue``; nothing survives the process."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.errors import Damaged
from courriel.ports.queue import Queued


class MemoryQueue:
    """Messages by id, in the order in which they came."""

    def __init__(self) -> None:
        self._messages: dict[str, tuple[Queued, bytes]] = {}

    async def put(self, message: Queued, content: bytes) -> None:
        self._messages.setdefault(message.id, (message, content))

    async def list(self) -> Sequence[Queued]:
        return [message for message, _ in self._messages.values()]

    async def content(self, id: str) -> bytes:
        if id not in self._messages:
            raise Damaged(f"no message {id} in the queue")
        return self._messages[id][1]

    async def remove(self, id: str) -> bool:
        return self._messages.pop(id, None) is not None

    async def close(self) -> None:
        """Nothing to bring anywhere."""
