"""The door of delivery: what SMTP and LMTP ask, in words of mail."""

from __future__ import annotations

from typing import Protocol

from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.transit import Receipt
from courriel.model.wishes import Wishes


class Intake(Protocol):
    """Judges senders and recipients one by one, and takes messages."""

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None:
        """Raises NotYourAddress (submission as somebody else) or another MailRefusal."""
        ...

    def check_wishes(self, wishes: Wishes) -> None:
        """Raises WishNotGranted for what is past the limits that were announced."""
        ...

    async def check_recipient(
        self, door: Door, client: Client, sender: Address, recipient: Recipient, declared_octets: int | None = None
    ) -> None:
        """Raises NoSuchAddress, RelayDenied, AccountDisabled, OverQuota, …; returning means "250".

        ``declared_octets`` is the size the client announced (RFC 1870), for the quota.
        """
        ...

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        """Take a whole message (CRLF line ends).  When this returns, every recipient with a fate other than
        refused is durable: in a mailbox or in the queue.

        Raises a MailRefusal when the message as a whole is refused (TooManyHops, BadMessage, TryLater, …).
        """
        ...
