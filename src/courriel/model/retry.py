"""When to try again, when to say that it takes long, when to give up.  RFC 5321 §4.5.4.1.  Pure.

The schedule is field practice (PEERS §1.2): soon at first, since greylisting ends within minutes, then ever more
seldom, and a random part so that what failed together does not come back together.
"""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.model.attempt import Attempt, Result
from courriel.model.queued import Progress, Queued, State
from courriel.model.wishes import Deadline

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0

EXPIRED_STATUS: Final = "4.4.7"
"""RFC 3463 §3.5: message expired."""


class RetrySettings(msgspec.Struct, frozen=True):
    """How patient the queue is."""

    delays_s: tuple[float, ...] = (60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)
    """Wait after the first, second … attempt; the last one repeats.  RFC 5321 asks for 30 minutes at least on
    average, and allows more often in the first hours."""
    spread: float = 0.1
    """Random part of a wait, as a share of it, either way."""
    expire_s: float = 5 * DAY_S
    """RFC 5321 §4.5.4.1: give up after four to five days."""
    warn_s: float = 4 * HOUR_S
    """The sender hears of the delay after this (field practice, RFC 3464 §2.3.3 "delayed")."""
    report_expire_s: float = DAY_S
    """A report that cannot be delivered is of no use for longer."""


def expiry(queued_at: float, reverse_path: str, settings: RetrySettings) -> float:
    """When to give up on a message that names no time of its own."""
    return queued_at + (settings.expire_s if reverse_path else settings.report_expire_s)


def moments(
    begins: float, reverse_path: str, deadline: Deadline | None, settings: RetrySettings
) -> tuple[float, float]:
    """When to give up on a message that may leave at ``begins``, and when to look at its age for the first time.

    A deadline brings the one forward (it returns when it is late) or sets the other.  RFC 2852 §4.
    """
    expire_at, warn_at = expiry(begins, reverse_path, settings), begins + settings.warn_s
    if deadline is not None and deadline.returns:
        expire_at = min(expire_at, deadline.at)
    elif deadline is not None:
        warn_at = deadline.at
    return expire_at, min(warn_at, expire_at)


def expires_at(message: Queued, settings: RetrySettings) -> float:
    """When to give up on a message of the queue."""
    return message.expire_at or expiry(message.queued_at, message.reverse_path, settings)


def delay_s(tries: int, chance: float, settings: RetrySettings) -> float:
    """The wait after attempt number ``tries`` (from 1); ``chance`` is random in [0, 1)."""
    base = settings.delays_s[min(tries, len(settings.delays_s)) - 1]
    return base * (1.0 + settings.spread * (2.0 * chance - 1.0))


def after(
    progress: Progress, attempt: Attempt, now: float, expire_at: float, chance: float, settings: RetrySettings
) -> Progress:
    """Where a recipient stands after ``attempt``.

    The last wait is cut so that one more attempt is made right before giving up; ``owes`` is the caller's matter.
    """
    tries = progress.tries + 1
    if attempt.result is Result.DELIVERED:
        return Progress(State.DELIVERED, 0.0, tries, attempt, now)
    if attempt.result is Result.FAILED:
        return Progress(State.FAILED, 0.0, tries, attempt, now)
    if now >= expire_at:
        return Progress(State.EXPIRED, 0.0, tries, attempt, now)
    wait = delay_s(tries, chance, settings)
    return Progress(State.WAITING, min(now + wait, expire_at), tries, attempt, now)
