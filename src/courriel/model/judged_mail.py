"""One judged message as the owner of its author's domain is told of it in an aggregate report.  RFC 9990 §3.1.1."""

from __future__ import annotations

import msgspec

from courriel.model.judgement import Decision, Judgement, Ruling
from courriel.model.verdict import Result

SIGNATURES = 5
"""``reports.signatures``: of one message that a row names; the author's own come first."""


class Signature(msgspec.Struct, frozen=True):
    """``result`` is a word of RFC 8601 §2.7.1."""

    domain: str
    selector: str
    result: str


class JudgedMail(msgspec.Struct, frozen=True):
    """Messages that are alike in all of this are one row.

    ``domain`` is where the policy was found, ``author`` the domain of From, ``envelope`` that of the reverse-path (""
    for the null one).  ``disposition`` is "pass", "none", "quarantine" or "reject": what was done; ``reason`` why it is
    not what the policy says, a word of RFC 9990's PolicyOverrideType, "" where it is.
    """

    domain: str
    author: str
    ip: str
    envelope: str
    disposition: str
    dkim: bool
    spf: bool
    reason: str
    signatures: tuple[Signature, ...]
    spf_domain: str
    spf_scope: str
    spf_result: str


_DONE = {Decision.ACCEPT: "none", Decision.JUNK: "quarantine", Decision.REFUSE: "reject"}


def judged_mail(judgement: Judgement, ruling: Ruling, ip: str, envelope: str) -> JudgedMail:
    """The row that a message belongs to."""
    dmarc, spf = judgement.dmarc, judgement.origin.spf
    passed = dmarc.result is Result.PASS
    done = "pass" if passed and ruling.decision is Decision.ACCEPT else _DONE[ruling.decision]
    return JudgedMail(
        dmarc.record,
        dmarc.domain,
        ip,
        envelope,
        done,
        dmarc.dkim_aligned,
        dmarc.spf_aligned,
        _reason(judgement, ruling, done),
        _signatures(judgement),
        spf.domain,
        spf.scope,
        spf.result.value,
    )


def _reason(judgement: Judgement, ruling: Ruling, done: str) -> str:
    wanted = "pass" if judgement.dmarc.result is Result.PASS else judgement.dmarc.disposition
    if done == wanted:
        return "policy_test_mode" if judgement.dmarc.reason.startswith("t=y") else ""
    return ruling.override or "local_policy"


def _signatures(judgement: Judgement) -> tuple[Signature, ...]:
    author = judgement.dmarc.domain
    ordered = sorted(judgement.dkim.signatures, key=lambda one: not author.endswith(one.domain.lower()))
    return tuple([Signature(one.domain, one.selector, one.result.value) for one in ordered[:SIGNATURES]])
