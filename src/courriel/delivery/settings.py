"""Limits and habits of delivery, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from courriel.base.i18n import LANGUAGES
from courriel.model.retry import RetrySettings


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """``hostname`` names us in Received fields and message ids."""

    hostname: str
    hops: int = 50
    """Received fields a message may have.  RFC 5321 §6.3 asks for at least 100 as a limit if one counts simply;
    AUTH attack row 37 has 50, and real mail stays below 20."""
    header_octets: int = 1_048_576
    """Largest header block (AUTH attack row 7)."""
    header_fields: int = 1_000
    """Most fields in it."""
    hold: bool = True
    """Whether mail for elsewhere waits in the queue, visible, instead of leaving."""
    hold_reason: str = "relaying is switched off here"
    """What the queue says about mail that is held."""
    languages: tuple[str, ...] = LANGUAGES
    """Those of what we write to people, the reader's most likely one first."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    """When the queue gives up, and when it tells the sender that it takes long."""
