"""Reports by mail: delivered first, then read, if their sender is proven and they are of domains of ours."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Awaitable, Callable

import pytest

from courriel.base.clock import ManualClock
from courriel.delivery import report_reader as module
from courriel.delivery.report_reader import COUNT, of_dmarc, of_tls, owner_of
from courriel.formats.reports import dmarc_report, tls_report
from courriel.model.mail_report import Seen, TlsSeen
from courriel.store.memory.mail_reports import MemoryMailReports
from tests.smtp.house import House, build, say
from tests.zone import Zone

BEGIN = 1_799_884_800
"""A midnight (2027-01-14), the day before that of the house's clock."""
DAY = "2027-01-14"
GOOD_IP, BAD_IP = "192.0.2.1", "198.51.100.66"


def _record(ip: str, count: int, dkim: str, spf: str, auth: str = "", disposition: str = "none") -> str:
    return (
        f"<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>{disposition}</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row>"
        f"<identifiers><header_from>courriel.test</header_from></identifiers><auth_results>{auth}</auth_results>"
        "</record>"
    )


def _report(*records: str, domain: str = "courriel.test", begin: int = BEGIN, id: str = "r1") -> bytes:
    return (
        f"<feedback><report_metadata><org_name>Big</org_name><report_id>{id}</report_id><date_range>"
        f"<begin>{begin}</begin><end>{begin + 86_399}</end></date_range></report_metadata><policy_published>"
        f"<domain>{domain}</domain><p>none</p></policy_published>{''.join(records)}</feedback>"
    ).encode()


def _tls(domain: str = "courriel.test") -> bytes:
    failure = {"result-type": "certificate-expired", "failed-session-count": 3}
    policy = {
        "policy": {"policy-type": "sts", "policy-domain": domain},
        "summary": {"total-successful-session-count": 9, "total-failure-session-count": 3},
        "failure-details": [failure],
    }
    span = {"start-datetime": "2027-01-14T00:00:00Z", "end-datetime": "2027-01-14T23:59:59Z"}
    return json.dumps({"report-id": "t1", "date-range": span, "policies": [policy]}).encode()


def _mail(document: bytes, author: str = "a@good.example", media: str = "application/gzip") -> bytes:
    packed = base64.encodebytes(gzip.compress(document, mtime=0)).replace(b"\n", b"\r\n")
    head = f"From: {author}\r\nSubject: Report Domain: courriel.test\r\nContent-Type: {media}\r\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + packed


def _sent(content: bytes, sender: str = "a@good.example", to: str = "reports@courriel.test") -> bytes:
    envelope = f"EHLO good.example\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
    return envelope.encode() + content + b".\r\nQUIT\r\n"


def _run(test: Callable[[House, MemoryMailReports], Awaitable[None]]) -> None:
    zone = Zone(
        {
            "good.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"], "A": [GOOD_IP]},
            "_dmarc.good.example": {"TXT": [b"v=DMARC1; p=none"]},
            "plain.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"]},
        }
    )

    async def run() -> None:
        reports = MemoryMailReports(ManualClock(), 400 * 86_400.0, 1_000)
        house = await build(zone=zone, reports=reports)
        await house.directory.add_alias("reports@courriel.test", ("bob@courriel.test",))
        assert house.reader is not None
        reading = asyncio.get_running_loop().create_task(house.reader.run())
        try:
            await test(house, reports)
        finally:
            reading.cancel()
            await house.close()

    asyncio.run(run())


async def _deliver(house: House, message: bytes, ip: str = GOOD_IP) -> None:
    assert b"250 2.0.0 Accepted" in await say(house, message, ip=ip)
    assert house.reader is not None
    await house.reader.drained()


def test_a_report_is_delivered_and_counted_once() -> None:
    async def test(house: House, reports: MemoryMailReports) -> None:
        mail = _sent(_mail(_report(_record("203.0.113.5", 7, "pass", "fail"))))
        await _deliver(house, mail)
        await _deliver(house, mail)
        assert len(await house.mail("bob")) == 2
        seen = Seen(DAY, "courriel.test", "203.0.113.5", "good.example", "none", True, False, "", 7)
        assert await reports.seen("courriel.test", DAY) == [seen]

    _run(test)


def test_of_tls_sessions() -> None:
    async def test(house: House, reports: MemoryMailReports) -> None:
        await _deliver(house, _sent(_mail(_tls(), media="application/tlsrpt+gzip")))
        assert await reports.tls("", DAY) == [
            TlsSeen(DAY, "courriel.test", "good.example", "sts", "", 9),
            TlsSeen(DAY, "courriel.test", "good.example", "sts", "certificate-expired", 3),
        ]

    _run(test)


def test_where_the_reporter_has_no_dmarc_spf_is_enough() -> None:
    async def test(house: House, reports: MemoryMailReports) -> None:
        content = _mail(_report(_record("203.0.113.5", 1, "pass", "pass")), "a@plain.example")
        await _deliver(house, _sent(content, "a@plain.example"))
        assert [row.reporter for row in await reports.seen("", DAY)] == ["plain.example"]

    _run(test)


@pytest.mark.parametrize(
    ("content", "sender", "to", "ip"),
    [
        (_mail(_report(_record("203.0.113.5", 1, "pass", "pass"))), "a@good.example", "reports@courriel.test", BAD_IP),
        (_mail(_report(_record("203.0.113.5", 1, "pass", "pass")), "a@good.example"), "a@plain.example",
         "reports@courriel.test", GOOD_IP),
        (_mail(_report(_record("203.0.113.5", 1, "pass", "pass"))), "a@good.example", "bob@courriel.test", GOOD_IP),
        (_mail(_report(_record("203.0.113.5", 1, "pass", "pass"), domain="other.test")), "a@good.example",
         "reports@courriel.test", GOOD_IP),
        (_mail(_report(_record("203.0.113.5", 1, "pass", "pass"), begin=BEGIN + 10 * 86_400)), "a@good.example",
         "reports@courriel.test", GOOD_IP),
        (_mail(b"<!DOCTYPE feedback>" + _report(_record("203.0.113.5", 1, "pass", "pass"))), "a@good.example",
         "reports@courriel.test", GOOD_IP),
        (_mail(b"<" + b"a" * 60_000_000), "a@good.example", "reports@courriel.test", GOOD_IP),
        (_mail(b"hello"), "a@good.example", "reports@courriel.test", GOOD_IP),
    ],
    ids=["forged", "not aligned", "to others", "of others", "of tomorrow", "a DTD", "a bomb", "no report"],
)  # fmt: skip
def test_what_is_not_counted_is_delivered_all_the_same(content: bytes, sender: str, to: str, ip: str) -> None:
    async def test(house: House, reports: MemoryMailReports) -> None:
        await _deliver(house, _sent(content, sender, to), ip)
        assert len(await house.mail("bob")) + len(await house.mail("bob", "Junk")) == 1
        assert not await reports.seen("", "2000-01-01")
        await _deliver(house, _sent(_mail(_report(_record("203.0.113.5", 7, "pass", "fail"), id="next"))))
        assert len(await reports.seen("", "2000-01-01")) == 1, "the next one is read"

    _run(test)


def test_when_too_many_wait_mail_is_delivered_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_OCTETS", 10)

    async def test(house: House, reports: MemoryMailReports) -> None:
        await _deliver(house, _sent(_mail(_report(_record("203.0.113.5", 7, "pass", "fail")))))
        assert len(await house.mail("bob")) == 1 and not await reports.seen("", DAY)

    _run(test)


OWNER = owner_of(["courriel.test", "deep.courriel.test"])


def test_names_belong_to_the_nearest_domain() -> None:
    names = ("courriel.test", "a.courriel.test", "A.Deep.Courriel.Test.", "test", "xcourriel.test", "")
    assert [OWNER(name) for name in names] == [
        "courriel.test", "courriel.test", "deep.courriel.test", "", "", "",
    ]  # fmt: skip


def test_what_passed_for_another_domain_is_told() -> None:
    auth = "<dkim><domain>list.example</domain><result>pass</result></dkim>"
    found = dmarc_report.read(_report(_record("203.0.113.5", 1, "fail", "fail", auth, "odd")))
    [seen] = of_dmarc(found, "big.example", OWNER).seen
    assert (seen.other, seen.aligned, seen.disposition) == ("list.example", False, "")


def test_sources_beyond_the_limit_lose_their_address_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOURCES", 2)
    rows = [_record(f"203.0.113.{n}", n + 1, "pass", "pass") for n in range(4)]
    seen = of_dmarc(dmarc_report.read(_report(*rows)), "big.example", OWNER).seen
    assert [(row.ip, row.count) for row in seen] == [("203.0.113.3", 4), ("203.0.113.2", 3), ("", 3)]


def test_numbers_beyond_belief_are_cut() -> None:
    [seen] = of_dmarc(dmarc_report.read(_report(_record("", 10**17, "pass", "pass"))), "big.example", OWNER).seen
    assert seen.count == COUNT
    huge = _tls().replace(b'"total-successful-session-count": 9', b'"total-successful-session-count": 9' + b"0" * 17)
    assert [row.sessions for row in of_tls(tls_report.read(huge), "big.example", OWNER).tls] == [COUNT, 3]


def test_tls_reports_of_others_leave_nothing() -> None:
    assert of_tls(tls_report.read(_tls("other.test")), "big.example", OWNER).tls == ()
