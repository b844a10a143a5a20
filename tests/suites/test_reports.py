"""Reports by mail: sample folders of aggregate reports, TLS reports and feedback, with what they say as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courriel.base.errors import FormatError
from courriel.formats.reports import arf, dmarc_report, tls_report
from tests.suites.folder import cases, files


def read(pattern: str) -> Iterator[tuple[str, Path]]:
    for path in files(pattern):
        if path.suffix in (".xml", ".eml"):
            yield path.name, path


def word(text: str) -> str:
    """The spelling of the JSON: "trusted_forwarder" is "TrustedForwarder"."""
    known = {"": "Unspecified", "r": "Relaxed", "s": "Strict", "mfrom": "MailFrom", "bodyhash": "BodyHash"}
    known["sampled_out"] = "Other"  # of RFC 7489; RFC 9990 has no sampling
    return known.get(text) or "".join([part.capitalize() for part in text.replace("-", "_").split("_")])


@pytest.mark.parametrize("path", cases("dmarc-reports", read("dmarc-reports/*")))
def test_aggregate(path: Path) -> None:
    octets = path.read_bytes()
    if "bad" in path.name:
        with pytest.raises(FormatError):
            dmarc_report.read(octets)
        return
    report = (dmarc_report.read_message if path.suffix == ".eml" else dmarc_report.read)(octets)
    assert report.org_name and report.end > report.begin > 0 and report.rows
    assert all(row.header_from and row.count for row in report.rows)
    expected = path.with_suffix(".json")
    if expected.exists():
        compare(report, json.loads(expected.read_text("utf-8")))


def compare(report: dmarc_report.DmarcReport, told: dict[str, Any]) -> None:
    meta, policy = told["report_metadata"], told["policy_published"]
    assert float(report.version or 0) == told["version"]
    assert {
        "org_name": report.org_name,
        "email": report.email,
        "extra_contact_info": report.extra_contact_info or None,
        "report_id": report.report_id,
        "date_range": {"begin": report.begin, "end": report.end},
        "error": list(report.errors),
        "generator": report.generator or None,
    } == {"generator": None} | meta
    published = report.policy
    seen = {
        "domain": published.domain,
        "version_published": None,
        "adkim": word(published.adkim),
        "aspf": word(published.aspf),
        "p": word(published.p),
        "sp": word(published.sp),
        "np": word(published.np),
        "testing": published.testing,
        "discovery_method": word(published.discovery_method),
        "fo": published.fo or None,
    }
    assert seen | policy == seen
    assert [row_of(row) for row in report.rows] == told["record"]
    assert extensions_of(report.extensions) == told["extensions"]


def row_of(row: dmarc_report.Row) -> dict[str, Any]:
    return {
        "row": {
            "source_ip": row.source_ip,
            "count": row.count,
            "policy_evaluated": {
                "disposition": word(row.disposition),
                "dkim": word(row.dkim),
                "spf": word(row.spf),
                "reason": [{"type_": word(one.kind), "comment": one.comment or None} for one in row.reasons],
            },
        },
        "identifiers": {
            "envelope_to": row.envelope_to or None,
            "envelope_from": row.envelope_from,
            "header_from": row.header_from,
        },
        "auth_results": {
            "dkim": [
                {
                    "domain": one.domain,
                    "selector": one.selector,
                    "result": word(one.result),
                    "human_result": one.human_result or None,
                }
                for one in row.dkim_results
            ],
            "spf": [
                {
                    "domain": one.domain,
                    "scope": word(one.scope),
                    "result": word(one.result),
                    "human_result": one.human_result or None,
                }
                for one in row.spf_results
            ],
        },
        "extensions": extensions_of(row.extensions),
    }


def extensions_of(extensions: tuple[dmarc_report.Extension, ...]) -> list[dict[str, str]]:
    return [{"name": one.name, "definition": one.definition} for one in extensions]


@pytest.mark.parametrize("path", cases("tlsrpt", ((path.name, path) for path in files("tlsrpt/*"))))
def test_tls(path: Path) -> None:
    if path.suffix == ".eml":
        assert tls_report.read_message(path.read_bytes()).policies[0].policy.policy_domain
        return
    told = json.loads(path.read_text("utf-8"))
    report = tls_report.read(path.read_bytes())
    assert (report.report_id, report.organization_name) == (told["report-id"], told["organization-name"])
    for one, expected in zip(report.policies, told["policies"], strict=True):
        assert one.policy.policy_type == expected["policy"]["policy-type"]
        counts = expected["summary"]
        assert one.summary.total_successful_session_count == counts["total-successful-session-count"]
        assert one.summary.total_failure_session_count == counts.get("total-failure-session-count", 0)
        details = expected.get("failure-details", [])
        assert [failure.result_type for failure in one.failure_details] == [item["result-type"] for item in details]
        assert [failure.receiving_ip for failure in one.failure_details] == [
            item.get("receiving-ip", "") for item in details
        ]


@pytest.mark.parametrize("path", cases("arf", read("arf/*")))
def test_feedback(path: Path) -> None:
    told = json.loads(path.with_suffix(".json").read_text("utf-8"))
    report = arf.read(path.read_bytes())
    arrived = report.arrived_at
    assert {
        "feedback_type": word(report.kind),
        "arrival_date": None if arrived is None else int(arrived.timestamp()),
        "authentication_results": list(report.authentication_results),
        "incidents": report.incidents,
        "original_envelope_id": report.original_envelope_id or None,
        "original_mail_from": report.original_mail_from or None,
        "original_rcpt_to": next(iter(report.original_rcpt_to), None),
        "reported_domain": list(report.reported_domains),
        "reported_uri": list(report.reported_uris),
        "reporting_mta": report.reporting_mta or None,
        "source_ip": report.source_ip or None,
        "user_agent": report.user_agent,
        "version": int(report.version),
        "source_port": report.source_port,
        "auth_failure": word(report.auth_failure),
        "delivery_result": word(report.delivery_result),
        "identity_alignment": word(report.identity_alignment),
        "dkim_domain": report.dkim_domain or None,
        "dkim_identity": report.dkim_identity or None,
        "dkim_selector": report.dkim_selector or None,
    } == {
        key: plain(value)
        for key, value in told.items()
        if not key.endswith("_dns") and "canonicalized" not in key and key not in ("message", "headers")
    }
    assert report.returned is not None and report.returned.octets
    if told["headers"]:
        assert report.returned.octets.replace(b"\r\n", b"\n").startswith(told["headers"][:200].encode())


def plain(value: Any) -> Any:
    """The JSON has addresses in brackets and folded lines as they were."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return " ".join(value.strip("<>").split()) if isinstance(value, str) else value
