"""What people's own acts say of mail: junk, or not.  Keywords $Junk and $NotJunk are registered with IANA (RFC 9051
§2.3.2); Junk, NonJunk and NotJunk are what Thunderbird and others write.

Only what a person (or the mail program in his name) did is a lesson; what a filter decided on delivery is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

from courriel.model.ids import AccountId, MessageId
from courriel.model.mailbox import Role

JUNK_KEYWORDS: Final = frozenset({"$junk", "junk"})
GOOD_KEYWORDS: Final = frozenset({"$notjunk", "notjunk", "nonjunk"})
"""In lower case; keywords have none."""


class Act(Enum):
    """How it was taught.  A keyword may be the guess of a mail program's own filter, a move is a person's doing."""

    MOVED = "moved"
    FLAGGED = "flagged"


class Lesson(msgspec.Struct, frozen=True):
    """One message and what it is.

    ``content`` is the message's origin (``Column.ORIGIN``), the same for all copies: of one content the last lesson
    counts.  ``message`` can be read as long as it is stored or restorable.  ``at`` is POSIX seconds.
    """

    account: AccountId
    content: MessageId
    message: MessageId
    is_junk: bool
    act: Act
    at: float


def of_move(source: Role | None, target: Role | None) -> bool | None:
    """What moving or copying between mailboxes with these roles says: is it junk?  None: nothing.

    Taking junk to the trash only tidies up.
    """
    if (source is Role.JUNK) is (target is Role.JUNK):
        return None
    if target is Role.TRASH:
        return None
    return target is Role.JUNK


def of_keywords(names: Iterable[str]) -> bool | None:
    """What adding these says; None: nothing, or both."""
    lower = {name.lower() for name in names}
    is_junk, is_good = not lower.isdisjoint(JUNK_KEYWORDS), not lower.isdisjoint(GOOD_KEYWORDS)
    return None if is_junk is is_good else is_junk
