"""What is said of a message that may be malicious: kinds, levels, findings with their evidence, and the report.

Values only; who finds and weighs is ``threats``.  Sentences are not here: a finding names its signal and the facts,
and what a person reads is rendered from them in the reader's language.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

EVIDENCE_CHARACTERS: Final = 200
"""The words of a message that a finding quotes are cut to this."""
DECIDING: Final = 3
"""Facts that are shown as those that decided."""


class Channel(Enum):
    """How the message came.  It is told, never guessed."""

    MAIL = "mail"
    SMS = "sms"
    CALL = "call"


class Kind(Enum):
    """What a malicious message is after."""

    SPAM = "spam"
    SCAM = "scam"
    PHISHING = "phishing"
    SPEAR_PHISHING = "spear_phishing"
    WHALING = "whaling"
    SMISHING = "smishing"
    VISHING = "vishing"
    SPOOFING = "spoofing"
    MALWARE = "malware"


class Level(Enum):
    """The one verdict, mildest first."""

    CLEAN = "clean"
    BULK = "bulk"
    SUSPICIOUS = "suspicious"
    MALICIOUS = "malicious"


class Group(Enum):
    """Where a finding was made; each group's weight has a bound, so that many words never outvote one fact."""

    AUTHENTICATION = "authentication"
    IDENTITY = "identity"
    ROUTE = "route"
    LINKS = "links"
    CONTENT = "content"
    ATTACHMENTS = "attachments"
    CONTEXT = "context"
    WORDS = "words"
    """What the learnt model of words says; alone it never makes a message malicious."""


class Evidence(msgspec.Struct, frozen=True):
    """Words that stand in the message.  ``where`` is the name of a header field, "text", "hidden", "link",
    "attachment", "envelope" or "history"; ``words`` are as they stand there (decoded), cut to EVIDENCE_CHARACTERS."""

    where: str
    words: str


class Finding(msgspec.Struct, frozen=True):
    """One signal that was seen.

    ``signal`` is its name, "group.words-with-dashes"; ``strength`` is 0 (not at all) to 1; ``facts`` fill the places
    of its sentences.
    """

    signal: str
    group: Group
    strength: float
    evidence: tuple[Evidence, ...] = ()
    facts: dict[str, str] = {}


class Reason(msgspec.Struct, frozen=True):
    """A finding and what it moved the log-odds of the verdict by; negative where it speaks for the message."""

    finding: Finding
    weight: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome.

    ``probability`` is that the message is not wanted at all (1 minus that of a good one), ``kinds`` that of each
    kind; both calibrated, 0 to 1.  ``kind`` is the primary one, None for a clean message.  ``score`` is the log-odds
    of ``probability``, and equals ``prior`` plus the weights of all ``reasons`` (within 1e-6), which come with the
    heaviest first.  ``groups`` says how many groups spoke.
    """

    version: int = 1
    channel: Channel
    level: Level
    kind: Kind | None
    probability: float
    score: float
    prior: float
    kinds: dict[Kind, float]
    reasons: tuple[Reason, ...]
    groups: int

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The facts that decided: those that speak for the verdict, heaviest first, at most DECIDING."""
        bad = self.level not in (Level.CLEAN,)
        return tuple(reason for reason in self.reasons if (reason.weight > 0) is bad and reason.weight)[:DECIDING]
