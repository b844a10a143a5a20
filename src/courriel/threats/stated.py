"""The verdicts on a sender as a server wrote them into a message: Authentication-Results.  RFC 8601.

Anybody can write such a field.  It counts only where the reader names the server whose fields count, and only the
topmost one of its name, with those that follow it before the next Received field: below stands what others wrote (§5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.reports import authres
from courriel.formats.reports.authres import MethodResult
from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.verdict import ArcVerdict, DkimVerdict, DmarcVerdict, Result, SpfVerdict

_LOOSE: Final = re.compile(r"(?<=[\s;])(?:action|oda|dis|p)=[^\s;()]*", re.IGNORECASE)
"""quirk: Exchange Online writes ``dmarc=fail action=quarantine header.from=…``: no ptype, so no property (§2.2)."""
_POLICY: Final = re.compile(r"\bp=(none|quarantine|reject)\b", re.IGNORECASE)
_DISPOSITION: Final = re.compile(r"\b(?:dis|action)=([a-z]+)", re.IGNORECASE)
_DMARC: Final = re.compile(r"\bdmarc\s*=[^;]*", re.IGNORECASE)
_RESULTS: Final = {one.value: one for one in Result} | {"hardfail": Result.FAIL, "permfail": Result.FAIL}
"""``hardfail`` is RFC 5451's word for a fail of SPF."""


def stated(headers: Sequence[tuple[str, str]], authserv_id: str) -> Judgement | None:
    """What the server ``authserv_id`` found out; None where no field of it stands in the message.

    ``headers`` as in ``View``: names in lower case, values decoded and unfolded, in order.
    """
    results: list[MethodResult] = []
    found, policy, disposition = False, "", ""
    for name, value in headers:
        if name == "received" and found:
            break
        if name != "authentication-results":
            continue
        read = _read(value)
        if read is None or read.authserv_id.lower().removesuffix(".") != authserv_id.lower().removesuffix("."):
            continue
        found = True
        results += read.results
        said = _DMARC.search(value)
        if said is not None:
            policy, disposition = _word(_POLICY, said[0]), _word(_DISPOSITION, said[0])
    return _judgement(results, policy, disposition) if found else None


def _word(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1].lower() if match is not None else ""


def _read(value: str) -> authres.AuthResults | None:
    for text in (value, _LOOSE.sub("", value)):
        try:
            return authres.parse(text.encode("utf-8", "replace"))
        except FormatError:
            continue
    return None


def _judgement(results: Sequence[MethodResult], policy: str, disposition: str) -> Judgement:
    spf = _spf(_of(results, "spf"))
    signatures = tuple(_dkim(one) for one in results if one.method == "dkim")
    iprev = _of(results, "iprev")
    arc = _of(results, "arc")
    return Judgement(
        Origin(spf, None, Iprev(_result(iprev), _property(iprev, "policy.iprev"))),
        DkimFindings(signatures, ArcVerdict(_result(arc)) if arc is not None else None),
        _dmarc(_of(results, "dmarc"), spf, signatures, policy, disposition),
    )


def _spf(one: MethodResult | None) -> SpfVerdict:
    sender = _property(one, "smtp.mailfrom")
    if sender:
        return SpfVerdict(_result(one), _domain(sender), "mfrom")
    return SpfVerdict(_result(one), _domain(_property(one, "smtp.helo")), "helo")


def _dkim(one: MethodResult) -> DkimVerdict:
    identity = _property(one, "header.i")
    domain = _property(one, "header.d") or _domain(identity)
    selector, algorithm = _property(one, "header.s"), _property(one, "header.a")
    return DkimVerdict(_result(one), domain.lower(), selector, identity, algorithm, one.reason)


def _dmarc(
    one: MethodResult | None, spf: SpfVerdict, signatures: Iterable[DkimVerdict], policy: str, disposition: str
) -> DmarcVerdict:
    domain = _domain(_property(one, "header.from"))
    signers = [each.domain for each in signatures if each.result is Result.PASS]
    return DmarcVerdict(
        _result(one),
        domain,
        policy,
        disposition,
        one.reason if one is not None else "",
        spf_aligned=spf.result is Result.PASS and _related(spf.domain, domain),
        dkim_aligned=any(_related(signer, domain) for signer in signers),
    )


def _of(results: Iterable[MethodResult], method: str) -> MethodResult | None:
    return next((one for one in results if one.method == method), None)


def _result(one: MethodResult | None) -> Result:
    return _RESULTS.get(one.result, Result.NONE) if one is not None else Result.NONE


def _property(one: MethodResult | None, name: str) -> str:
    if one is None:
        return ""
    return next((each.value for each in one.properties if f"{each.ptype}.{each.name}" == name), "")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _related(one: str, other: str) -> bool:
    """The same, or one above the other: what relaxed alignment comes to for domains that pass (RFC 9989 §5)."""
    return bool(one and other) and (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))
