"""Reports of TLS sessions as RFC 8460 §4.4 has them."""

from __future__ import annotations

from courriel.delivery.tls_report import tls_reports
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.ports.tls_reports import Tally

STS = TlsSubject("a.org", PolicyType.STS, ("version: STSv1", "mode: testing", "mx: *.a.org", "max_age: 86400"))
DANE = TlsSubject("b.org", PolicyType.TLSA, ("3 1 1 AB",))
TALLIES = [
    Tally(TlsSession(STS, "", "mx.a.org", "192.0.2.1"), 5326),
    Tally(TlsSession(STS, "certificate-expired", "mx.a.org", "192.0.2.1"), 100),
    Tally(TlsSession(STS, "sts-policy-invalid"), 1),
    Tally(TlsSession(DANE, "", "mx1.b.net", "192.0.2.2"), 2),
    Tally(TlsSession(DANE, "", "mx2.b.net", "192.0.2.3"), 3),
]


def test_one_report_for_each_domain() -> None:
    reports = tls_reports(TALLIES, "2026-11-24", "mail.example")
    assert list(reports) == ["a.org", "b.org"]
    first, second = reports.values()
    assert first == {
        "organization-name": "mail.example",
        "date-range": {"start-datetime": "2026-11-24T00:00:00Z", "end-datetime": "2026-11-24T23:59:59Z"},
        "contact-info": "postmaster@mail.example",
        "report-id": "2026-11-24.a.org@mail.example",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-domain": "a.org",
                    "policy-string": ["version: STSv1", "mode: testing", "mx: *.a.org", "max_age: 86400"],
                    "mx-host": ["*.a.org"],
                },
                "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 101},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "receiving-mx-hostname": "mx.a.org",
                        "receiving-ip": "192.0.2.1",
                        "failed-session-count": 100,
                    },
                    {"result-type": "sts-policy-invalid", "failed-session-count": 1},
                ],
            }
        ],
    }
    policies = second["policies"]
    assert [one["policy"]["policy-domain"] for one in policies] == ["mx1.b.net", "mx2.b.net"]
    assert [one["summary"]["total-successful-session-count"] for one in policies] == [2, 3]
    assert "failure-details" not in policies[0]


def test_nothing_to_tell() -> None:
    assert tls_reports([], "2026-11-24", "mail.example") == {}
