"""What a worker asks of a connection to another server; ``carrier.py`` makes real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from courriel.base.errors import CourrielError
from courriel.delivery.relay.routing import Located
from courriel.model.attempt import Attempt
from courriel.model.envelope import Recipient
from courriel.model.queued import Queued, reverse_path_of
from courriel.net.tls_policy import TlsPolicy


class Outgoing(msgspec.Struct, frozen=True):
    """One message for some of its recipients; all of them have one reverse-path.  ``content`` is what they get."""

    message: Queued
    recipients: tuple[Recipient, ...]
    content: bytes

    @property
    def reverse_path(self) -> str:
        return reverse_path_of(self.message, self.recipients[0])


class Unreached(CourrielError):
    """A server could not be brought to take mail; ``attempt`` says how far we came."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.reply)
        self.attempt = attempt


class Link(Protocol):
    """An open connection."""

    @property
    def is_usable(self) -> bool:
        """Whether another message can be sent over it."""
        ...

    async def send(self, outgoing: Outgoing, following: Outgoing | None) -> Sequence[Attempt]:
        """One attempt for each recipient, in their order.  Never raises for what the other side does.

        ``following`` is what is given next, if the link is usable then; the link may begin with it.
        """
        ...

    async def close(self) -> None: ...


class Carrier(Protocol):
    """Opens connections."""

    async def policy(self, domain: str, located: Located, lax: bool) -> TlsPolicy:
        """What TLS has to be towards this host, for mail to ``domain``.  Raises NoRoute: it must not be used now.

        ``lax``: the sender would rather have it in clear than not at all (RFC 8689 §4.2.2).
        """
        ...

    async def connect(self, located: Located, policy: TlsPolicy) -> Link:
        """A connection to one of its addresses.  Raises Unreached, for the last of them."""
        ...
