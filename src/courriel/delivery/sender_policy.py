"""What is done with a message by what is known of its sender.  Pure.

    an override for the author's domain   as the administrator says, until its day
    no author whom anybody could judge    junk
    DMARC fail, p=quarantine              junk
    DMARC fail, p=reject                  junk; refused with ``auth.reject``, unless it looks like a list's or a trusted
                                          server vouches for it
    SPF fail, and nothing else proven     as ``auth.spf_fail`` says
    all else                              accepted, with the verdicts written before it

RFC 9989 §7.4: nobody may refuse mail for p=reject alone, for lists break signatures.  Refusing happens in the session,
so that no bounce goes to somebody whose name was stolen (RFC 7208 §8.4; codes RFC 7372 §3).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from courriel.delivery.settings import SenderSettings
from courriel.model.judgement import Decision, Judgement, Ruling
from courriel.model.verdict import Result

_LIST: Final = re.compile(rb"^list-(?:id|post|unsubscribe)[ \t]*+:", re.MULTILINE)

_UNPRINTABLE: Final = re.compile(r"[^ -~]")

LINE_CHARACTERS: Final = 480
"""Of one line of a reply.  RFC 5321 §4.5.3.1.5: 512 with code and CRLF."""

ACCEPTED: Final = Ruling(Decision.ACCEPT)


def rule(judgement: Judgement, lowered_header: bytes, settings: SenderSettings, now: float) -> Ruling:
    """The ruling.  ``lowered_header`` is the header block in lower case, ``now`` POSIX time."""
    dmarc = judgement.dmarc
    override = settings.overrides.get(dmarc.domain)
    if override is not None and (not override.until or _day(now) <= override.until):
        return _overridden(override.action, dmarc.domain, override.reason)
    if dmarc.result is Result.PERMERROR:
        return Ruling(Decision.JUNK, f"DMARC permerror: {dmarc.reason}")
    if dmarc.result is Result.FAIL and dmarc.disposition != "none":
        return _by_dmarc(judgement, lowered_header, settings)
    if dmarc.result is not Result.PASS and judgement.origin.spf.result is Result.FAIL and not _is_signed(judgement):
        return _by_spf(judgement, settings)
    return ACCEPTED


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def _overridden(action: str, domain: str, reason: str) -> Ruling:
    why = f"override for {domain}: {reason}" if reason else f"override for {domain}"
    if action == "refuse":
        return Ruling(Decision.REFUSE, why, "5.7.1", _lines(f"Mail from {domain} is not taken here"))
    return Ruling(Decision(action), why)


def _by_dmarc(judgement: Judgement, lowered_header: bytes, settings: SenderSettings) -> Ruling:
    dmarc, arc = judgement.dmarc, judgement.dkim.arc
    why = f"DMARC fail: {dmarc.domain} has p={dmarc.disposition}"
    if arc is not None and arc.result is Result.PASS and arc.sealers and arc.sealers[-1] in settings.sealers:
        return Ruling(Decision.ACCEPT, f"{why}; {arc.sealers[-1]} vouches for it", override="trusted_forwarder")
    if dmarc.disposition != "reject" or not settings.reject or _LIST.search(lowered_header):
        return Ruling(Decision.JUNK, why, override="mailing_list" if _LIST.search(lowered_header) else "")
    # RFC 7372 §3.4: several checks failed; 5.7.1 where one passed, for a domain that is not the author's.
    proven = judgement.origin.spf.result is Result.PASS or _is_signed(judgement)
    return Ruling(Decision.REFUSE, why, "5.7.1" if proven else "5.7.26", _dmarc_text(judgement))


def _dmarc_text(judgement: Judgement) -> tuple[str, ...]:
    """What the sender's administrator has to know: what was found, and what would help."""
    origin, domain = judgement.origin, judgement.dmarc.domain
    signed = ", ".join(f"{one.result.value} ({one.domain})" for one in judgement.dkim.signatures[:2]) or "no signature"
    return _lines(
        f"DMARC: {domain} wants mail refused that is not proven to be its own",
        f"SPF: {origin.spf.result.value} ({origin.iprev.ip} for {origin.spf.domain})",
        f"DKIM: {signed}",
        f"Sign with d={domain}, or send from a server in its SPF record",
    )


def _lines(*texts: str) -> tuple[str, ...]:
    """For a reply: printable, and within a line.  Names in them come from strangers."""
    return tuple([_UNPRINTABLE.sub("?", text)[:LINE_CHARACTERS] for text in texts])


def _by_spf(judgement: Judgement, settings: SenderSettings) -> Ruling:
    spf, ip = judgement.origin.spf, judgement.origin.iprev.ip
    why = f"SPF fail: {ip} may not send for {spf.domain}"
    if settings.spf_fail == "mark":
        return Ruling(Decision.ACCEPT, why)
    if settings.spf_fail == "junk":
        return Ruling(Decision.JUNK, why)
    # RFC 7208 §6.2: the words are the domain's, and have to be told apart from ours.
    explained = [f"{spf.domain} explains: {spf.explanation}"] if spf.explanation else []
    return Ruling(Decision.REFUSE, why, "5.7.23", _lines(f"SPF: {ip} is no server of {spf.domain}", *explained))


def _is_signed(judgement: Judgement) -> bool:
    return any(one.result is Result.PASS for one in judgement.dkim.signatures)
