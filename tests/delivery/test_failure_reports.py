"""Reports on single failures: only to those who ask, only what is about the author, and few."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from courriel.base.clock import ManualClock
from courriel.delivery.failure_reports import HOURLY, HOURLY_IN_ALL, WAITING, FailureReports, asks_for
from courriel.formats.message.parse import parse
from courriel.formats.reports import arf
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient, address_of, reverse_path_of_text
from courriel.model.judgement import Decision, DkimFindings, Iprev, Judgement, Origin, Ruling
from courriel.model.transit import Receipt, Transit
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from tests.mailauth.zone import Zone

CONTENT = (
    b"From: Boss <boss@a.example>\r\nTo: secret@here.example\r\nSubject: the takeover\r\n"
    b"Message-ID: <1@a.example>\r\n\r\nwire it today\r\n"
)
DMARC = DmarcVerdict(
    Result.FAIL, "a.example", "reject", "reject", record="a.example", ruf=("mailto:fail@a.example",), fo=("0",)
)
JUDGEMENT = Judgement(
    Origin(SpfVerdict(Result.FAIL, "evil.example", "mfrom"), None, Iprev(Result.NONE, "192.0.2.66")),
    DkimFindings((DkimVerdict(Result.FAIL, "a.example", "s", "@a.example", "rsa-sha256"),)),
    DMARC,
)
REFUSED = Ruling(Decision.REFUSE, "DMARC fail")


class Place:
    def __init__(self) -> None:
        self.clock = ManualClock(1_800_000_000.0)
        self.letters: list[tuple[str, bytes]] = []
        self.reports = FailureReports(
            Zone({"b.example._report._dmarc.c.example": [b"v=DMARC1"]}), lambda: self.hand_in, "mx.here.example",
            lambda: Address("postmaster", "here.example"), self.clock.now,
        )  # fmt: skip

    async def hand_in(self, recipient: Recipient, content: bytes, *, tls_optional: bool = False) -> Receipt:
        self.letters.append((str(recipient.address), content))
        return Receipt("id", ())

    def judged(self, judgement: Judgement = JUDGEMENT, times: int = 1) -> int:
        """How many letters leave."""
        recipients = (Recipient(address_of("secret@here.example")),)
        envelope = Envelope(Door.MX, Client("192.0.2.66", 1), reverse_path_of_text("x@evil.example"), recipients)

        async def run() -> None:
            work = asyncio.ensure_future(self.reports.run())
            for _ in range(times):
                self.reports.note(Transit("id", envelope, CONTENT, self.clock.now()), judgement, REFUSED)
                await asyncio.sleep(0)
            for _ in range(3 * WAITING):
                await asyncio.sleep(0)
            work.cancel()

        before = len(self.letters)
        asyncio.run(run())
        return len(self.letters) - before


def _changed(**fields: object) -> Judgement:
    return msgspec.structs.replace(JUDGEMENT, dmarc=msgspec.structs.replace(DMARC, **fields))


def test_what_is_told_and_what_is_not() -> None:
    place = Place()
    assert place.judged() == 1
    [(to, content)] = place.letters
    assert to == "fail@a.example" and parse(content).media.full == b"multipart/report"
    report = arf.read(content)
    assert (report.kind, report.auth_failure, report.source_ip) == ("auth-failure", "dmarc", "192.0.2.66")
    assert (report.delivery_result, report.identity_alignment) == ("reject", "none")
    assert report.original_mail_from == "x@evil.example" and report.reported_domains == ("a.example",)
    assert b"From: Boss <boss@a.example>" in content and b"<1@a.example>" in content
    for private in (b"secret@here.example", b"takeover", b"wire it today"):
        assert private not in content


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, True),
        ({"result": Result.PASS, "spf_aligned": True}, False),
        ({"result": Result.PASS, "spf_aligned": True, "fo": ("1",)}, True),
        ({"result": Result.PASS, "spf_aligned": True, "dkim_aligned": True, "fo": ("1",)}, False),
        ({"result": Result.PASS, "spf_aligned": True, "dkim_aligned": True, "fo": ("d",)}, True),
        ({"result": Result.PASS, "spf_aligned": True, "dkim_aligned": True, "fo": ("0", "s")}, True),
        ({"result": Result.TEMPERROR, "fo": ("1",)}, False),
        ({"fo": ("nonsense",)}, False),
    ],
)
def test_when_a_domain_asks_for_it(fields: dict[str, object], asked: bool) -> None:
    assert asks_for(_changed(**fields)) is asked


def test_nobody_who_did_not_ask_is_told() -> None:
    place = Place()
    assert place.judged(_changed(ruf=())) == 0
    assert place.judged(_changed(ruf=("mailto:x@victim.example",))) == 0, "a third party has to want it"
    assert place.judged(_changed(record="b.example", ruf=("mailto:x@c.example",))) == 1


def test_there_are_so_many_an_hour_for_a_domain() -> None:
    place = Place()
    assert place.judged(times=HOURLY + 5) == HOURLY
    place.clock.advance(3_599.0)
    assert place.judged() == 0
    place.clock.advance(1.0)
    assert place.judged() == 1


def test_and_so_many_in_all() -> None:
    place = Place()
    for number in range(HOURLY_IN_ALL // HOURLY + 3):
        place.judged(_changed(record=f"d{number}.example", ruf=(f"mailto:x@d{number}.example",)), times=HOURLY)
    assert len(place.letters) == HOURLY_IN_ALL
