"""Zones at hosting companies: what is missing comes, what is ours to replace goes, all else stays."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.base.errors import FormatError
from courriel.net.providers.table import HOSTS, open_provider
from courriel.net.providers.writer import Held, edited, meaning
from courriel.ports import administration as do
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import ZoneChange, ZoneRefused, ZoneWriter
from tests.net.companies import COMPANIES, KEYS, NOW, TOKEN, ZONE, Company, OvhServer, Served

LONG = "v=DKIM1; k=rsa; p=" + "A" * 392

CHANGES = (
    ZoneChange(ZONE, "TXT", ("v=spf1 a -all",), ("v=spf1 a mx -all",)),
    ZoneChange(ZONE, "MX", (), ("10 mx.example.org.",)),
    ZoneChange(f"s1._domainkey.{ZONE}", "TXT", (), (LONG,)),
    ZoneChange(f"_imaps._tcp.{ZONE}", "SRV", (), ("0 1 993 mx.example.org.",)),
    ZoneChange(f"autoconfig.{ZONE}", "CNAME", (), ("mx.example.org.",)),
    ZoneChange(ZONE, "CAA", (), ('0 issue "letsencrypt.org"',)),
    ZoneChange(f"mx.{ZONE}", "A", (), ("192.0.2.25",)),
    ZoneChange(f"mx.{ZONE}", "A", (), ("192.0.2.26",)),
)


class Lab:
    """One company, as its own server."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.company: Company = COMPANIES[name]()
        self.company.put("", "TXT", ['"v=spf1 a -all"', '"verification=1"'])
        self.company.put("", "MX", ["20 old.example.org."])
        self.company.put("www", "TXT", ['"v=spf1 a -all"'])
        self.served = Served(directory, self.company)

    def writer(self, token: str = "", context: ssl.SSLContext | None = None) -> ZoneWriter:
        token = token or (KEYS if self.name == "ovh" else TOKEN)
        at, trust = self.served.port, context or self.served.context
        return open_provider(self.name, token, lambda: NOW, host="localhost", port=at, context=trust)

    def publish(self, changes: tuple[ZoneChange, ...] = CHANGES, zone: str = ZONE) -> None:
        asyncio.run(self.writer().change(zone, changes, 3600))

    def meanings(self, label: str, type: str) -> set[bytes]:
        ends = "." if type in ("MX", "CNAME", "SRV") else ""
        return {meaning(type, value.rstrip(".") + ends) for value in self.company.values(label, type)}


@pytest.fixture(params=sorted(COMPANIES))
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(request.param, tmp_path)
    try:
        yield lab
    finally:
        lab.served.close()


def test_what_is_missing_comes_and_what_others_put_there_stays(lab: Lab) -> None:
    lab.publish()
    assert lab.meanings("", "TXT") == {b"v=spf1 a mx -all", b"verification=1"}
    assert lab.meanings("", "MX") == {meaning("MX", "20 old.example.org."), meaning("MX", "10 mx.example.org.")}
    assert lab.meanings("s1._domainkey", "TXT") == {LONG.encode()}
    assert lab.meanings("_imaps._tcp", "SRV") == {meaning("SRV", "0 1 993 mx.example.org.")}
    assert lab.meanings("autoconfig", "CNAME") == {meaning("CNAME", "mx.example.org.")}
    assert lab.meanings("", "CAA") == {meaning("CAA", '0 issue "letsencrypt.org"')}
    assert lab.meanings("mx", "A") == {meaning("A", "192.0.2.25"), meaning("A", "192.0.2.26")}
    assert lab.meanings("www", "TXT") == {b"v=spf1 a -all"}
    if isinstance(lab.company, OvhServer):
        assert lab.company.refreshed == lab.company.writes


def test_a_second_time_nothing_is_written(lab: Lab) -> None:
    lab.publish()
    before = lab.company.writes
    lab.publish()
    assert lab.company.writes == before


def test_a_refusal_says_why_and_never_the_token(lab: Lab) -> None:
    wrong = "application:wr0ng-one:consumer" if lab.name == "ovh" else "wr0ng-one"
    with pytest.raises(ZoneRefused) as refused:
        asyncio.run(lab.writer(wrong).change(ZONE, CHANGES, 3600))
    assert "40" in str(refused.value) and "wr0ng-one" not in str(refused.value)
    assert lab.company.values("autoconfig", "CNAME") == []


def test_a_server_that_cannot_prove_its_name_is_told_nothing(lab: Lab) -> None:
    stranger = ssl.create_default_context()
    with pytest.raises(DnsFailure):
        asyncio.run(lab.writer(context=stranger).change(ZONE, CHANGES, 3600))
    assert lab.company.values("autoconfig", "CNAME") == []


def test_an_answer_that_sends_elsewhere_is_a_refusal(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.company, "answer", lambda *_: (302, None))
    with pytest.raises(ZoneRefused, match="302"):
        lab.publish()


def test_nobody_there_is_no_answer() -> None:
    writer = open_provider("gandi", TOKEN, lambda: NOW, host="127.0.0.1", port=1)
    with pytest.raises(DnsFailure):
        asyncio.run(writer.change(ZONE, CHANGES, 3600))


@pytest.mark.parametrize(
    ("name", "token"), [("nobody", TOKEN), ("gandi", ""), ("gandi", "a\r\nX: b"), ("ovh", TOKEN), ("ovh", "a::b")]
)
def test_what_cannot_be_a_name_or_a_token_is_said_at_once(name: str, token: str) -> None:
    with pytest.raises(FormatError) as told:
        open_provider(name, token, lambda: NOW)
    assert TOKEN not in str(told.value)


def test_the_command_offers_the_companies_there_are() -> None:
    assert set(do.PROVIDERS) == set(HOSTS)


def test_ways_of_writing_one_record_are_one() -> None:
    there = [Held('"v=spf1 " "mx"', "1"), Held("garbage \x00", "2")]
    edit = edited("", "TXT", there, [ZoneChange(ZONE, "TXT", (), ("v=spf1 mx",))])
    assert edit.added == () and edit.kept == tuple(there)
