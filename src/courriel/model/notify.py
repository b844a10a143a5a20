"""Which reports a sender is owed.  RFC 3461 §4.1, §5.2; RFC 5321 §6.1."""

from __future__ import annotations

from typing import Final

from courriel.model.attempt import Attempt
from courriel.model.envelope import Recipient
from courriel.model.queued import Queued

SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
DELAY: Final = "DELAY"
NEVER: Final = frozenset({"NEVER"})
"""NOTIFY of what nobody is to hear of again: reports, letters of our own, mail in a name that may be stolen."""

_BY_DEFAULT: Final = frozenset({FAILURE, DELAY})
"""RFC 3461 §4.1: without NOTIFY a report of failure is due; of delay, if the MTA likes."""


def is_success_owed(message: Queued, recipient: Recipient, attempt: Attempt) -> bool:
    """Whether the sender hears of a hand-over from us: asked for where the other side does not report, or traced."""
    return is_traced(message, recipient) or (
        is_owed(SUCCESS, message.reverse_path, recipient) and not attempt.passed_dsn
    )


def is_traced(message: Queued, recipient: Recipient) -> bool:
    """Whether each hand-over is reported.  RFC 2852 §4, ``by-trace``; NOTIFY=NEVER comes first."""
    traced = message.deadline is not None and message.deadline.traced
    return traced and bool(message.reverse_path) and recipient.notify != NEVER


def is_owed(kind: str, reverse_path: str, recipient: Recipient) -> bool:
    """Whether the sender at ``reverse_path`` is to hear of ``kind``.  Never for a report itself ("")."""
    if not reverse_path:
        return False
    return kind in (_BY_DEFAULT if recipient.notify is None else recipient.notify)
