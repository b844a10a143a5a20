"""Fuzz targets for what strangers report: any octets give a report or a FormatError, and nothing grows.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.reports import arf, dmarc_report, payload, tls_report

LEAST: tuple[str, str] = (
    "<feedback><report_metadata><org_name>r</org_name><date_range><begin>1</begin><end>2</end></date_range>"
    "</report_metadata><policy_published><domain>d.example</domain></policy_published>",
    "</feedback>",
)
"""Around what is fuzzed, so that it is read as records."""


def fuzz_dmarc_document(data: bytes) -> None:
    for document in (data, LEAST[0].encode() + data + LEAST[1].encode()):
        with contextlib.suppress(FormatError):
            report = dmarc_report.read(document)
            for row in report.rows:
                assert row.count >= 0
                if row.source_ip:
                    ipaddress.ip_address(row.source_ip)


def fuzz_tls_document(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        tls_report.read(data)


def fuzz_feedback(data: bytes) -> None:
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
    for message in (data, head + b"Content-Type: message/feedback-report\r\n\r\n" + data + b"\r\n--b--\r\n"):
        with contextlib.suppress(FormatError):
            arf.read(message)


def fuzz_packed(data: bytes) -> None:
    """Packed or not, whole or cut off: what comes out is bounded."""
    packed = gzip.compress(data)
    for octets in (data, packed, packed[:-5], packed[: len(packed) // 2], b"PK\x03\x04" + data):
        with contextlib.suppress(FormatError):
            assert len(payload.unpack(octets)) <= max(payload.ALWAYS_OCTETS, payload.RATIO * len(octets))
    assert payload.unpack(packed) == data


TARGETS = [fuzz_dmarc_document, fuzz_tls_document, fuzz_feedback, fuzz_packed]
_NAMES = [
    "record",
    "row",
    "source_ip",
    "count",
    "policy_evaluated",
    "identifiers",
    "auth_results",
    "dkim",
    "spf",
    "reason",
]
TOKENS = [
    *(f"<{name}>" for name in _NAMES),
    *(f"</{name}>" for name in _NAMES),
    *("<!DOCTYPE a [", '<!ENTITY e "x">', "]>", "&e;", "&amp;", "<![CDATA[", "]]>", "<?xml?>", "<a xmlns='u'>"),
    *("1", "-1", "99999999999999999999", "192.0.2.1", "::1", "pass", "d.example", " ", "\x00", "é"),
    *("{", "}", "[", "]", '"policies":', '"policy-type":', '"sts"', ":", ",", "1e999", "null"),
    *("Feedback-Type: abuse\r\n", "Source-IP: ", "Version: 1\r\n", "Incidents: ", "\r\n\r\n"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: Callable[[bytes], None]) -> None:
    @given(
        st.binary(max_size=300)
        | st.lists(st.sampled_from(TOKENS), max_size=40).map(lambda words: "".join(words).encode())
    )
    def run(data: bytes) -> None:
        target(data)

    run()
