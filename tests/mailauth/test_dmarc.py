"""DMARC beyond the published cases: what the DNS does not say, bad records, several authors.  RFC 9989."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from courriel.mailauth import dmarc, dmarc_record
from courriel.mailauth.author import author_domains
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.ports.resolver import Answer
from tests.zone import Zone


def _zone(*failing: str, **records: str) -> Zone:
    """``records``: ``example_com="p=reject"``."""
    return Zone(
        {f"_dmarc.{name.replace('_', '.')}": {"TXT": [f"v=DMARC1; {tags}".encode()]} for name, tags in records.items()},
        failing,
    )


def _judge(zone: Zone, *authors: str, spf: str = "", dkim: Iterable[tuple[Result, str]] = ()) -> DmarcVerdict:
    checked = SpfVerdict(Result.PASS, spf, "mfrom") if spf else None
    signed = [DkimVerdict(result, domain, "s", f"@{domain}", "rsa-sha256") for result, domain in dkim]
    return asyncio.run(dmarc.judge(authors, checked, signed, zone))


# --- records ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("record", "policy"),
    [
        (b"v=DMARC1; p=reject", ("reject", "reject", "reject")),
        (b"v = DMARC1 ;p=none;sp=quarantine;np=reject", ("none", "quarantine", "reject")),
        (b"v=DMARC1;p=reject;sp=none", ("reject", "none", "none")),
        (b"v=DMARC1;p=reject;np=none", ("reject", "reject", "none")),
        (b"v=DMARC1; p=Reject; pct=0; rf=afrf; ri=1; x=y; ; =; junk", ("reject", "reject", "reject")),
        (b"v=DMARC1; p=bad; rua=mailto:a@b.example", ("none", "none", "none")),
        (b"v=DMARC1; p=reject; sp=bad; rua=https://b.example/x!10m", ("none", "none", "none")),
        (b"v=DMARC1; p=reject; np=bad; rua=nonsense", (None, "", "")),
        (b"v=DMARC1; p=bad; rua=mailto:nobody", (None, "", "")),
        (b"v=DMARC1", (None, "", "")),
        (b"v=DMARC1; p=reject; p=none", ("reject", "reject", "reject")),
    ],
)
def test_records(record: bytes, policy: tuple[str | None, str, str]) -> None:
    found = dmarc_record.find((b"something else", record))
    assert found is not None and (found.p, found.sp, found.np) == policy


@pytest.mark.parametrize(
    "record",
    [
        b"v=DMARC1x; p=reject",
        b"v=dmarc1; p=reject",
        b"p=reject; v=DMARC1",
        b"v=DMARC2; p=reject",
        b"v=DMARC1 p=reject",
        b"",
    ],
)
def test_what_is_no_record(record: bytes) -> None:
    assert dmarc_record.find((record,)) is None


def test_several_and_too_long_ones_are_none() -> None:
    assert dmarc_record.find((b"v=DMARC1; p=reject", b"v=DMARC1; p=reject; sp=none")) is None
    assert dmarc_record.find((b"v=DMARC1; p=reject; x=" + b"y" * dmarc_record.RECORD_OCTETS,)) is None


# --- the walk ---------------------------------------------------------------------------------------------------
def test_the_policy_for_subdomains_is_not_for_the_domain_itself() -> None:
    zone = _zone(example_com="p=reject; sp=quarantine; np=none")
    assert _judge(zone, "example.com").disposition == "reject"
    assert _judge(zone, "no.example.com").disposition == "none"


def test_a_name_with_an_alias_exists_wherever_it_leads() -> None:
    """RFC 8020 §2; np is for NXDOMAIN alone."""
    zone = _zone(example_com="p=reject; sp=quarantine; np=none")
    zone.records["sub.example.com"] = {"CNAME": ["nowhere.example"]}
    assert _judge(zone, "sub.example.com").disposition == "quarantine"


def test_existence_that_cannot_be_found_out_is_taken_for_granted() -> None:
    zone = _zone("sub.example.com", example_com="p=reject; sp=quarantine; np=none")
    assert _judge(zone, "sub.example.com").disposition == "quarantine"


def test_a_public_suffix_speaks_for_those_below_without_a_record() -> None:
    zone = _zone(bank_example="p=none; sp=quarantine; np=reject; psd=y")
    verdict = _judge(zone, "giant.bank.example", spf="mega.bank.example")
    assert (verdict.result, verdict.org_domain, verdict.disposition) == (Result.FAIL, "giant.bank.example", "reject")
    zone.records["giant.bank.example"] = {"A": ["192.0.2.1"]}
    assert _judge(zone, "giant.bank.example", spf="mega.bank.example").disposition == "quarantine"
    assert _judge(zone, "a.giant.bank.example", spf="giant.bank.example").result is Result.PASS
    # Its own mail: psd=y at the start of the walk says nothing about the start (RFC 9989 §4.10.2).
    assert _judge(zone, "bank.example", spf="bank.example").result is Result.PASS


def test_psd_n_parts_what_is_below_from_what_is_above() -> None:
    zone = _zone(example_com="p=reject", dept_example_com="p=reject; psd=n")
    assert _judge(zone, "dept.example.com", spf="example.com").result is Result.FAIL
    assert _judge(zone, "a.dept.example.com", spf="b.dept.example.com").result is Result.PASS
    assert _judge(zone, "example.com", spf="dept.example.com").result is Result.FAIL


def test_answers_are_shared_within_a_message() -> None:
    zone = _zone(example_com="p=reject")
    signed = [(Result.PASS, f"s{number}.other.example") for number in range(9)]
    verdict = _judge(zone, "a.example.com", spf="b.example.com", dkim=[*signed, (Result.PASS, "c.example.com")])
    assert verdict.spf_aligned and verdict.dkim_aligned
    names = [name for name, rdtype in zone.asked if rdtype == "TXT"]
    assert len(names) == len(set(names)) == 5, "strangers cost no question"


# --- failures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("failing", "spf", "result"),
    [
        ("_dmarc.mail.example.com", "", Result.TEMPERROR),
        ("_dmarc.example.com", "", Result.TEMPERROR),
        ("_dmarc.com", "mail.example.com", Result.PASS),  # the very same name needs no walk
        ("_dmarc.com", "example.com", Result.TEMPERROR),
        ("_dmarc.com", "evil.example", Result.FAIL),
        ("_dmarc.com", "evil.com", Result.FAIL),
        ("_dmarc.b.example.com", "b.example.com", Result.TEMPERROR),
    ],
)
def test_a_dns_that_does_not_answer(failing: str, spf: str, result: Result) -> None:
    own = {} if failing in ("_dmarc.mail.example.com", "_dmarc.example.com") else {"mail_example_com": "p=reject"}
    verdict = _judge(_zone(failing, example_com="p=reject", **own), "mail.example.com", spf=spf)
    assert verdict.result is result
    assert (verdict.disposition == "reject") is (result is Result.FAIL)
    assert bool(verdict.reason) is (result is Result.TEMPERROR)


def test_what_could_not_be_checked_matters_only_if_it_is_the_authors() -> None:
    zone = _zone(example_com="p=reject")
    assert _judge(zone, "example.com", dkim=[(Result.TEMPERROR, "evil.example")]).result is Result.FAIL
    assert _judge(zone, "example.com", dkim=[(Result.TEMPERROR, "s.example.com")]).result is Result.TEMPERROR


class _Slow(Zone):
    async def txt(self, name: str) -> Answer[bytes]:
        await asyncio.sleep(3_600)
        raise AssertionError


def test_a_judgement_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dmarc, "JUDGE_S", 0.01)
    verdict = _judge(_Slow({}), "example.com")
    assert (verdict.result, verdict.disposition, verdict.reason) == (Result.TEMPERROR, "none", "limit dmarc.judge")


# --- authors ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"A <a@Example.COM>", ("example.com",)),
        (b"a@x.example, b@y.example, c@x.example", ("x.example", "y.example")),
        ("a@müller.example".encode(), ("xn--mller-kva.example",)),
        (b"<@route.example:a@x.example>", ("x.example",)),
        (b'"ceo@bank.example" <x@evil.example>', ("evil.example",)),
        (b"ceo@bank.example <x@evil.example>", ("evil.example", "bank.example")),
        (b"ceo@bank.example(x)@evil.example", ("evil.example", "bank.example")),
        (b"Doe, John <j@x.example>", ()),
        (b"John (unclosed <j@x.example>", ()),
        (b"undisclosed:;", ()),
        (b"nobody", ()),
        (b"a@[192.0.2.1]", ()),
        (b"a@\xff.example", ()),
        (b"", ()),
    ],
)
def test_author_domains(value: bytes, found: tuple[str, ...]) -> None:
    assert author_domains([value]) == found


def test_of_several_authors_the_worst_counts() -> None:
    zone = _zone(x_example="p=none", y_example="p=reject")
    verdict = _judge(zone, "x.example", "y.example", spf="x.example")
    assert (verdict.result, verdict.domain, verdict.disposition) == (Result.FAIL, "y.example", "reject")
    assert _judge(zone, "x.example", "nothing.example", spf="x.example").result is Result.NONE
    assert _judge(zone, *[f"d{number}.example" for number in range(5)]).result is Result.PERMERROR
    assert _judge(zone).result is Result.PERMERROR
