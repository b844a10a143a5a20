"""How much each thing counts, for each channel: what ``tools.model`` fitted, kept as readable JSON beside the tables.

A signal's own weights are set by hand where it is defined; fitting only makes them larger or smaller within bounds,
so that no sign ever turns (a telephone number never speaks for a message).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from courriel.model.threat import Channel, Group, Kind

LEAST: Final = 0.25
MOST: Final = 2.0
"""Times its hand-set weight that a signal may come to count."""
AGAINST: Final[Mapping[Group, float]] = {
    Group.AUTHENTICATION: 4.0,
    Group.IDENTITY: 5.0,
    Group.ROUTE: 2.0,
    Group.LINKS: 5.0,
    Group.CONTENT: 4.5,
    Group.ATTACHMENTS: 6.0,
    Group.CONTEXT: 3.0,
    Group.WORDS: 16.0,
}
"""Log-odds that all findings of a group together may speak against a message."""
FOR: Final[Mapping[Group, float]] = dict.fromkeys(Group, 3.0) | {Group.WORDS: 16.0}
"""… and for it."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Of one channel.

    ``prior`` is the log-odds before anything is seen.  What the words say is ``words_cap`` · tanh of their log-odds
    less ``words_zero``, times ``words_slope``, over ``words_cap``.  ``signals``: name → factor on its hand-set weight,
    1 where it is missing.  ``kinds``: log-odds of each kind, given that the message is bad; a kind that is missing
    does not come by this channel.
    """

    prior: float
    words_slope: float
    words_zero: float
    words_cap: float
    signals: dict[str, float]
    kinds: dict[Kind, float]


@cache
def weights(channel: Channel) -> Weights:
    """Those that come with the package."""
    raw = (files("courriel.threats") / "tables" / "weights.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[Channel, Weights])[channel]
