"""Which reports a sender is owed.  RFC 3461 §4.1, §5.2; RFC 5321 §6.1."""

from __future__ import annotations

from typing import Final

from courriel.model.envelope import Recipient

SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
DELAY: Final = "DELAY"

_BY_DEFAULT: Final = frozenset({FAILURE, DELAY})
"""RFC 3461 §4.1: without NOTIFY a report of failure is due; of delay, if the MTA likes."""


def is_owed(kind: str, reverse_path: str, recipient: Recipient) -> bool:
    """Whether the sender at ``reverse_path`` is to hear of ``kind``.  Never for a report itself ("")."""
    if not reverse_path:
        return False
    return kind in (_BY_DEFAULT if recipient.notify is None else recipient.notify)
