"""Messages that wait to travel on.  This issue holds them durably; sending is the relay's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from courriel.model.envelope import Recipient


class Queued(msgspec.Struct, frozen=True):
    """One message in the queue.  ``reason`` says in plain words why it is held, empty when it is due."""

    id: str
    reverse_path: str
    recipients: tuple[Recipient, ...]
    queued_at: float
    size_octets: int
    envid: str | None = None
    ret: str | None = None
    smtputf8: bool = False
    body: str = "7BIT"
    held: bool = False
    reason: str = ""


class OutboundQueue(Protocol):
    """A durable queue.  ``put`` with an id that is there already does nothing: hand-over can be repeated."""

    async def put(self, message: Queued, content: bytes) -> None: ...

    async def list(self) -> Sequence[Queued]: ...

    async def content(self, id: str) -> bytes: ...

    async def remove(self, id: str) -> bool: ...

    async def close(self) -> None: ...
