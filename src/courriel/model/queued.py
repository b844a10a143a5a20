"""A message in the queue, and the states of its recipients.  docs/queue.md has the table.

waiting ──attempt──▶ delivered | failed | expired        held ⇄ waiting by the administrator
   ▲──────deferred──────┘
"""

from __future__ import annotations

from enum import Enum

import msgspec

from courriel.model.attempt import Attempt
from courriel.model.envelope import Recipient
from courriel.model.wishes import Deadline


class State(Enum):
    """Where one recipient stands.  The last three are final."""

    WAITING = "waiting"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED})


class Queued(msgspec.Struct, frozen=True):
    """What does not change about a message in the queue.

    ``reverse_path`` is "" for a report.  ``held``: recipients begin held, ``reason`` says why in plain words.
    POSIX seconds: ``not_before`` when it may leave, ``release_at`` when its sender wants it to (RFC 4865; 0: at once),
    ``expire_at`` when to give up, ``look_at`` when to look at its age for the first time (0: never).
    ``deadline``, ``priority``, ``require_tls`` as in ``model/wishes.py``; ``tls_optional`` is the sender's
    "TLS-Required: No" (RFC 8689).  ``account`` says for whom it is sent (an id), "" where nobody logged in.
    ``personal`` are header fields that each recipient with a key gets before the message, ``{key}`` standing for it;
    ``forwarder`` is the address here that sends it on.
    """

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
    not_before: float = 0.0
    expire_at: float = 0.0
    look_at: float = 0.0
    release_at: float = 0.0
    deadline: Deadline | None = None
    priority: int = 0
    require_tls: bool = False
    tls_optional: bool = False
    account: str = ""
    personal: str = ""
    forwarder: str = ""

    @property
    def sharer(self) -> str:
        """Whose share of a destination it uses: one account's, whatever address it sends as."""
        return self.account or self.reverse_path


class Progress(msgspec.Struct, frozen=True):
    """How far one recipient has come.

    ``next_at`` is when it is due while WAITING.  ``tries`` counts attempts; ``last`` is the latest, ``last_at`` its
    time.  ``owes`` means that the sender is still owed a report of the final state.
    """

    state: State = State.WAITING
    next_at: float = 0.0
    tries: int = 0
    last: Attempt | None = None
    last_at: float = 0.0
    owes: bool = False

    def with_debt(self, owes: bool) -> Progress:
        """The same, with or without a report owed."""
        return msgspec.structs.replace(self, owes=owes) if owes != self.owes else self


class Entry(msgspec.Struct, frozen=True):
    """A message and where each of its recipients stands, in the order of ``message.recipients``."""

    message: Queued
    progress: tuple[Progress, ...]


class Claim(msgspec.Struct, frozen=True):
    """Recipients of one message and one domain, lent to whoever tries them: positions in ``message.recipients``."""

    message: Queued
    domain: str
    places: tuple[int, ...]
    progress: tuple[Progress, ...]
    """Of ``places``, in their order."""


class Mark(msgspec.Struct, frozen=True):
    """What is to be written of one recipient after an attempt or an order; ends the claim on it."""

    id: str
    place: int
    progress: Progress


def reverse_path_of(message: Queued, recipient: Recipient) -> str:
    """The reverse-path towards one recipient: with its key behind ``+``, so that a bounce says whose it is (VERP)."""
    local, at, domain = message.reverse_path.rpartition("@")
    return f"{local}+{recipient.key}{at}{domain}" if recipient.key else message.reverse_path


def personal_fields(personal: str, recipient: Recipient) -> bytes:
    """Header fields for one recipient alone."""
    return personal.replace("{key}", recipient.key).encode("utf-8") if recipient.key else b""


def domain_of(recipient: Recipient) -> str:
    """The destination a recipient is queued under."""
    return recipient.address.domain.lower()


def first_progress(message: Queued) -> Progress:
    """How every recipient begins."""
    if message.held:
        return Progress(State.HELD)
    return Progress(State.WAITING, max(message.queued_at, message.not_before))
