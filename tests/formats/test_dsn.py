"""Delivery status notifications: the RFC's examples, other systems' reports, and what is written reads back."""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta, timezone
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.address import Path
from courriel.formats.message.build import Draft, Person
from courriel.formats.message.canonical import has_bare_cr_or_lf, to_crlf
from courriel.formats.reports import dsn
from courriel.formats.reports.dsn import Action, Notification, RecipientReport, Report, Returned, Typed
from tests.trial import SHARED

NOW = datetime(2026, 11, 24, 5, 53, 58, tzinfo=UTC)
EDT = timezone(timedelta(hours=-4))


def message(status: bytes, *more: bytes, media: bytes = b"message/delivery-status") -> bytes:
    parts = [b"Content-Type: text/plain\n\nSorry.\n", b"Content-Type: %b\n\n%b" % (media, status), *more]
    inside = b"".join([b"--x\n" + part + b"\n" for part in parts])
    return b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n" + inside + b"--x--\n"


def mailbox(address: str) -> Typed:
    return Typed("rfc822", address)


# RFC 3464, Appendix E
EXAMPLES = [
    (
        b"Reporting-MTA: dns; cs.utk.edu\n\n"
        b"Original-Recipient: rfc822;louisl@larry.slip.umd.edu\nFinal-Recipient: rfc822;louisl@larry.slip.umd.edu\n"
        b"Action: failed\nStatus: 4.0.0\nDiagnostic-Code: smtp; 426 connection timed out\n"
        b"Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\n",
        Report(
            Typed("dns", "cs.utk.edu"),
            (
                RecipientReport(
                    mailbox("louisl@larry.slip.umd.edu"),
                    Action.FAILED,
                    "4.0.0",
                    original_recipient=mailbox("louisl@larry.slip.umd.edu"),
                    diagnostic=Typed("smtp", "426 connection timed out"),
                    last_attempt_at=datetime(1994, 7, 7, 17, 15, 49, tzinfo=EDT),
                ),
            ),
        ),
    ),
    (
        b"Reporting-MTA: dns; cs.utk.edu\n\n"
        b"Original-Recipient: rfc822;arathib@vnet.ibm.com\nFinal-Recipient: rfc822;arathib@vnet.ibm.com\n"
        b"Action: failed\nStatus: 5.0.0 (permanent failure)\n"
        b"Diagnostic-Code: smtp;  550 'arathib@vnet.IBM.COM' is not a\n"
        b" registered gateway user\nRemote-MTA: dns; vnet.ibm.com\n\n"
        b"Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com\nFinal-Recipient: rfc822;johnh@hpnjld.njd.hp.com\n"
        b"Action: delayed\nStatus: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)\n\n"
        b"Original-Recipient: rfc822;wsnell@sdcc13.ucsd.edu\nFinal-Recipient: rfc822;wsnell@sdcc13.ucsd.edu\n"
        b"Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 user unknown\nRemote-MTA: dns; sdcc13.ucsd.edu\n",
        Report(
            Typed("dns", "cs.utk.edu"),
            (
                RecipientReport(
                    mailbox("arathib@vnet.ibm.com"),
                    Action.FAILED,
                    "5.0.0",
                    mailbox("arathib@vnet.ibm.com"),
                    Typed("dns", "vnet.ibm.com"),
                    Typed("smtp", "550 'arathib@vnet.IBM.COM' is not a registered gateway user"),
                ),
                RecipientReport(
                    mailbox("johnh@hpnjld.njd.hp.com"), Action.DELAYED, "4.0.0", mailbox("johnh@hpnjld.njd.hp.com")
                ),
                RecipientReport(
                    mailbox("wsnell@sdcc13.ucsd.edu"),
                    Action.FAILED,
                    "5.0.0",
                    mailbox("wsnell@sdcc13.ucsd.edu"),
                    Typed("dns", "sdcc13.ucsd.edu"),
                    Typed("smtp", "550 user unknown"),
                ),
            ),
        ),
    ),
    (
        b"Reporting-MTA: mailbus; SYS30\n\n"
        b"Final-Recipient: unknown; nair_s\nStatus: 5.0.0 (unknown permanent failure)\nAction: failed\n",
        Report(Typed("mailbus", "SYS30"), (RecipientReport(Typed("unknown", "nair_s"), Action.FAILED, "5.0.0"),)),
    ),
    (
        b"Reporting-MTA: dns; sun2.nsfnet-relay.ac.uk\n\n"
        b"Final-Recipient: rfc822;thomas@de-montfort.ac.uk\nStatus: 4.0.0 (unknown temporary failure)\n"
        b"Action: delayed\n",
        Report(
            Typed("dns", "sun2.nsfnet-relay.ac.uk"),
            (RecipientReport(mailbox("thomas@de-montfort.ac.uk"), Action.DELAYED, "4.0.0"),),
        ),
    ),
]


@pytest.mark.parametrize(("status", "report"), EXAMPLES)
def test_the_examples_of_the_rfc(status: bytes, report: Report) -> None:
    for raw in (message(status), to_crlf(message(status))):
        found = dsn.read(raw)
        assert found == Notification(report, found.text, None)
        assert found.text.strip() == "Sorry."


BOB = b"Final-Recipient: rfc822; bob@example.org\n"
# quirk: what gateways and old servers send; one recipient, as it is read
QUIRKS = [
    (b"Final-Recipient: <bob@example.org>\nAction: failed\nStatus: 5.1.1\n", Action.FAILED, "5.1.1"),
    (
        b"Final-Recipient: RFC822 (mail) ; <bob@example.org>\nAction: Failed (x)\nStatus: 5.1.1\n",
        Action.FAILED,
        "5.1.1",
    ),
    (b"Reporting-MTA: smtp; r\nOriginal-Recipient: rfc822; bob@example.org\nStatus: 5.1.1\n", Action.FAILED, "5.1.1"),
    (b"MIME-Version: 1.0\n\n" + BOB + b"Action: delayed\nContent-Type: text/plain\n", Action.DELAYED, "4.0.0"),
    (BOB + b"Diagnostic-Code: smtp; 452 4.2.2 full\n", Action.DELAYED, "4.2.2"),
    (BOB + b"Status: 550 5.1.1\n", Action.FAILED, "5.1.1"),
    (BOB + b"Action: lost\nStatus: 2.0.0\n", Action.DELIVERED, "2.0.0"),
    (BOB + b"Action: expanded\n", Action.EXPANDED, "2.0.0"),
    (BOB, Action.FAILED, "5.0.0"),
    (b"\n" + BOB + b"Status: 5.1.1\n\n\n", Action.FAILED, "5.1.1"),
    (BOB + b"Diagnostic-Code: smtp; from 192.5.1.1.9\n", Action.FAILED, "5.0.0"),
    (
        b"This Message was undeliverable:\n\n<u@ci.com> no more\n \t\n\n" + BOB + b"Status: 5.3.0",
        Action.FAILED,
        "5.3.0",
    ),
]


@pytest.mark.parametrize(("status", "action", "code"), QUIRKS)
def test_quirks_of_other_systems(status: bytes, action: Action, code: str) -> None:
    (recipient,) = dsn.read(message(status)).report.recipients
    assert recipient.final_recipient == mailbox("bob@example.org")
    assert (recipient.action, recipient.status) == (action, code)


def test_a_part_in_base64_and_one_of_international_mail() -> None:
    encoded = b"Content-Transfer-Encoding: base64\n\nRmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGJvYkBleGFtcGxlLm9yZwo=\n"
    raw = message(b"", b"Content-Type: message/delivery-status\n" + encoded)
    assert dsn.read(raw).report.recipients[0].final_recipient == mailbox("bob@example.org")
    status = (
        "Final-Recipient: utf-8; zoé@exemple.example\nDiagnostic-Code: smtp; 550 inconnue à cette adresse\n".encode()
    )
    recipient = dsn.read(message(status, media=b"message/global-delivery-status")).report.recipients[0]
    assert recipient.final_recipient == Typed("utf-8", "zoé@exemple.example")
    assert recipient.diagnostic == Typed("smtp", "550 inconnue à cette adresse")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"zo\\x{E9}@example.org", "zoé@example.org"),
        (b"a\\x{0D}\\x{0A}b@example.org", "a b@example.org"),
        (b"\\x{D800}\\x{FFFFFF}@example.org", "\\x{D800}\\x{FFFFFF}@example.org"),
    ],
)
def test_escapes_of_international_addresses(written: bytes, meant: str) -> None:
    """RFC 6533 §3; no escape makes a line end, half a character or one that does not exist."""
    recipient = dsn.read(message(b"Final-Recipient: utf-8; " + written + b"\n")).report.recipients[0]
    assert recipient.final_recipient == Typed("utf-8", meant)


@pytest.mark.parametrize(
    ("media", "complete"),
    [
        (b"message/rfc822", True),
        (b"message/global", True),
        (b"text/rfc822-headers", False),
        (b"message/global-headers", False),
    ],
)
def test_what_was_returned(media: bytes, complete: bool) -> None:
    inner = b"Subject: Hello\n\nContent-Type: message/delivery-status\n"
    found = dsn.read(message(BOB, b"Content-Type: %b\n\n%b" % (media, inner)))
    assert found.returned == Returned(inner, complete)


@pytest.mark.parametrize(
    "raw", [b"", b"Subject: x\n\nFinal-Recipient: rfc822; a@b\n", message(b""), message(b"Reporting-MTA: dns; a\n")]
)
def test_what_reports_nothing_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        dsn.read(raw)


def test_a_report_inside_the_returned_message_is_not_ours() -> None:
    with pytest.raises(FormatError):
        dsn.read(message(b"", b"Content-Type: message/rfc822\n\n" + message(BOB)))


def test_limits_of_reading() -> None:
    many = b"Reporting-MTA: dns; a\n\n" + (BOB + b"\n") * (dsn.RECIPIENTS + 5)
    assert len(dsn.read(message(many)).report.recipients) == dsn.RECIPIENTS
    twice = message(many, b"Content-Type: message/delivery-status\n\n" + many)
    assert len(dsn.read(twice).report.recipients) == dsn.RECIPIENTS
    late = b"X: y\n" * (dsn.STATUS_OCTETS // 5 + 1) + b"\n" + BOB
    with pytest.raises(FormatError):
        dsn.read(message(late))
    long = BOB + b"Diagnostic-Code: smtp; " + b"9" * 5_000 + b"\n"
    diagnostic = dsn.read(message(long)).report.recipients[0].diagnostic
    assert diagnostic is not None and len(diagnostic.value) == dsn.VALUE_CHARACTERS
    raw = message(BOB).replace(b"Sorry.", b"Sorry. " * dsn.TEXT_CHARACTERS)
    assert len(dsn.read(raw).text) == dsn.TEXT_CHARACTERS


# name of the sample, recipients, action and status of the first, reporting server, what is returned is complete
SAMPLES = [
    ("delayed-broken.eml", 1, Action.FAILED, "4.2.2", "a92.example.com", None),
    ("delayed.eml", 1, Action.FAILED, "4.0.0", "cs.example.com", True),
    ("mailbox-full.eml", 1, Action.FAILED, "5.2.2", "mtain-db01.r1000.mx.aol.com", False),
    ("no-mx.eml", 1, Action.DELAYED, "4.4.4", "example.com", False),
    ("office365.eml", 1, Action.FAILED, "5.1.10", "DB5PR06MB1800.eurprd06.prod.outlook.com", True),
    ("zed.eml", 1, Action.FAILED, "5.1.1", "mail.example.com", True),
    ("raw_email_with_mimepart_without_content_type.eml", 1, Action.DELAYED, "4.5.0", "antivirus.uqam.ca", True),
    ("multi_address_bounce1.eml", 5, Action.FAILED, "5.1.1", "lvmail01.LL.com", True),
    ("multipart_report_multiple_status.eml", 1, Action.FAILED, "5.3.0", "schemailmta04.ci.com", True),
    ("report_422.eml", 1, Action.DELAYED, "4.2.2", "mail11.ttttt.com.au", False),
    ("report_530.eml", 1, Action.FAILED, "5.3.0", "mail12.rrrr.com.au", False),
]


@pytest.mark.parametrize(("name", "count", "action", "status", "reporter", "complete"), SAMPLES)
def test_reports_of_real_servers(
    name: str, count: int, action: Action, status: str, reporter: str, complete: bool | None
) -> None:
    paths = sorted((SHARED / "suites" / "mime").rglob(name))
    if not paths:
        pytest.skip(f"no {name}")
    found = dsn.read(paths[0].read_bytes())
    first = found.report.recipients[0]
    assert len(found.report.recipients) == count
    assert (first.action, first.status) == (action, status)
    assert found.report.reporting_mta == Typed("dns", reporter)
    assert (found.returned.complete if found.returned else None) is complete


# ---------------------------------------------------------------------------------------------- writing

DRAFT = Draft(
    Person("Mail Delivery System", Path("MAILER-DAEMON", "mx.example.org")),
    NOW,
    "<1@mx.example.org>",
    to=(Person("", Path("alice", "example.org")),),
    subject="Not delivered",
    text="Sorry.\n",
)
REPORT = Report(
    Typed("dns", "mx.example.org"),
    (
        RecipientReport(
            mailbox("bob@example.net"),
            Action.FAILED,
            "5.1.1",
            mailbox("Bob@example.net"),
            Typed("dns", "mx.example.net"),
            Typed("smtp", "550 5.1.1 No such user"),
            NOW,
        ),
        RecipientReport(mailbox("eve@example.net"), Action.DELAYED, "4.4.1", will_retry_until=NOW),
    ),
    "QQ 1",
    NOW,
)


def test_a_report_as_octets() -> None:
    raw = dsn.write(DRAFT, REPORT, Returned(b"Subject: Hello\r\n", False), "7")
    assert raw == (
        b"From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\nTo: alice@example.org\r\n"
        b"Subject: Not delivered\r\nDate: Tue, 24 Nov 2026 05:53:58 +0000\r\nMessage-ID: <1@mx.example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="=_r_7"\r\n\r\n'
        b"--=_r_7\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        b"Sorry.\r\n\r\n"
        b"--=_r_7\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Original-Envelope-Id: QQ 1\r\nReporting-MTA: dns; mx.example.org\r\n"
        b"Arrival-Date: Tue, 24 Nov 2026 05:53:58 +0000\r\n\r\n"
        b"Original-Recipient: rfc822; Bob@example.net\r\nFinal-Recipient: rfc822; bob@example.net\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
        b"Last-Attempt-Date: Tue, 24 Nov 2026 05:53:58 +0000\r\n\r\n"
        b"Final-Recipient: rfc822; eve@example.net\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
        b"Will-Retry-Until: Tue, 24 Nov 2026 05:53:58 +0000\r\n\r\n"
        b"--=_r_7\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: Hello\r\n\r\n"
        b"--=_r_7--\r\n"
    )
    found = dsn.read(raw)
    assert found == Notification(REPORT, "Sorry.\r\n", Returned(b"Subject: Hello\r\n", False))


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("international", [True, False])
def test_another_reader_sees_the_same_parts(complete: bool, international: bool) -> None:
    original = b"Subject: Hello\r\nX-Note: caf\xc3\xa9\r\n" + (b"\r\nHello \xe9 --=_r_7\r\n" if complete else b"")
    raw = dsn.write(DRAFT, REPORT, Returned(original, complete), "7", international=international)
    oracle = email.message_from_bytes(raw)
    assert oracle.get_content_type() == "multipart/report"
    assert oracle.get_param("report-type") == "delivery-status"
    assert not oracle.defects
    text, status, returned = oracle.get_payload()  # type: ignore[misc]
    assert isinstance(text, Message) and isinstance(status, Message) and isinstance(returned, Message)
    assert text.get_payload(decode=True) == b"Sorry.\r\n"
    if not international:
        first, second, third = status.get_payload()  # type: ignore[misc]
        assert isinstance(first, Message) and isinstance(second, Message) and isinstance(third, Message)
        assert first["Original-Envelope-Id"] == "QQ 1"
        assert (second["Action"], second["Status"]) == ("failed", "5.1.1")
        assert third["Final-Recipient"] == "rfc822; eve@example.net"
    kinds = ("message/rfc822", "message/global") if complete else ("text/rfc822-headers", "message/global-headers")
    assert returned.get_content_type() == kinds[international]
    assert returned["Content-Transfer-Encoding"] == ("8bit" if complete else "quoted-printable")
    assert dsn.read(raw).returned == Returned(original, complete)


@pytest.mark.parametrize(
    "report",
    [
        Report(Typed("dns", "a"), ()),
        Report(Typed("dns\r\nX: y", "a"), REPORT.recipients),
        Report(Typed("dns", "a"), (RecipientReport(mailbox("b@c"), Action.FAILED, "5.1"),)),
        Report(Typed("dns", "a"), (RecipientReport(mailbox("b@c"), Action.FAILED, "5.1.1\r\nX: y"),)),
        Report(Typed("dns", "a"), REPORT.recipients, arrived_at=NOW.replace(tzinfo=None)),
    ],
)
def test_what_cannot_be_written_is_refused(report: Report) -> None:
    with pytest.raises(FormatError):
        dsn.write(DRAFT, report, None, "7")
    with pytest.raises(FormatError):
        dsn.write(DRAFT, REPORT, None, "not a seed")


def test_one_line_takes_what_could_mislead() -> None:
    assert dsn.one_line("a\r\n\tb\0\x1b[31m c\u202e\u200bd") == "a b [31m cd"
    assert dsn.one_line("x" * 50, 10) == "x" * 9 + "…"


KINDS = st.sampled_from(["rfc822", "dns", "smtp", "x-local", "x400"])
ASCII = st.text(st.sampled_from([chr(c) for c in range(32, 127)]), min_size=1, max_size=300)
LINES = ASCII.map(dsn.one_line).filter(bool)
NAMES = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,40}@[a-z0-9.-]{1,40}", fullmatch=True)
U_NAMES = st.text(st.sampled_from("aé+=\\{}xŽ漢9A@."), min_size=1, max_size=60)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
ADDRESSES = st.builds(Typed, st.sampled_from(["rfc822", "x400"]), NAMES) | st.builds(Typed, st.just("utf-8"), U_NAMES)
OPTIONAL_DATES = st.none() | MOMENTS
RECIPIENT_REPORTS = st.builds(
    RecipientReport,
    ADDRESSES,
    st.sampled_from(Action),
    st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
    st.none() | ADDRESSES,
    st.none() | st.builds(Typed, KINDS, NAMES),
    st.none() | st.builds(Typed, KINDS, LINES),
    OPTIONAL_DATES,
    OPTIONAL_DATES,
)
REPORTS = st.builds(
    Report,
    st.builds(Typed, KINDS, NAMES),
    st.lists(RECIPIENT_REPORTS, min_size=1, max_size=5).map(tuple),
    LINES | st.just(""),
    OPTIONAL_DATES,
)
CONTENTS = st.binary(max_size=300).map(to_crlf).map(lambda octets: b"Subject: x\r\n\r\n" + octets)
RETURNED = st.none() | st.builds(Returned, CONTENTS, st.booleans())


@settings(max_examples=150, deadline=None)
@given(REPORTS, RETURNED, st.booleans())
def test_what_is_written_reads_back(report: Report, returned: Returned | None, international: bool) -> None:
    raw = dsn.write(DRAFT, report, returned, "7", international=international)
    found = dsn.read(raw)
    assert found.report == report
    assert (found.returned is None) == (returned is None)
    if returned is not None and returned.complete:
        assert found.returned == returned
    assert international or returned is not None or raw.isascii()
    assert not has_bare_cr_or_lf(raw)


ANYTHING = st.text(max_size=2_000)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANYTHING, min_size=5, max_size=5), st.booleans())
def test_no_value_breaks_a_line(values: list[str], international: bool) -> None:
    recipient = RecipientReport(
        Typed("rfc822", values[0]),
        Action.FAILED,
        "5.0.0",
        Typed("utf-8", values[1]),
        Typed("dns", values[2]),
        Typed("smtp", values[3]),
    )
    raw = dsn.write(DRAFT, Report(Typed("dns", "a"), (recipient,), values[4]), None, "7", international=international)
    assert international or raw.isascii()
    assert not has_bare_cr_or_lf(raw) and b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\r\nStatus: ") == 1
    raw.decode("utf-8")
