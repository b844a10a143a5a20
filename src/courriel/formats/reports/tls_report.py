"""Reports on TLS sessions that other servers had with ours.  RFC 8460 §4 (JSON), §5.3 (by mail).

Words that nobody knows stay as they are: new policies and results come without a new format.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.reports.payload import documents, unpack

POLICIES: Final = 1_000
"""``tls_report.policies``: of one report; a domain has one or two."""

FAILURES: Final = 10_000
"""``tls_report.failures``: of one policy."""


class _Kebab(msgspec.Struct, frozen=True, rename="kebab"):
    """JSON names with hyphens."""


class Failure(_Kebab, frozen=True):
    """Sessions that failed alike.  RFC 8460 §4.4."""

    result_type: str = ""
    sending_mta_ip: str = ""
    receiving_mx_hostname: str = ""
    receiving_mx_helo: str = ""
    receiving_ip: str = ""
    failed_session_count: int = 0
    additional_information: str = ""
    failure_reason_code: str = ""


class AppliedPolicy(_Kebab, frozen=True):
    """What the sender went by: "tlsa", "sts", "no-policy-found", or a word of tomorrow."""

    policy_type: str = ""
    policy_string: tuple[str, ...] = ()
    policy_domain: str = ""
    mx_host: tuple[str, ...] | str = ()


class Summary(_Kebab, frozen=True):
    total_successful_session_count: int = 0
    total_failure_session_count: int = 0


class PolicyReport(_Kebab, frozen=True):
    policy: AppliedPolicy = AppliedPolicy()
    summary: Summary = Summary()
    failure_details: tuple[Failure, ...] = ()


class DateRange(_Kebab, frozen=True):
    """Aware moments."""

    start_datetime: datetime
    end_datetime: datetime


class TlsReport(_Kebab, frozen=True):
    """One report."""

    report_id: str
    date_range: DateRange
    organization_name: str = ""
    contact_info: str = ""
    policies: tuple[PolicyReport, ...] = ()


_DECODER: Final = msgspec.json.Decoder(TlsReport)


def read_message(message: bytes) -> TlsReport:
    """The report that a message carries.  Raises FormatError where it carries none."""
    for document in documents(message, b"{"):
        return read(document)
    raise FormatError("TLS report", rule="no JSON in it")


def read(octets: bytes) -> TlsReport:
    """A report, packed or not.  Raises FormatError, LimitExceeded."""
    try:
        report = _DECODER.decode(unpack(octets).removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError("TLS report", 0, str(error)) from None
    if len(report.policies) > POLICIES:
        raise LimitExceeded("TLS report", -1, "tls_report.policies")
    if any(len(one.failure_details) > FAILURES for one in report.policies):
        raise LimitExceeded("TLS report", -1, "tls_report.failures")
    if report.date_range.start_datetime.tzinfo is None or report.date_range.end_datetime.tzinfo is None:
        raise FormatError("TLS report", 0, "a time zone is wanted (RFC 8460 §4.4)")
    return report
