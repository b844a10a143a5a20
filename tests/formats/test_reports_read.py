"""Reports that others send, read within bounds: what is packed, what is nested, what XML may do.

RFC 9990, RFC 8460, RFC 5965.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import time
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.reports import arf, dmarc_report, payload, tls_report

HEAD = (
    b"<feedback><report_metadata><org_name>o</org_name><report_id>1</report_id><date_range><begin>1</begin><end>2</end>"
    b"</date_range></report_metadata><policy_published><domain>d.example</domain><p>none</p></policy_published>"
)
ROW = (
    b"<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row>"
    b"<identifiers><header_from>d.example</header_from></identifiers></record>"
)
REPORT = HEAD + ROW + b"</feedback>"


def zipped(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content, method)  # without today's date
    return made.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def mail(*attachments: bytes) -> bytes:
    parts = b"".join(
        b"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
        % base64.encodebytes(one)
        for one in attachments
    )
    return b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n" + parts + b"--x--\r\n"


@pytest.mark.parametrize(
    "packed",
    [
        REPORT,
        gzipped(REPORT),
        zipped("r.xml", REPORT),
        zipped("r.xml", REPORT, zipfile.ZIP_STORED),
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>" + REPORT,
        b"<?xml version='1.0' encoding='windows-1252'?>" + REPORT,
    ],
)
def test_however_it_is_packed(packed: bytes) -> None:
    assert [row.count for row in dmarc_report.read(packed).rows] == [1]
    assert dmarc_report.read_message(mail(packed)).policy.domain == "d.example"


def test_a_report_behind_something_broken_is_found() -> None:
    assert dmarc_report.read_message(mail(b"\x1f\x8bbroken", REPORT)).rows
    with pytest.raises(FormatError):
        dmarc_report.read_message(mail(b"\x1f\x8bbroken"))
    with pytest.raises(FormatError, match="no XML"):
        dmarc_report.read_message(mail(b"hello"))


def test_rows_with_faults_are_kept_as_far_as_they_go() -> None:
    row = b"<record><row><source_ip>108r.1</source_ip><count>x</count><policy_evaluated/></row></record>"
    [found] = dmarc_report.read(HEAD + row + b"</feedback>").rows
    assert (found.source_ip, found.count, found.disposition, found.header_from) == ("", 0, "", "")


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (b"<!DOCTYPE feedback>" + REPORT, "DTD"),
        (ENTITIES + b"]><feedback>&j;</feedback>", "DTD"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + REPORT, "DTD"),
        (b"<?php x?>" + REPORT, "processing instruction"),
        (b"<feedback>" + b"<a>" * 100_000, "dmarc_report.depth"),
        (b"<feedback>" + b"<a/>" * 100_000, "dmarc_report.elements"),
        (HEAD + b"<record>" + b"<a/>" * 2_000 + b"</record></feedback>", "dmarc_report.elements"),
        (HEAD + b"<record/>" * 50_001 + b"</feedback>", "dmarc_report.records"),
        (b"<?xml version='1.0' encoding='x-unknown'?>" + REPORT, "encoding"),
        (b"<?xml version='1.0' encoding='rot13'?>" + REPORT, "encoding"),
        (HEAD, "XML"),
        (REPORT.replace(b"d.example</header", b"d<e</header"), "XML"),
        (b"<html/>", "no feedback"),
        (b"<feedback/>", "neither"),
        (b"", "XML"),
        (gzipped(b" " * 40_000_000), "report.ratio"),
        (zipped("x.xml", b" " * 40_000_000), "report.ratio"),
        (gzipped(b"<" * 2_000_000) + b"x" * 400_000, "report.ratio|XML"),
        (gzipped(REPORT)[:-20], "cut off"),
        (zipped("x.xml", REPORT)[:40], "cut off"),
        (b"PK\x03\x04", "cut off"),
        (b"PK\x03\x04\x00\x00\x01\x00" + b"\0" * 40, "encrypted"),
        (b" " * (payload.DOCUMENT_OCTETS + 1), "report.document_octets"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(document: bytes, rule: str) -> None:
    began = time.process_time()
    with pytest.raises(FormatError, match=rule):
        dmarc_report.read(document)
    assert time.process_time() - began < 1.0


def test_texts_are_bounded_and_fit_to_be_shown() -> None:
    long = REPORT.replace(b"<org_name>o", b"<org_name>\n o\xe2\x80\xae" + b"x" * 100_000)
    name = dmarc_report.read(long).org_name
    assert name.startswith("ox") and len(name) == dmarc_report.TEXT_CHARACTERS


def test_a_zip_in_a_zip_is_not_opened() -> None:
    with pytest.raises(FormatError):
        dmarc_report.read(zipped("a.zip", zipped("r.xml", REPORT), zipfile.ZIP_STORED))


# --- TLS reports ------------------------------------------------------------------------------------------------
RANGE = b'"date-range":{"start-datetime":"2026-01-01T00:00:00Z","end-datetime":"2026-01-02T00:00:00Z"}'


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (b"{}", "report-id|date-range"),
        (b"[" * 100_000, ""),
        (b'{"report-id":"1",%b,"policies":%b}' % (RANGE, b"[" * 5_000 + b"]" * 5_000), ""),
        (b'{"report-id":"1",%b,"policies":[%b{}]}' % (RANGE, b"{}," * 2_000), "tls_report.policies"),
        (
            b'{"report-id":"1",%b,"policies":[{"failure-details":[%b{}]}]}' % (RANGE, b"{}," * 20_000),
            "tls_report.failures",
        ),
        (b'{"report-id":"1",%b}' % RANGE.replace(b"Z", b""), "time zone"),
        (b'{"report-id":"1",%b,"policies":[{"summary":{"total-failure-session-count":"many"}}]}' % RANGE, "int"),
        (b'{"report-id":"\xff"}', ""),
        (gzipped(b" " * 40_000_000), "report.ratio"),
    ],
)
def test_what_is_no_tls_report(document: bytes, rule: str) -> None:
    with pytest.raises(FormatError, match=rule or None):
        tls_report.read(document)


def test_words_of_tomorrow_are_kept() -> None:
    policy = (
        b'{"policy":{"policy-type":"new","mx-host":"mx.example","more":1},"failure-details":[{"result-type":"odd"}]}'
    )
    report = tls_report.read_message(mail(gzipped(b'{"report-id":"1",%b,"policies":[%b]}' % (RANGE, policy))))
    assert report.policies[0].policy.policy_type == "new" and report.policies[0].policy.mx_host == "mx.example"
    assert report.policies[0].failure_details[0].result_type == "odd"


# --- feedback ---------------------------------------------------------------------------------------------------
def feedback(fields: bytes) -> bytes:
    return (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: message/feedback-report\r\n\r\n%b\r\n--x--\r\n" % fields
    )


def test_feedback_without_a_type_is_none() -> None:
    for message in (b"Subject: x\r\n\r\nhello\r\n", feedback(b"Version: 1\r\n"), feedback(b"")):
        with pytest.raises(FormatError):
            arf.read(message)


def test_feedback_with_nonsense_is_read_as_far_as_it_goes() -> None:
    fields = b"Feedback-Type: New-Kind\r\nSource-IP: nowhere\r\nSource-Port: 99999999999\r\nIncidents: -1\r\n"
    fields += b"Arrival-Date: x\r\n"
    found = arf.read(feedback(fields + b"Reported-Domain: A.Example\r\n" * 500))
    assert (found.kind, found.source_ip, found.source_port, found.incidents) == ("new-kind", "", 0, 1)
    assert found.arrived_at is None and set(found.reported_domains) == {"a.example"}
    assert len(found.reported_domains) == arf.VALUES


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", HEAD, b"{", b"\x1f\x8b\x08\0", b"PK\x03\x04", zlib.compress(REPORT, 9, 31)]),
)
def test_any_octets_are_a_report_or_a_format_error(data: bytes, head: bytes) -> None:
    for read in (dmarc_report.read, dmarc_report.read_message, tls_report.read, tls_report.read_message, arf.read):
        with contextlib.suppress(FormatError):
            read(head + data)
    with contextlib.suppress(FormatError):
        arf.read(feedback(b"Feedback-Type: abuse\r\n" + data))


def test_limits_are_told_by_name() -> None:
    with pytest.raises(LimitExceeded, match=r"report\.ratio"):
        payload.unpack(gzipped(b"\0" * 5_000_000))
