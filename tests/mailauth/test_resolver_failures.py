"""Every way a resolver can fail, and the result that each judge's RFC gives it.

No answer that can be believed (nobody answers, SERVFAIL, bogus DNSSEC) is a temperror: RFC 7208 §2.6.6, RFC 6376
§6.1.2, RFC 8601 §2.7.3, RFC 9989 §5.3.  An answer that says "nothing" is no failure.  RFC 8617 §5.2 knows no temporary
error for a chain: it fails.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from courriel.mailauth import arc, dkim_verify, evaluate
from courriel.mailauth.arc_seal import seal
from courriel.mailauth.dkim_sign import SigningKey, sign
from courriel.model.envelope import Client, reverse_path_of_text
from courriel.model.judgement import DkimFindings, Judgement
from courriel.model.verdict import ArcVerdict, Result
from courriel.ports.resolver import Answer, DnsFailure, Status
from tests.mailauth.signing import MESSAGE, ed25519_key

NOW = 1_800_000_000.0
CLIENT = Client("192.0.2.1", 1, helo="mx.example.org")
SENDER = reverse_path_of_text("alice@example.org")
KEY = SigningKey("example.org", "e", ed25519_key())


class Failing:
    """Fulfils ``ports.resolver.Resolver``: the same for every question."""

    def __init__(self, outcome: DnsFailure | Status) -> None:
        self._outcome = outcome

    async def _ask(self, name: str) -> Answer[Any]:
        if isinstance(self._outcome, DnsFailure):
            raise self._outcome
        return Answer(self._outcome, (), name, False, 60)

    mx = a = aaaa = txt = tlsa = ptr = _ask


def judge(resolver: Failing) -> Judgement:
    async def ask() -> Judgement:
        origin = await evaluate.of_connection(CLIENT, SENDER, "mx.here", NOW, resolver)
        content = sign(MESSAGE, [KEY], NOW) + MESSAGE
        chained = seal(content, b"mx.one.test; spf=pass", ArcVerdict(Result.NONE), KEY, NOW) + content
        findings = DkimFindings(
            await dkim_verify.verify(chained, resolver, lambda: NOW), await arc.validate(chained, resolver)
        )
        return await evaluate.of_message(origin, [b"alice@example.org"], findings, resolver)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("outcome", "spf", "dkim", "chain", "dmarc", "iprev"),
    [
        (DnsFailure("nobody answers"), "temperror", "temperror", "fail", "temperror", "temperror"),
        (DnsFailure("SERVFAIL"), "temperror", "temperror", "fail", "temperror", "temperror"),
        (DnsFailure("no chain", bogus=True), "temperror", "temperror", "fail", "temperror", "temperror"),
        (Status.NO_NAME, "none", "permerror", "fail", "none", "permerror"),
        (Status.NO_DATA, "none", "permerror", "fail", "none", "permerror"),
    ],
    ids=["timeout", "servfail", "bogus", "no name", "no data"],
)
def test_results(outcome: DnsFailure | Status, spf: str, dkim: str, chain: str, dmarc: str, iprev: str) -> None:
    found = judge(Failing(outcome))
    assert found.origin.helo is not None and found.dkim.arc is not None
    results = found.origin.spf.result, found.origin.helo.result, found.dkim.signatures[0].result
    assert [one.value for one in results] == [spf, spf, dkim]
    assert found.dkim.arc.result.value == chain
    assert (found.dmarc.result.value, found.origin.iprev.result.value) == (dmarc, iprev)
    assert found.dmarc.disposition == "none", "what could not be asked refuses nobody"
