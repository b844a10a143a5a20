"""What weighs how much: bounds of the groups, priors, and what learning has made of the signals' weights.

Hand-set where nothing was learnt.  Learning may change a weight; never its sign, never a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from courriel.model.threat import Channel, Group, Kind
from courriel.threats.signal import Signal

CAPS: Final[Mapping[Group, float]] = {
    Group.AUTHENTICATION: 6.0,
    Group.IDENTITY: 5.0,
    Group.ROUTE: 1.0,
    Group.LINKS: 5.0,
    Group.CONTENT: 3.5,
    Group.ATTACHMENTS: 6.0,
    Group.CONTEXT: 1.5,
    Group.WORDS: 4.0,
}
"""Log-odds that a group may add in all: ten words never outvote one fact."""

GOOD_CAP: Final = 4.0
"""Log-odds that all that speaks for a message may take away in all."""

GOOD_CAP_OF_FACTS: Final = 0.5
"""The same where a hard fact speaks against it: a mark "not junk" never silences a forged sender or a program."""

HARD: Final = 2.5
"""Log-odds from which on a fact is a hard one."""


@dataclass(frozen=True, slots=True)
class Weights:
    """``prior`` is the log-odds of a message of which nothing is known, by channel; ``learnt`` are log-odds at full
    strength by signal, in place of the hand-set ones; ``words`` the factor of the word model's log-odds.

    ``slope`` and ``shift`` make probabilities of log-odds, by channel (Platt): score = slope × sum + shift.
    """

    prior: Mapping[Channel, float] = field(
        default_factory=lambda: {Channel.MAIL: -2.2, Channel.SMS: -2.0, Channel.CALL: -1.5}
    )
    learnt: Mapping[str, float] = field(default_factory=dict)
    words: float = 0.7
    slope: Mapping[Channel, float] = field(default_factory=dict)
    shift: Mapping[Channel, float] = field(default_factory=dict)

    def of(self, signal: Signal) -> float:
        """Log-odds that the signal moves the verdict by at full strength."""
        return self.learnt.get(signal.name, max(signal.weights.values(), default=0.0) + signal.good)


KIND_PRIORS: Final[Mapping[Kind, float]] = {
    Kind.SPAM: 0.3,
    Kind.SCAM: -0.7,
    Kind.PHISHING: 0.0,
    Kind.SPEAR_PHISHING: -1.0,
    Kind.WHALING: -1.0,
    Kind.SMISHING: 0.0,
    Kind.VISHING: -0.5,
    Kind.SPOOFING: -1.0,
    Kind.MALWARE: -0.7,
}
"""How common the kinds are among unwanted messages, against one another."""
