"""Reports on TLS sessions, one for each domain.  RFC 8460 §4.4 (I-JSON, as Python values).

Pure: tallies in, values out.  They are for whoever asks; nothing is sent.  Not in them: sending-mta-ip, which is not
kept, and additional information.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from courriel.model.tls_session import PolicyType, TlsSubject
from courriel.ports.tls_reports import Tally


def tls_reports(tallies: Iterable[Tally], day: str, host: str) -> dict[str, dict[str, Any]]:
    """Reports of server ``host`` for a UTC day, by domain; ``tallies`` are sorted by domain."""
    return {
        domain: {
            "organization-name": host,
            "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
            "contact-info": f"postmaster@{host}",
            "report-id": f"{day}.{domain}@{host}",
            "policies": _policies(list(of_domain)),
        }
        for domain, of_domain in groupby(tallies, key=lambda tally: tally.session.subject.domain)
    }


def _policies(tallies: list[Tally]) -> list[dict[str, Any]]:
    groups: dict[tuple[TlsSubject, str], list[Tally]] = {}
    for tally in tallies:
        subject = tally.session.subject
        groups.setdefault((subject, _policy_domain(tally)), []).append(tally)
    return [_policy(subject, domain, of_policy) for (subject, domain), of_policy in groups.items()]


def _policy_domain(tally: Tally) -> str:
    """RFC 8460 §1.1: the TLSA base domain for DANE, which is the server's name; else the recipients' domain."""
    session = tally.session
    return session.mx if session.subject.type is PolicyType.TLSA and session.mx else session.subject.domain


def _policy(subject: TlsSubject, domain: str, tallies: list[Tally]) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": subject.type.value, "policy-domain": domain}
    if subject.policy:
        policy["policy-string"] = list(subject.policy)
    hosts = [line.removeprefix("mx: ") for line in subject.policy if line.startswith("mx: ")]
    if subject.type is PolicyType.STS and hosts:
        policy["mx-host"] = hosts
    failures = [tally for tally in tallies if tally.session.result]
    answer = {
        "policy": policy,
        "summary": {
            "total-successful-session-count": sum(one.sessions for one in tallies if not one.session.result),
            "total-failure-session-count": sum(one.sessions for one in failures),
        },
    }
    return answer | {"failure-details": [_failure(one) for one in failures]} if failures else answer


def _failure(tally: Tally) -> dict[str, Any]:
    session = tally.session
    named = {"receiving-mx-hostname": session.mx, "receiving-ip": session.ip}
    return {
        "result-type": session.result,
        **{name: value for name, value in named.items() if value},
        "failed-session-count": tally.sessions,
    }
