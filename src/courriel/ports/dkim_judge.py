"""Who signed a message: what delivery asks of DKIM and ARC."""

from __future__ import annotations

from typing import Protocol

from courriel.model.envelope import Envelope
from courriel.model.judgement import DkimFindings


class DkimJudge(Protocol):
    """RFC 6376 §6, RFC 8617 §5.2."""

    async def judge(self, content: bytes, envelope: Envelope, now: float) -> DkimFindings:
        """Verdicts on the signatures of a message (CRLF line ends); ``now`` is POSIX time.

        Raises nothing: what the DNS or a signature lacks is in the verdicts.
        """
        ...
