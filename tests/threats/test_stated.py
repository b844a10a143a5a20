"""Authentication-Results of a server one trusts, and of others."""

from __future__ import annotations

from courriel.model.verdict import Result
from courriel.threats.stated import stated

OURS = "mx.home.example; spf=pass smtp.mailfrom=b@mass.example; dkim=pass header.d=mass.example header.s=s1; "
DMARC = "dmarc=fail (p=REJECT dis=NONE) header.from=bank.example"
EXCHANGE = (
    "spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=bank.example; dkim=none (message not signed)"
    " header.d=none;dmarc=fail action=quarantine header.from=bank.example;compauth=fail reason=000"
)


def test_the_servers_words_are_read() -> None:
    found = stated([("authentication-results", OURS + DMARC), ("received", "x")], "MX.home.example")
    assert found is not None
    assert found.dmarc.result is Result.FAIL and found.dmarc.domain == "bank.example"
    assert (found.dmarc.policy, found.dmarc.disposition) == ("reject", "none")
    assert found.origin.spf.result is Result.PASS and found.origin.spf.domain == "mass.example"
    assert not found.dmarc.spf_aligned and not found.dmarc.dkim_aligned
    assert [one.domain for one in found.dkim.signatures] == ["mass.example"]


def test_alignment_is_of_a_domain_and_those_below_it() -> None:
    value = "mx; spf=pass smtp.mailfrom=b@mail.bank.example; dmarc=pass header.from=bank.example"
    found = stated([("authentication-results", value)], "mx")
    assert found is not None and found.dmarc.spf_aligned


def test_others_words_do_not_count() -> None:
    assert stated([("authentication-results", OURS + DMARC)], "other.example") is None
    assert stated([("authentication-results", "((((")], "mx") is None


def test_what_stands_below_the_servers_own_received_field_was_written_by_others() -> None:
    forged = "mx.home.example; dmarc=pass header.from=bank.example"
    headers = [
        ("authentication-results", OURS + DMARC),
        ("received", "by mx.home.example"),
        ("authentication-results", forged),
    ]
    found = stated(headers, "mx.home.example")
    assert found is not None and found.dmarc.result is Result.FAIL


def test_exchange_writes_words_without_a_property_type() -> None:
    found = stated([("authentication-results", "mx.home.example; " + EXCHANGE)], "mx.home.example")
    assert found is not None
    assert found.dmarc.result is Result.FAIL and found.dmarc.disposition == "quarantine"
    assert found.origin.spf.result is Result.FAIL
