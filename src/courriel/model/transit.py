"""One message between the doors: what came, what was decided so far, and what became of each recipient."""

from __future__ import annotations

from enum import Enum

import msgspec

from courriel.model.envelope import Envelope, Recipient
from courriel.model.judgement import Judgement
from courriel.model.mailing_list import Asked
from courriel.model.refusals import MailRefusal
from courriel.model.wishes import Granted


class Fate(Enum):
    """What became of one recipient."""

    DELIVERED = "delivered"
    QUEUED = "queued"
    REFUSED = "refused"
    DISCARDED = "discarded"
    """Taken, and dropped because a filter wants it so."""


class Outcome(msgspec.Struct, frozen=True):
    """The fate of one recipient, with the reason where it was refused."""

    recipient: Recipient
    fate: Fate
    refusal: MailRefusal | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What intake answers once everything it accepted is durable.  ``id`` names the message in logs and replies."""

    id: str
    outcomes: tuple[Outcome, ...]


class Transit(msgspec.Struct):
    """A message on its way through the steps of delivery; each step adds what it found.

    ``content`` is the message as it came, CRLF line ends.  ``id`` is ours, for logs, Received and the queue.
    """

    id: str
    envelope: Envelope
    content: bytes
    received_at: float
    signed: bytes = b""
    """The content once it carries our signatures, where it is for us to sign."""
    received_field: bytes = b""
    """Ours, with the fields of ``verdict_fields`` before it."""
    verdict_fields: bytes = b""
    """What was found out about its sender, for programs."""
    granted: Granted = Granted()
    tls_optional: bool = False
    of_house: bool = False
    """Whether it is from people, devices or programs of this house for certain: such mail may be signed."""
    held: str = ""
    """Why it is kept back, "" when it is not."""
    quarantine: str | None = None
    """Why filters want it kept apart, if they do."""
    judgement: Judgement | None = None
    """What was found out about its sender; None where nobody looked."""
    spam: int = 0
    virus: int = 0
    """What the scan of its content says, for scripts: 0 not looked at, 1 clean, up to 10 and 5.  RFC 5235 §2, §3."""
    junk: str = ""
    """Why it goes among the junk of people here, "" when it does not."""
    outcomes: list[Outcome] = msgspec.field(default_factory=list)
    settles: list[Asked] = msgspec.field(default_factory=list)
    """Questions of lists that are answered once the message is taken."""
    notes: list[tuple[str, dict[str, str | int]]] = msgspec.field(default_factory=list)
    """Events (name, fields) of decisions on the way; told once the message is taken."""

    @property
    def may_be_answered(self) -> bool:
        """Whether a report to the reverse-path reaches who sent it.  AUTH attack row 37."""
        return self.judgement is None or self.judgement.proves(self.envelope.reverse_path.domain)
