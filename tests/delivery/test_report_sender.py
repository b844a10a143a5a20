"""Reports to other domains: to whom, what, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import Unavailable
from courriel.delivery import report_sender
from courriel.delivery.report_sender import ReportSender
from courriel.formats.reports import dmarc_report, tls_report
from courriel.model.envelope import Address, Recipient
from courriel.model.judged_mail import JudgedMail, Signature
from courriel.model.notify import NEVER
from courriel.model.refusals import NoSuchAddress
from courriel.model.tls_session import PolicyType, TlsSession, TlsSubject
from courriel.model.transit import Fate, Outcome, Receipt
from courriel.store.memory.judged_mails import MemoryJudgedMails
from courriel.store.memory.tls_reports import MemoryTlsReports
from tests.mailauth.zone import SERVFAIL, Zone

DAY, MIDNIGHT = "2026-11-23", 1_795_392_000.0
MAIL = JudgedMail(
    "a.example", "mail.a.example", "192.0.2.1", "bounce.a.example", "quarantine", False, False, "local_policy",
    (Signature("a.example", "s", "fail"),), "bounce.a.example", "mfrom", "softfail",
)  # fmt: skip
ZONE = {
    "_dmarc.a.example": [b"v=DMARC1; p=reject; sp=none; adkim=s; rua=mailto:dmarc@a.example"],
    "_smtp._tls.t.example": [b"v=TLSRPTv1; rua=mailto:tls@t.example"],
}
SESSION = TlsSession(TlsSubject("t.example", PolicyType.NONE), "starttls-not-supported", "mx.t.example", "192.0.2.7")


class Place:
    """A server with counts of yesterday, and what it hands in."""

    def __init__(self, zone: Mapping[str, Sequence[bytes] | str], author: str = "postmaster@here.example") -> None:
        self.clock = ManualClock(MIDNIGHT)
        self.mails, self.sessions = MemoryJudgedMails(self.clock), MemoryTlsReports(self.clock)
        self.zone = Zone(zone)
        self.letters: list[tuple[Recipient, bytes, bool]] = []
        self.full, self.nobody = set[str](), set[str]()
        local, _, domain = author.partition("@")
        self.sender = ReportSender(
            self.mails, self.sessions, self.zone, self.hand_in, "mx.here.example",
            lambda: Address(local, domain) if author else None, self.clock.now, ("Quiet.example",),
        )  # fmt: skip

    async def hand_in(self, recipient: Recipient, content: bytes, *, tls_optional: bool = False) -> Receipt:
        to = str(recipient.address)
        if to in self.full:
            raise Unavailable("no room")
        if to in self.nobody:
            return Receipt("id", (Outcome(recipient, Fate.REFUSED, NoSuchAddress(to)),))
        self.letters.append((recipient, content, tls_optional))
        return Receipt("id", ())

    def send(self) -> list[str]:
        """To whom, or why not."""
        self.clock.advance(86_400.0)
        return [one.to or one.problem for one in asyncio.run(self.sender.send(DAY))]


def test_what_was_judged_is_told_once() -> None:
    place = Place(ZONE)
    for _ in range(3):
        place.mails.note(MAIL)
    assert place.send() == ["mailto:dmarc@a.example"]
    [(recipient, content, tls_optional)] = place.letters
    assert str(recipient.address) == "dmarc@a.example" and recipient.notify == NEVER and not tls_optional
    assert b"\r\nSubject: Report Domain: a.example Submitter: mx.here.example" in content
    assert b"mx.here.example!a.example!1795392000!1795478399!" in content.replace(b"\r\n ", b"")
    assert b"From: postmaster@here.example\r\n" in content and b"Auto-Submitted: auto-generated\r\n" in content
    report = dmarc_report.read_message(content)
    assert (report.org_name, report.begin, report.end) == ("mx.here.example", int(MIDNIGHT), int(MIDNIGHT) + 86_399)
    assert (report.policy.domain, report.policy.p, report.policy.sp) == ("a.example", "reject", "none")
    assert (report.policy.adkim, report.policy.aspf) == ("s", "r")
    [row] = report.rows
    assert (row.source_ip, row.count, row.disposition, row.dkim, row.spf) == (
        "192.0.2.1",
        3,
        "quarantine",
        "fail",
        "fail",
    )
    assert row.reasons[0].kind == "local_policy" and row.header_from == "mail.a.example"
    assert (row.dkim_results[0].selector, row.spf_results[0].result) == ("s", "softfail")
    assert place.send() == [] and len(place.letters) == 1


def test_tls_sessions_are_told_where_the_record_says() -> None:
    place = Place(ZONE)
    place.sessions.note(SESSION)
    place.sessions.note(TlsSession(TlsSubject("silent.example", PolicyType.NONE)))
    assert sorted(place.send()) == ["mailto:tls@t.example", "no address that may have it"]
    [(_, content, tls_optional)] = place.letters
    assert tls_optional, "RFC 8460 §3: a report comes even where TLS fails"
    assert b"\r\nTLS-Report-Domain: t.example\r\n" in content and b"\r\nTLS-Required: No\r\n" in content
    assert b"multipart/report; report-type=tlsrpt" in content and b"application/tlsrpt+gzip" in content
    report = tls_report.read_message(content)
    [policy] = report.policies
    assert policy.policy.policy_domain == "t.example" and policy.summary.total_failure_session_count == 1
    assert place.send() == []


@pytest.mark.parametrize(
    ("rua", "more", "to"),
    [
        ("mailto:a@b.example", {}, ["no address that may have it"]),
        ("mailto:a@b.example", {"a.example._report._dmarc.b.example": [b"v=DMARC1"]}, ["mailto:a@b.example"]),
        (
            "mailto:a@b.example",
            {"a.example._report._dmarc.b.example": [b"v=DMARC1; rua=mailto:other@b.example"]},
            ["mailto:other@b.example"],
        ),
        (
            "mailto:a@b.example",
            {"a.example._report._dmarc.b.example": [b"v=DMARC1; rua=mailto:x@victim.example"]},
            ["mailto:a@b.example"],
        ),
        ("mailto:a@reports.a.example", {}, ["mailto:a@reports.a.example"]),
        ("mailto:r@a.example!10k, https://a.example/r", {}, ["mailto:r@a.example!10k"]),
        ("mailto:not an address, mailto:@@", {}, ["no address that may have it"]),
    ],
)
def test_who_may_have_it(rua: str, more: dict[str, list[bytes]], to: list[str]) -> None:
    """RFC 9990 §4: nobody is flooded with reports that a stranger's record points at him."""
    place = Place({"_dmarc.a.example": [b"v=DMARC1; p=none; rua=%b" % rua.encode()], **more})
    place.mails.note(MAIL)
    assert place.send() == to
    assert len(place.letters) == sum(one.startswith("mailto:") for one in to)


def test_what_is_too_large_for_an_address_is_not_sent() -> None:
    place = Place({"_dmarc.a.example": [b"v=DMARC1; p=none; rua=mailto:r@a.example!1k,mailto:s@a.example"]})
    place.mails.note(MAIL)
    place.clock.advance(86_400.0)
    small, large = asyncio.run(place.sender.send(DAY))
    assert small.problem == "larger than 1024 octets" and not large.problem
    assert [str(one[0].address) for one in place.letters] == ["s@a.example"]


def test_a_dns_that_is_silent_is_asked_again_later() -> None:
    place = Place({"_dmarc.a.example": SERVFAIL})
    place.mails.note(MAIL)
    assert place.send() == []
    place.zone.records["_dmarc.a.example"] = ZONE["_dmarc.a.example"]
    assert place.send() == ["mailto:dmarc@a.example"]


def test_one_full_mailbox_keeps_no_other_domain_waiting() -> None:
    place = Place({**ZONE, "_dmarc.b.example": [b"v=DMARC1; p=none; rua=mailto:r@b.example"]})
    place.full = {"dmarc@a.example"}
    for mail in (MAIL, msgspec.structs.replace(MAIL, domain="b.example", author="b.example")):
        place.mails.note(mail)
    assert place.send() == ["mailto:r@b.example"]
    place.full.clear()
    assert place.send() == ["mailto:dmarc@a.example"], "it has its turn later"
    assert place.send() == [] and len(place.letters) == 2


def test_what_one_of_two_addresses_has_is_not_sent_to_it_again() -> None:
    place = Place({"_dmarc.a.example": [b"v=DMARC1; p=none; rua=mailto:r@a.example,mailto:s@a.example"]})
    place.full = {"r@a.example"}
    place.mails.note(MAIL)
    place.clock.advance(86_400.0)
    first, second = asyncio.run(place.sender.send(DAY))
    assert first.problem == "no room" and not second.problem
    assert place.send() == []


def test_an_address_of_ours_that_does_not_exist_was_not_told() -> None:
    place = Place(ZONE)
    place.nobody = {"dmarc@a.example"}
    place.mails.note(MAIL)
    place.clock.advance(86_400.0)
    [report] = asyncio.run(place.sender.send(DAY))
    assert report.problem == "dmarc@a.example" and place.send() == []


def test_nobody_is_told_without_an_author_or_against_our_will() -> None:
    nameless = Place(ZONE, author="")
    nameless.mails.note(MAIL)
    assert nameless.send() == []
    place = Place({"_dmarc.quiet.example": ZONE["_dmarc.a.example"]})
    place.mails.note(
        JudgedMail("quiet.example", "quiet.example", "::1", "", "none", True, False, "", (), "", "helo", "none")
    )
    assert place.send() == []


def test_a_record_that_went_meanwhile_wants_nothing() -> None:
    place = Place({})
    place.mails.note(MAIL)
    assert place.send() == ["its record is gone"] and not place.letters


def test_rare_rows_of_a_flood_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_sender, "ROWS", 1)
    place = Place(ZONE)
    for mail in (MAIL, MAIL, JudgedMail("a.example", "x", "::2", "", "none", True, True, "", (), "", "helo", "none")):
        place.mails.note(mail)
    place.send()
    report = dmarc_report.read_message(place.letters[0][1])
    assert [row.count for row in report.rows] == [2] and report.errors == ("1 messages of rare rows are left out",)
