"""Limits and habits of delivery, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from courriel.base.i18n import LANGUAGES
from courriel.model.retry import RetrySettings
from courriel.model.wishes import WishLimits


@dataclass(frozen=True, slots=True)
class SubmissionSettings:
    """How much people of the house may send; an account may have limits of its own."""

    messages_per_hour: int = 200
    """Messages of one account within an hour, 0: no limit.  A person writes some 40 a day; providers let 100 to 500
    an hour pass, and a stolen password is worth less the lower it is."""
    recipients_per_day: int = 2_000
    """Recipients of one account within 24 hours, 0: no limit.  Google Workspace has 2,000, Microsoft 365 10,000."""
    watch: bool = True
    """Whether mail is held when an account seems to be in other hands (``model/hijack.py``)."""


@dataclass(frozen=True, slots=True)
class SenderOverride:
    """What is done with mail of one author's domain, whatever was found out about it."""

    action: Literal["accept", "junk", "refuse"]
    reason: str = ""
    until: str = ""
    """The last UTC day, "2026-12-31"; "" for good."""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How mail from elsewhere is judged (``delivery/sender_policy.py``)."""

    reject: bool = False
    """Refuse what fails DMARC with p=reject, where nothing speaks for a list; else it goes among the junk."""
    spf_fail: Literal["mark", "junk", "refuse"] = "mark"
    """What is done where the sender's domain says "-all" and has no DMARC policy; a forward looks the same."""
    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks whose mail is not judged: this machine, and relays of ours that have done so."""
    sealers: tuple[str, ...] = ()
    """Domains whose ARC seal is believed."""
    relays: tuple[str, ...] = ()
    """Networks of our own relays (a second MX, a gateway): mail through them is judged by who connected to them."""
    overrides: dict[str, SenderOverride] = field(default_factory=dict)
    """By the author's domain."""


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
    wishes: WishLimits = field(default_factory=WishLimits)
    """What senders may wish for."""
    languages: tuple[str, ...] = LANGUAGES
    """Those of what we write to people, the reader's most likely one first."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    """When the queue gives up, and when it tells the sender that it takes long."""
