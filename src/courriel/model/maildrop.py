"""What of INBOX an account's POP3 clients are shown.  RFC 1939 knows one maildrop; which mail is in it is ours to say.

A view only hides: what is not in it stays in INBOX, and is seen by every other protocol.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from courriel.base.errors import FormatError

RECENT_DAYS: Final = 30
"""What RECENT shows; a month, as long as deleted mail can be brought back."""

DAY_S: Final = 86_400.0


def unique_id(uidvalidity: int, message: int) -> bytes:
    """The unique-id of a message, by its number in the account: no other ever has it.  RFC 1939 §7, UIDL."""
    return b"%d.m%d" % (uidvalidity, message)


class PopView(Enum):
    """Which messages a POP3 session has."""

    ALL = "all"
    NEW = "new"
    """Those that came into INBOX since the account's first login by POP3."""
    RECENT = "recent"
    """Those received in the last RECENT_DAYS."""


def parse_view(name: str) -> PopView:
    """Raises FormatError."""
    try:
        return PopView(name)
    except ValueError:
        raise FormatError("POP3 view", 0, "one of " + ", ".join(view.value for view in PopView)) from None
