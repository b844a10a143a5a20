"""Whether somebody else seems to send with an account's password.  Pure.

Four signs are looked for in what the account did within the last hour or two.  Each of them has an innocent
explanation (a first newsletter, an old address list, a day on trains), so one alone means nothing; two together do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec


class Sign(Enum):
    """What was seen."""

    RATE = "rate"
    """Many more recipients than on the account's busiest day of the last weeks."""
    SPREAD = "spread"
    """Many different people, each written to by a message for a few only: lists and newsletters do not count."""
    FAILURES = "failures"
    """Many recipients whom their servers do not know or want, and a good part of all."""
    NETWORKS = "networks"
    """Logged in from many networks."""


@dataclass(frozen=True, slots=True)
class HijackSettings:
    """Thresholds; each has to be reached, two signs have to meet."""

    rate_times: int = 5
    """RATE: recipients within an hour, as a multiple of those of the busiest day."""
    rate_floor: int = 20
    """RATE: a busiest day counts as this at least; a person writes to some 20 others a day."""
    rate_floor_new: int = 100
    """RATE: the same for an account whose past is not known: somebody who moves in tells everybody."""
    known_days: int = 3
    """Days with mail after which an account's past is known."""
    spread: int = 100
    """SPREAD: different recipients."""
    few: int = 10
    """SPREAD: a message to no more than this many recipients is one to a few."""
    failed: int = 30
    """FAILURES: recipients refused for good."""
    failed_share: float = 0.3
    """FAILURES: part of all recipients that were tried; a list kept well has below 0.05, a bought one 0.3 and more."""
    networks: int = 6
    """NETWORKS: IPv4 /24 or IPv6 /48.  A phone on the way home has three or four in an hour."""


class Lately(msgspec.Struct, frozen=True):
    """What an account did.  ``busiest_day`` and ``known_days`` leave today out."""

    recipients: int = 0
    busiest_day: int = 0
    known_days: int = 0
    spread: int = 0
    failed: int = 0
    tried: int = 0
    networks: int = 0


def signs(lately: Lately, settings: HijackSettings) -> tuple[Sign, ...]:
    """Those that are there."""
    floor = settings.rate_floor if lately.known_days >= settings.known_days else settings.rate_floor_new
    usual = max(lately.busiest_day, floor)
    seen = {
        Sign.RATE: lately.recipients >= settings.rate_times * usual,
        Sign.SPREAD: lately.spread >= settings.spread,
        Sign.FAILURES: (
            lately.failed >= settings.failed and lately.failed >= settings.failed_share * max(lately.tried, 1)
        ),
        Sign.NETWORKS: lately.networks >= settings.networks,
    }
    return tuple(sign for sign, is_there in seen.items() if is_there)


def is_hijacked(found: tuple[Sign, ...]) -> bool:
    """Two signs."""
    return len(found) > 1
