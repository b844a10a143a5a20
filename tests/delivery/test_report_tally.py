"""What is counted for reports, and that reports themselves are not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.delivery.report_letter import dmarc_letter, tls_letter
from courriel.delivery.report_tally import ReportTally, is_report
from courriel.formats.path import parse_address
from courriel.formats.reports.dmarc_report import DmarcReport, Published
from courriel.model.envelope import Address, Client, Door, Envelope, reverse_path_of_text
from courriel.model.judgement import Decision, DkimFindings, Iprev, Judgement, Origin, Ruling
from courriel.model.transit import Transit
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.store.memory.judged_mails import MemoryJudgedMails

DMARC = DmarcVerdict(Result.FAIL, "mail.a.example", "reject", "reject", record="a.example", rua=("mailto:r@a.example",))
JUDGEMENT = Judgement(
    Origin(SpfVerdict(Result.PASS, "esp.example", "mfrom"), None, Iprev(Result.NONE, "192.0.2.1")),
    DkimFindings(
        (
            DkimVerdict(Result.PASS, "esp.example", "e", "@esp.example", "rsa-sha256"),
            DkimVerdict(Result.FAIL, "a.example", "a", "@a.example", "rsa-sha256"),
        )
    ),
    DMARC,
)
JUNK, REFUSE, TAKEN = Ruling(Decision.JUNK), Ruling(Decision.REFUSE), Ruling(Decision.ACCEPT)


def _counted(judgement: Judgement, ruling: Ruling, content: bytes = b"Subject: x\r\n\r\n") -> list[tuple[str, str]]:
    mails = MemoryJudgedMails(ManualClock(0.0))
    envelope = Envelope(Door.MX, Client("192.0.2.1", 1), reverse_path_of_text("x@ESP.example"), ())
    ReportTally(mails).note(Transit("id", envelope, content, 0.0), judgement, ruling)
    return [(one.mail.disposition, one.mail.reason) for one in asyncio.run(mails.counts("1970-01-01"))]


@pytest.mark.parametrize(
    ("fields", "ruling", "expected"),
    [
        ({}, REFUSE, ("reject", "")),
        ({}, JUNK, ("quarantine", "local_policy")),
        ({}, msgspec.structs.replace(JUNK, override="mailing_list"), ("quarantine", "mailing_list")),
        ({}, msgspec.structs.replace(TAKEN, override="trusted_forwarder"), ("none", "trusted_forwarder")),
        ({"disposition": "quarantine"}, JUNK, ("quarantine", "")),
        ({"disposition": "quarantine", "reason": "t=y instead of reject"}, JUNK, ("quarantine", "policy_test_mode")),
        ({"disposition": "none"}, TAKEN, ("none", "")),
        ({"result": Result.PASS, "disposition": "none"}, TAKEN, ("pass", "")),
        ({"result": Result.PASS, "disposition": "none"}, JUNK, ("quarantine", "local_policy")),
    ],
)
def test_what_was_done_and_why(fields: dict[str, object], ruling: Ruling, expected: tuple[str, str]) -> None:
    judgement = msgspec.structs.replace(JUDGEMENT, dmarc=msgspec.structs.replace(DMARC, **fields))
    assert _counted(judgement, ruling) == [expected]


def test_the_row_has_the_authors_signature_first() -> None:
    mails = MemoryJudgedMails(ManualClock(0.0))
    envelope = Envelope(Door.MX, Client("192.0.2.1", 1), reverse_path_of_text("x@ESP.example"), ())
    ReportTally(mails).note(Transit("id", envelope, b"", 0.0), JUDGEMENT, JUNK)
    [row] = asyncio.run(mails.counts("1970-01-01"))
    assert (row.mail.domain, row.mail.author, row.mail.ip, row.mail.envelope) == (
        *("a.example", "mail.a.example"),
        *("192.0.2.1", "esp.example"),
    )
    assert [one.domain for one in row.mail.signatures] == ["a.example", "esp.example"]


def test_who_did_not_ask_is_not_counted() -> None:
    for fields in ({"rua": ()}, {"record": "", "rua": ()}):
        assert _counted(msgspec.structs.replace(JUDGEMENT, dmarc=msgspec.structs.replace(DMARC, **fields)), JUNK) == []


def test_reports_are_not_counted_whoever_they_are_for() -> None:
    """Ours are the test: what we send is what others send to us."""
    author, to = Address("postmaster", "here.example"), parse_address("r@a.example")
    report = DmarcReport("here", "p@here", "2026-11-24.a.example@here", 1, 2, Published("a.example", "none"), ())
    at = datetime(2026, 11, 24, tzinfo=UTC)
    dmarc = dmarc_letter(report, b"x", "mx.here.example", author, at).to(to)
    tls = tls_letter({"report-id": "1"}, b"x", "a.example", "2026-11-24", "mx.here.example", author, at).to(to)
    for content in (dmarc, tls):
        assert is_report(content) and _counted(JUDGEMENT, JUNK, content) == []
    assert not is_report(b"Subject: x\r\n\r\nSubject: Report Domain: a.example\r\n")
