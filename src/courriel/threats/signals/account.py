"""What the account's own marks of junk and good say of a message; ``threats.marks`` finds out.

How it is evaded: by mail that resembles what the reader likes, so marks never make up for a forged sender.
"""

from __future__ import annotations

from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Group, Kind
from courriel.threats.signal import Look, Signal

MOST: Final = 4.0
"""Log-odds that an account's marks add or take at most."""

JUNK: Final = Signal(
    name="context.own-marks-junk",
    group=Group.CONTEXT,
    seen=N_("It resembles messages that you marked as junk ({junk} so far)."),
    why=N_("What you mark is learnt for your account alone."),
    then=N_("If this is wrong, mark the message as not junk."),
    weights={Kind.SPAM: MOST},
    fact=False,
)
GOOD: Final = Signal(
    name="context.own-marks-good",
    group=Group.CONTEXT,
    seen=N_("It resembles messages that you kept or marked as good ({good} so far)."),
    why=N_("What you mark is learnt for your account alone."),
    then=N_("If this is wrong, mark the message as junk."),
    weights={},
    good=-MOST,
    fact=False,
)

SIGNALS: Final[tuple[Signal, ...]] = (JUNK, GOOD)
LOOKS: Final[tuple[Look, ...]] = ()
"""Nothing looks at a message alone: ``threats.marks`` is asked, with what the account remembers."""
