"""What a sender wishes for a message: a time to leave, a time to be there, precedence, TLS all the way.

FUTURERELEASE RFC 4865, DELIVERBY RFC 2852, MT-PRIORITY RFC 6710, REQUIRETLS RFC 8689.  Pure.
"""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.model.refusals import WishNotGranted

PRIORITIES: Final = range(-9, 10)
"""RFC 6710 §3: the priorities there are; 0 is that of all mail that says nothing."""

PRIORITY_S: Final = 60.0
"""``queue.priority``: how far ahead of its time a message goes for each step of priority.  So one of 9 is before
those of 0 that became due in the last nine minutes, and one of -9 waits 18 minutes longer than one of 9, at most."""


class Deadline(msgspec.Struct, frozen=True):
    """BY of MAIL.  RFC 2852 §4.

    ``at`` is POSIX seconds (in a wish of MAIL: seconds from now).  ``returns`` (mode R): a message that is late goes
    back; else (mode N) its sender hears of the delay.  ``traced``: each hand-over is reported.
    """

    at: float
    returns: bool = False
    traced: bool = False

    def is_missed(self, now: float) -> bool:
        """Whether the message must go back."""
        return self.returns and now >= self.at


class Wishes(msgspec.Struct, frozen=True):
    """As MAIL said them.  ``hold_s`` (HOLDFOR) is seconds, ``hold_until`` (HOLDUNTIL) POSIX seconds; 0: not said.

    ``deadline.at`` counts from when MAIL came.  ``priority`` None: not said.
    """

    hold_s: int = 0
    hold_until: float = 0.0
    deadline: Deadline | None = None
    priority: int | None = None
    require_tls: bool = False

    @property
    def is_for_submission(self) -> bool:
        """Whether something is asked that only people of the house may ask."""
        return bool(self.hold_s or self.hold_until or self.deadline is not None or self.priority is not None)


NO_WISHES: Final = Wishes()


class WishLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be wished for, each announced in the answer to EHLO."""

    longest_hold_s: int = 30 * 86_400
    """``max-future-release-interval`` of RFC 4865 §4: a month, as the calendars of sending programs offer."""
    shortest_deadline_s: int = 300
    """``min-by-time`` of RFC 2852 §2: below it a first retry (one minute) and a resolver's patience leave no room."""
    highest_priority: int = 4
    """Higher ones are lowered to this.  RFC 6710 §5 leaves the rule to the site: people of the house may go before
    each other, and what is above stays free for a server's own urgent mail."""


class Granted(msgspec.Struct, frozen=True):
    """Wishes at a fixed time: ``release_at`` and the deadline are POSIX seconds, 0 and None where there is none."""

    release_at: float = 0.0
    deadline: Deadline | None = None
    priority: int = 0
    require_tls: bool = False


def grant(wishes: Wishes, now: float, limits: WishLimits) -> Granted:
    """What is promised to the sender.  Raises WishNotGranted for what is past the limits that were announced."""
    release_at = wishes.hold_until or (now + wishes.hold_s if wishes.hold_s else 0.0)
    if release_at > now + limits.longest_hold_s:
        raise WishNotGranted("HOLDFOR and HOLDUNTIL: longer than announced (RFC 4865)")
    deadline = wishes.deadline
    if deadline is not None:
        if deadline.returns and deadline.at < limits.shortest_deadline_s:
            raise WishNotGranted("BY: shorter than announced (RFC 2852)")
        deadline = msgspec.structs.replace(deadline, at=now + deadline.at)
        if deadline.is_missed(release_at):
            raise WishNotGranted("BY: before the message may leave")
    priority = min(wishes.priority or 0, limits.highest_priority)
    return Granted(release_at if release_at > now else 0.0, deadline, priority, wishes.require_tls)


def rank(due_at: float, priority: int) -> float:
    """The order in which what is due is taken: the smallest first."""
    return due_at - priority * PRIORITY_S
