"""What is written before a message about who sent it: Authentication-Results and Received-SPF.

Sources: RFC 8601 §2.7 (methods and their properties), RFC 7208 §9, RFC 6008 (header.b).  A domain that is none is not
written: readers of these fields must not be led to believe in it (AUTH attack row 12, A4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from courriel.formats.reports import authres
from courriel.formats.reports.authres import AuthResults, MethodResult, Property
from courriel.model.envelope import Address, Client
from courriel.model.judgement import Judgement
from courriel.model.verdict import DkimVerdict, Result, SpfVerdict

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_IDENTITY: Final = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{0,64}@" + _DOMAIN.pattern)
_WORD: Final = re.compile(r"[A-Za-z0-9+/=_.-]{1,80}")
_DOT_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNSAFE: Final = re.compile(r"[^ -~]")
_COMMENT_UNSAFE: Final = re.compile(r"[^ !\"$-'*-\[\]-~]")

SHORT_CHARACTERS: Final = 120
"""Of a name or an address in a comment."""


def fields(judgement: Judgement, client: Client, reverse_path: Address, hostname: str) -> bytes:
    """Both fields with their CRLF, to stand before our Received.  RFC 8601 §4.1, RFC 7208 §9.1."""
    found = AuthResults(hostname, tuple(_methods(judgement, reverse_path)))
    return authres.render(found) + received_spf(judgement.origin.spf, client, reverse_path, hostname)


def _methods(judgement: Judgement, reverse_path: Address) -> Iterator[MethodResult]:
    origin, dmarc, arc = judgement.origin, judgement.dmarc, judgement.dkim.arc
    yield _spf(origin.spf, reverse_path)
    if origin.helo is not None:
        yield _spf(origin.helo, reverse_path)
    for signature in judgement.dkim.signatures:
        yield _dkim(signature)
    if not judgement.dkim.signatures:
        yield MethodResult("dkim", Result.NONE.value)
    if (hops := judgement.dkim.dkim2) is not None:  # no method of RFC 8601 yet: a draft's name for it
        yield MethodResult("dkim2", hops.result.value, _properties(("header", "d", hops.domain, _DOMAIN)), hops.reason)
    if arc is not None:
        yield MethodResult("arc", arc.result.value, reason=arc.reason)
    yield MethodResult(
        "dmarc",
        dmarc.result.value,
        _properties(("header", "from", dmarc.domain, _DOMAIN)),
        dmarc.reason,
        comment=f"p={dmarc.policy}" if dmarc.policy else "",
    )
    iprev = origin.iprev
    yield MethodResult("iprev", iprev.result.value, (Property("policy", "iprev", iprev.ip),), comment=iprev.name)


def _spf(verdict: SpfVerdict, reverse_path: Address) -> MethodResult:
    if verdict.scope == "helo":
        return MethodResult("spf", verdict.result.value, _properties(("smtp", "helo", verdict.domain, _DOMAIN)))
    return MethodResult("spf", verdict.result.value, (Property("smtp", "mailfrom", str(reverse_path)),))


def _dkim(verdict: DkimVerdict) -> MethodResult:
    found = _properties(
        ("header", "d", verdict.domain, _DOMAIN),
        ("header", "i", verdict.identity, _IDENTITY),
        ("header", "s", verdict.selector, _DOMAIN),
        ("header", "a", verdict.algorithm, _WORD),
        ("header", "b", verdict.b, _WORD),
    )
    return MethodResult("dkim", verdict.result.value, found, verdict.reason)


def _properties(*asked: tuple[str, str, str, re.Pattern[str]]) -> tuple[Property, ...]:
    """Those whose value is what it claims to be."""
    return tuple([Property(kind, name, value) for kind, name, value, shape in asked if shape.fullmatch(value)])


# --- Received-SPF -----------------------------------------------------------------------------------------------

_SAYS: Final = {
    Result.PASS: "{who} designates {ip} as permitted sender",
    Result.FAIL: "{who} does not designate {ip} as permitted sender",
    Result.SOFTFAIL: "{who} does not expect mail from {ip}",
    Result.NEUTRAL: "{who} says nothing about {ip}",
    Result.NONE: "{who} has no SPF record",
    Result.TEMPERROR: "the record of {who} cannot be had now",
    Result.PERMERROR: "the record of {who} cannot be understood",
}


def received_spf(verdict: SpfVerdict, client: Client, reverse_path: Address, hostname: str) -> bytes:
    """One field with its CRLF.  RFC 7208 §9.1."""
    mail = verdict.scope == "mfrom"
    says = _SAYS.get(verdict.result, "").format(who=f"domain of {_comment(verdict.domain)}", ip=_comment(client.ip))
    pairs = [
        ("client-ip", client.ip),
        ("envelope-from", str(reverse_path)),
        ("helo", client.helo),
        ("identity", "mailfrom" if mail else "helo"),
        ("receiver", hostname),
    ]
    if verdict.result in (Result.TEMPERROR, Result.PERMERROR) and verdict.trace:
        pairs.append(("problem", verdict.trace[-1]))
    told = ";\r\n\t".join([f"{key}={_quoted(value)}" for key, value in pairs])
    return f"Received-SPF: {verdict.result.value} ({_comment(hostname)}: {says})\r\n\t{told}\r\n".encode()


def _comment(text: str) -> str:
    return _COMMENT_UNSAFE.sub("?", text[:SHORT_CHARACTERS])


def _quoted(text: str) -> str:
    text = _UNSAFE.sub("?", text[: authres.VALUE_CHARACTERS])
    if _DOT_ATOM.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
