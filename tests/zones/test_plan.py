"""Which records a domain needs, and what the DNS says of them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from dns import rdata, rdataclass, rdatatype
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats import zone_file
from courriel.model.zone_record import Purpose, State, Wanted, ZoneRecord
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import ZoneChange
from courriel.zones.changes import changes_for
from courriel.zones.inventory import Sender, inventory
from courriel.zones.plan import SRV_NAMES, Domain, House, plan
from courriel.zones.presets import SERVICES
from courriel.zones.sheet import Copied, Place, sheet
from courriel.zones.state import look
from tests.zones.names import Names

HOUSE = House("mx.example.org", ("192.0.2.25", "2001:db8::25"), {"submissions": 465, "imaps": 993, "imap": 143})


def _values(house: House, domain: Domain) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for wanted in plan(house, domain):
        found.setdefault((wanted.record.name, wanted.record.type), []).append(wanted.record.value)
    return found


def test_a_domain_with_nothing_gets_everything() -> None:
    values = _values(HOUSE, Domain("example.org", dkim=(("s1", "v=DKIM1; k=ed25519; p=AAAA"),)))
    assert values == {
        ("example.org", "MX"): ["10 mx.example.org."],
        ("example.org", "TXT"): ["v=spf1 mx ~all"],
        ("s1._domainkey.example.org", "TXT"): ["v=DKIM1; k=ed25519; p=AAAA"],
        ("_dmarc.example.org", "TXT"): ["v=DMARC1; p=none; np=reject; rua=mailto:postmaster@example.org"],
        ("_smtp._tls.example.org", "TXT"): ["v=TLSRPTv1; rua=mailto:postmaster@example.org"],
        ("_submissions._tcp.example.org", "SRV"): ["0 1 465 mx.example.org."],
        ("_imaps._tcp.example.org", "SRV"): ["0 1 993 mx.example.org."],
        ("_imap._tcp.example.org", "SRV"): ["10 1 143 mx.example.org."],
        ("mx.example.org", "A"): ["192.0.2.25"],
        ("mx.example.org", "AAAA"): ["2001:db8::25"],
        ("mx.example.org", "TXT"): ["v=spf1 a -all"],
        ("25.2.0.192.in-addr.arpa", "PTR"): ["mx.example.org."],
        ("5.2.0.0" + ".0" * 20 + ".8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): ["mx.example.org."],
    }


def test_records_that_serve_stay_as_they_are() -> None:
    domain = Domain(
        "example.org",
        spf=("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",),
        dmarc=("v=DMARC1; p=reject; rua=mailto:dmarc@elsewhere.example",),
    )
    values = _values(HOUSE, domain)
    assert values["example.org", "TXT"] == list(domain.spf)
    assert values["_dmarc.example.org", "TXT"] == list(domain.dmarc)


def test_a_policy_is_never_weakened_when_reports_are_added() -> None:
    values = _values(HOUSE, Domain("example.org", dmarc=("v=DMARC1; p=quarantine; np=reject;",)))
    assert values["_dmarc.example.org", "TXT"] == [
        "v=DMARC1; p=quarantine; np=reject; rua=mailto:postmaster@example.org"
    ]


def test_several_spf_records_become_one_that_says_what_all_said() -> None:
    domain = Domain(
        "example.org", spf=("v=spf1 a -all", "v=spf1 include:_spf.example.net ~all"), senders=("include:x.example",)
    )
    (wanted,) = [each for each in plan(HOUSE, domain) if each.purpose is Purpose.SPF]
    assert wanted.record.value == "v=spf1 a include:_spf.example.net mx include:x.example -all"
    assert wanted.replaces == domain.spf


def test_a_host_that_is_the_domain_has_one_spf_record() -> None:
    house = House("example.org", ("192.0.2.25",), {})
    texts = [each for each in plan(house, Domain("example.org")) if each.record.type == "TXT"]
    assert [each.record.value for each in texts if each.record.name == "example.org"] == ["v=spf1 mx ~all"]


WEB = msgspec.structs.replace(HOUSE, https=443, sts="0123abcd")


def test_a_web_door_gets_names_and_a_policy_its_record() -> None:
    with_web, without = [
        {(each.record.name, each.record.type, each.record.value) for each in plan(house, Domain("example.org"))}
        for house in (WEB, HOUSE)
    ]
    assert with_web - without == {
        ("_mta-sts.example.org", "TXT", "v=STSv1; id=0123abcd;"),
        ("mta-sts.example.org", "CNAME", "mx.example.org."),
        ("autoconfig.example.org", "CNAME", "mx.example.org."),
        ("autodiscover.example.org", "CNAME", "mx.example.org."),
        ("_autodiscover._tcp.example.org", "SRV", "0 1 443 mx.example.org."),
    }


ALIASES = [
    ({("a.example", "CNAME"): ("MX.example.org.",)}, State.RIGHT, True),
    ({("a.example", "CNAME"): ("other.example.",)}, State.DIFFERENT, True),
    ({("a.example", "A"): ("192.0.2.25",), ("mx.example.org", "A"): ("192.0.2.25",)}, State.RIGHT, True),
    ({("a.example", "AAAA"): ("2001:db8::9",), ("mx.example.org", "A"): ("192.0.2.25",)}, State.DIFFERENT, False),
    ({("mx.example.org", "A"): ("192.0.2.25",)}, State.MISSING, True),
]


@pytest.mark.parametrize(("there", "state", "can_change"), ALIASES)
def test_an_alias_may_be_written_as_addresses(
    there: dict[tuple[str, str], tuple[str, ...]], state: State, can_change: bool
) -> None:
    wanted = Wanted(ZoneRecord("a.example", "CNAME", "mx.example.org."), Purpose.AUTOCONFIG)
    (row,) = asyncio.run(look([wanted], Names(there)))
    assert row.state is state
    assert bool(changes_for([row], "a.example")) is (can_change and state is not State.RIGHT)


def test_by_hand_each_text_is_copied_once() -> None:
    keys = (("s1", "v=DKIM1; k=rsa; p=AAAA"), ("s2", "v=DKIM1; k=ed25519; p=BBBB"))
    house = msgspec.structs.replace(
        WEB, doors=dict.fromkeys(SRV_NAMES, 1), caa=("letsencrypt.org",), dane="3 1 1 abcdef"
    )
    records = [wanted.record for wanted in plan(house, Domain("example.org", dkim=keys))]
    copies = sheet(records)
    assert sum(len(copied.places) for copied in copies) == len(records) >= 25
    assert len(copies) <= 12
    host = next(copied for copied in copies if copied.text == "mx.example.org.")
    assert Place("example.org", "MX", "10") in host.places
    assert Place("_autodiscover._tcp.example.org", "SRV", "0 1 443") in host.places
    assert Place("mta-sts.example.org", "CNAME") in host.places
    assert Copied("letsencrypt.org", (Place("example.org", "CAA", "0 issue"),)) in copies


STATES = [
    (Purpose.MX, "MX", "10 mx.example.org.", ("20 MX.example.org.",), State.RIGHT),
    (Purpose.MX, "MX", "10 mx.example.org.", ("5 other.example.", "20 mx.example.org."), State.RIGHT),
    (Purpose.MX, "MX", "10 mx.example.org.", ("5 other.example.",), State.DIFFERENT),
    (Purpose.MX, "MX", "10 mx.example.org.", (), State.MISSING),
    (Purpose.SPF, "TXT", "v=spf1 mx ~all", ("google-site-verification=x", "v=spf1 mx ~all"), State.RIGHT),
    (Purpose.SPF, "TXT", "v=spf1 mx ~all", ("v=spf1 mx ~all", "v=spf1 a ~all"), State.DIFFERENT),
    (Purpose.SPF, "TXT", "v=spf1 mx ~all", ("v=spf10 mx ~all",), State.MISSING),
    (Purpose.DKIM, "TXT", "v=DKIM1; k=rsa; p=AB", ("v=DKIM1;k=rsa;p=A B",), State.RIGHT),
    (Purpose.DKIM, "TXT", "v=DKIM1; k=rsa; p=AB", ("v=DKIM1; k=rsa; p=ab",), State.DIFFERENT),
    (Purpose.DMARC, "TXT", "v=DMARC1; p=none", ("v=DMARC1;p=none;",), State.RIGHT),
    (Purpose.DMARC, "TXT", "v=DMARC1; p=none", ("v=DMARC1x; p=none",), State.MISSING),
    (Purpose.DANE, "TLSA", "3 1 1 abcdef", ("3 1 1 ABC DEF",), State.RIGHT),
    (Purpose.DANE, "TLSA", "3 1 1 abcdef", ("3 1 1 00",), State.DIFFERENT),
    (Purpose.STS, "TXT", "v=STSv1; id=1;", ("v=STSv1;id=1",), State.RIGHT),
    (Purpose.STS, "TXT", "v=STSv1; id=1;", ("v=STSv1; id=2;",), State.DIFFERENT),
    (Purpose.SERVICE, "SRV", "0 1 993 mx.example.org.", ("0 1 993 MX.example.org.",), State.RIGHT),
]  # fmt: skip


@pytest.mark.parametrize(("purpose", "type", "value", "there", "state"), STATES)
def test_what_stands_there_is_judged_by_its_kind(
    purpose: Purpose, type: str, value: str, there: tuple[str, ...], state: State
) -> None:
    wanted = Wanted(ZoneRecord("n.example", type, value), purpose)
    (row,) = asyncio.run(look([wanted], Names({("n.example", type): there})))
    assert row.state is state


def test_no_answer_is_neither_right_nor_missing() -> None:
    class Dead(Names):
        async def records(self, name: str, type: str):  # type: ignore[no-untyped-def]
            raise DnsFailure("nobody answers")

    (row,) = asyncio.run(look([Wanted(ZoneRecord("n.example", "A", "192.0.2.1"), Purpose.ADDRESS)], Dead({})))
    assert row.state is State.UNKNOWN
    assert changes_for([row], "n.example") == []


def test_changes_replace_only_what_there_may_be_one_of_and_stay_in_the_zone() -> None:
    wanted = plan(HOUSE, Domain("example.org"))
    there = {
        ("example.org", "TXT"): ("verification=1", "v=spf1 a -all"),
        ("example.org", "MX"): ("5 old.example.",),
    }
    changes = changes_for(asyncio.run(look(wanted, Names(there))), "example.org")
    assert ZoneChange("example.org", "TXT", ("v=spf1 a -all",), ("v=spf1 mx ~all",)) in changes
    assert ZoneChange("example.org", "MX", (), ("10 mx.example.org.",)) in changes
    assert all(change.name.endswith("example.org") for change in changes)


def test_the_inventory_names_services_and_their_cost() -> None:
    names = Names({("_spf.google.com", "TXT"): ("v=spf1 include:a.example include:b.example ~all",)})
    record = "v=spf1 mx include:_spf.google.com ip4:198.51.100.0/24 include:who.example +all"
    sources = asyncio.run(inventory(record, ("192.0.2.25",), names))
    assert [(one.sender, one.name, one.lookups) for one in sources] == [
        (Sender.OURS, "", 1),
        (Sender.SERVICE, "google", 3),
        (Sender.NETWORK, "198.51.100.0/24", 0),
        (Sender.DOMAIN, "who.example", 1),
        (Sender.ANYONE, "", 0),
    ]


def test_presets_are_domains_in_lower_case() -> None:
    assert len(SERVICES) >= 30
    assert all(domain == domain.lower() and "." in domain for domain in SERVICES.values())


@given(st.binary(max_size=600))
def test_texts_come_out_of_a_zone_file_as_they_went_in(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    line = zone_file.line("n.example", "TXT", text, 60)
    read = rdata.from_text(rdataclass.IN, rdatatype.TXT, line.split(" TXT ", 1)[1])
    assert b"".join(read.strings) == octets
    assert all(len(string) <= zone_file.STRING_OCTETS for string in read.strings)
