"""``reject`` and ``ereject``: back to the sender, who is told why.  RFC 5429.

How (in the session, by a report, or not at all, so that nobody innocent gets it) is delivery's business; so the two
differ in nothing here (RFC 5429 §2.2 allows ``reject`` to refuse in the session).
"""

from __future__ import annotations

from typing import Final

from courriel.sieve.actions import Reject
from courriel.sieve.run import Run, StepFunction
from courriel.sieve.usage import Given, Takes, Usage

REASON_CHARACTERS: Final = 1_000
"""``sieve.reason``: what a sender is told; RFC 5321 §4.5.3.1.5 leaves 512 octets for a line of a reply."""


def _reject(given: Given) -> StepFunction:
    reason, line = given.text(0), given.line

    def step(run: Run) -> None:
        run.implicit_keep = False
        run.act(Reject(reason(run)[:REASON_CHARACTERS]), line)

    return step


COMMANDS: Final = {
    "reject": Usage(_reject, (Takes.STRING,), needs=("reject",)),
    "ereject": Usage(_reject, (Takes.STRING,), needs=("ereject",)),
}
TESTS: Final[dict[str, Usage]] = {}
