"""Who signed a message, DKIM and ARC together: what delivery asks (``ports.dkim_judge``)."""

from __future__ import annotations

from courriel.mailauth import arc, dkim_verify
from courriel.mailauth.replay import Replays
from courriel.model.judgement import DkimFindings
from courriel.model.verdict import Result
from courriel.ports.dkim_judge import DkimJudge
from courriel.ports.resolver import Resolver


class SignatureJudge(DkimJudge):
    """Copies of what passes are counted in ``replays``."""

    def __init__(self, resolver: Resolver, replays: Replays) -> None:
        self._resolver = resolver
        self._replays = replays

    async def judge(self, content: bytes, now: float) -> DkimFindings:
        signatures = await dkim_verify.verify(content, self._resolver, lambda: now, self._replays)
        chain = await arc.validate(content, self._resolver)
        return DkimFindings(signatures, None if chain.result is Result.NONE else chain)
