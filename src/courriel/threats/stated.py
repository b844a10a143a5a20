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
from courriel.threats.reading import header
from courriel.threats.reading.reach import is_public
from courriel.threats.view import Arrival, Hop

_LOOSE: Final = re.compile(r"(?<=[\s;])(?:action|oda|dis|p)=[^\s;()]*", re.IGNORECASE)
"""quirk: Exchange Online writes ``dmarc=fail action=quarantine header.from=…``: no ptype, so no property (§2.2)."""
_POLICY: Final = re.compile(r"\bp=(none|quarantine|reject)\b", re.IGNORECASE)
_DISPOSITION: Final = re.compile(r"\b(?:dis|action)=([a-z]+)", re.IGNORECASE)
_DMARC: Final = re.compile(r"\bdmarc\s*=[^;]*", re.IGNORECASE)
_RESULTS: Final = {one.value: one for one in Result} | {"hardfail": Result.FAIL, "permfail": Result.FAIL}
"""``hardfail`` is RFC 5451's word for a fail of SPF."""


def arrival(raw: bytes, authserv_id: str = "") -> Arrival:
    """What a message in a file tells of its arrival.

    With ``authserv_id`` what that server wrote counts: its verdicts, and the client in the Received field below them.
    Otherwise nobody has judged, and the client is the newest one with a public address: who forges the way can forge
    that, so it is good for asking the DNS and for nothing else.
    """
    headers, _undecoded = header.fields(raw)
    mail_from = next((value.strip("<> ") for name, value in headers if name == "return-path"), "")
    if not authserv_id:
        client = next((hop for hop in header.hops(headers) if is_public(hop.from_ip)), None)
        return _arrival(client, mail_from, None)
    judgement = stated(headers, authserv_id)
    place = next((number for number, (name, value) in enumerate(headers) if _is_of(name, value, authserv_id)), 0)
    client = next(iter(header.hops(headers[place:])), None)
    return _arrival(client if judgement is not None else None, mail_from, judgement)


def _arrival(client: Hop | None, mail_from: str, judgement: Judgement | None) -> Arrival:
    if client is None:
        return Arrival(mail_from=mail_from, judgement=judgement)
    return Arrival(client_ip=client.from_ip, helo=client.from_name, mail_from=mail_from, judgement=judgement)


def stated(headers: Sequence[tuple[str, str]], authserv_id: str) -> Judgement | None:
    """What the server ``authserv_id`` found out; None where no field of it stands in the message.

    ``headers`` as in ``View``: names in lower case, values decoded and unfolded, in order.
    """
    results: list[MethodResult] = []
    found, policy, disposition = False, "", ""
    for name, value in headers:
        if name == "received" and found:
            break
        read = _read(value) if _is_of(name, value, authserv_id) else None
        if read is None:
            continue
        found = True
        results += read.results
        said = _DMARC.search(value)
        if said is not None:
            policy, disposition = _word(_POLICY, said[0]), _word(_DISPOSITION, said[0])
    return _judgement(results, policy, disposition) if found else None


def _is_of(name: str, value: str, authserv_id: str) -> bool:
    """Whether it is a field of that server."""
    if name != "authentication-results":
        return False
    read = _read(value)
    return read is not None and read.authserv_id.lower().removesuffix(".") == authserv_id.lower().removesuffix(".")


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
