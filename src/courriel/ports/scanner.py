"""Filters that look at a message before it is kept: what delivery asks of them."""

from __future__ import annotations

from typing import Protocol

import msgspec

from courriel.model.envelope import Envelope


class Scanned(msgspec.Struct, frozen=True):
    """The message as filters left it.

    ``quarantine``: why it is to be kept apart, None where it is not.  ``discarded``: to be dropped, although the
    client is told that it was taken.
    """

    envelope: Envelope
    content: bytes
    quarantine: str | None = None
    discarded: bool = False


class Scanner(Protocol):
    """Asks every filter that stands at the message's door, one after the other."""

    async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
        """Raises FilterRefused, FilterDeferred.  ``id`` is ours for the message."""
        ...
