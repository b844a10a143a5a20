"""Who signed a message, DKIM and ARC together: what delivery asks (``ports.dkim_judge``)."""

from __future__ import annotations

from courriel.mailauth import arc, dkim2_verify, dkim_verify
from courriel.mailauth.replay import Replays
from courriel.model.envelope import Envelope
from courriel.model.judgement import DkimFindings
from courriel.model.verdict import DkimVerdict, Result
from courriel.ports.dkim_judge import DkimJudge
from courriel.ports.resolver import Resolver


class SignatureJudge(DkimJudge):
    """Copies of what passes are counted in ``replays``.  ``dkim2``: DKIM2 is looked at as well, and written down."""

    def __init__(self, resolver: Resolver, replays: Replays, *, dkim2: bool = False) -> None:
        self._resolver = resolver
        self._replays = replays
        self._dkim2 = dkim2

    async def judge(self, content: bytes, envelope: Envelope, now: float) -> DkimFindings:
        signatures = await dkim_verify.verify(content, self._resolver, lambda: now, self._replays)
        chain = await arc.validate(content, self._resolver)
        hops = await self._hops(content, envelope, now) if self._dkim2 else None
        return DkimFindings(signatures, None if chain.result is Result.NONE else chain, hops)

    async def _hops(self, content: bytes, envelope: Envelope, now: float) -> DkimVerdict | None:
        recipients = [f"<{recipient.address}>" for recipient in envelope.recipients]
        verdict = await dkim2_verify.verify(content, f"<{envelope.reverse_path}>", recipients, self._resolver, now)
        return None if verdict.result is Result.NONE else verdict
