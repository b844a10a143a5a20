"""Chains of hops: sealed by us, changed by others, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from courriel.formats.header import split_block
from courriel.mailauth.arc import KEYS, validate
from courriel.mailauth.arc_fields import INSTANCES
from courriel.mailauth.arc_seal import own_results, seal
from courriel.mailauth.dkim_sign import SigningKey
from courriel.model.verdict import ArcVerdict, Result
from tests.mailauth.signing import MESSAGE, ed25519_key, record, rsa_key
from tests.mailauth.zone import Zone

HOPS = [
    SigningKey("one.test", "r", rsa_key()),
    SigningKey("two.test", "e", ed25519_key()),
    SigningKey("three.test", "r", rsa_key()),
]
ZONE = {f"{key.selector}._domainkey.{key.domain}": [record(key.private)] for key in HOPS}


def judge(content: bytes, zone: Zone | None = None) -> ArcVerdict:
    return asyncio.run(validate(content, zone or Zone(ZONE)))


def chain(hops: int, content: bytes = MESSAGE, between: Callable[[bytes], bytes] = lambda one: one) -> bytes:
    for number in range(hops):
        key = HOPS[number % len(HOPS)]
        content = seal(content, b"mx.%b; spf=pass" % key.domain.encode(), judge(content), key, 1.0) + content
        if number == 0:
            content = between(content)
    return content


def test_hop_after_hop() -> None:
    assert judge(MESSAGE) == ArcVerdict(Result.NONE)
    assert judge(chain(3)) == ArcVerdict(Result.PASS, "", 0, ("one.test", "two.test", "three.test"))


def test_what_is_written_below_after_the_last_hop_breaks_it() -> None:
    """And the next hop says so, for good."""
    assert judge(chain(1) + b"-- \r\nthe list\r\n").reason == "signature 1: the body was changed"
    changed = chain(2, between=lambda one: one + b"-- \r\nthe list\r\n")
    assert judge(changed).reason == "the last hop found it broken"


def test_the_first_hop_that_left_it_as_it_is_now() -> None:
    """RFC 8617 §5.2 step 5: the second hop has changed the subject before it signed."""
    first = chain(1)
    changed = first.replace(b"A  question", b"[list] A question")
    second = seal(changed, b"mx.two.test; spf=pass", judge(first), HOPS[1], 2.0) + changed
    verdict = judge(second)
    assert (verdict.result, verdict.oldest_pass) == (Result.PASS, 2)


CHANGES: list[tuple[bytes, bytes]] = [
    (b"what is it", b"what is this"),
    (b"i=1; mx.one.test; spf=pass", b"i=1; mx.one.test; spf=fail"),
    (b"cv=none", b"cv=pass"),
    (b"ARC-Seal: a=ed25519", b"ARC-Sea: a=ed25519"),
    (b"i=2; mx.two", b"i=1; mx.two"),
    (b"d=two.test", b"d=one.test"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_chain_is_whole_or_worthless(old: bytes, new: bytes) -> None:
    content = chain(2)
    assert old in content
    assert judge(content.replace(old, new)).result is Result.FAIL


def test_a_broken_chain_is_sealed_once() -> None:
    broken = chain(1).replace(b"what is it", b"what is this")
    verdict = judge(broken)
    assert verdict.result is Result.FAIL
    once = seal(broken, b"mx.two.test; arc=fail", verdict, HOPS[1], 1.0) + broken
    assert b"cv=fail" in once
    assert judge(once).reason == "the last hop found it broken"
    assert seal(once, b"mx.three.test; arc=fail", judge(once), HOPS[2], 1.0) == b""


def test_without_an_answer_there_is_no_pass() -> None:
    zone = Zone(ZONE | {"r._domainkey.one.test": "SERVFAIL"})
    assert judge(chain(2), zone).result is Result.FAIL


def _hollow(instances: int) -> bytes:
    sets = b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; b=AAAA; cv=%b; d=d%d.test; s=s\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; b=AAAA; bh=AAAA; d=d%d.test; s=s; h=from\r\n"
        b"ARC-Authentication-Results: i=%d; x; none\r\n" % (one, b"pass" if one > 1 else b"none", one, one, one, one)
        for one in range(instances, 0, -1)
    )
    return sets + MESSAGE


def test_a_long_chain_asks_for_nothing() -> None:
    zone = Zone({})
    assert judge(_hollow(KEYS + 1), zone).reason == "arc.keys"
    assert judge(_hollow(INSTANCES + 1), zone).reason == "arc.instances"
    assert zone.asked == []
    assert judge(_hollow(KEYS), zone).reason == f"signature {KEYS}: key: there is none"


def test_only_our_own_findings_are_sealed() -> None:
    header = (
        b"Authentication-Results: MX.one.test;\r\n spf=pass smtp.mailfrom=a@b\r\n"
        b"Authentication-Results: mx.evil.test; dkim=pass\r\nauthentication-results: mx.one.test; dmarc=pass;\r\n\r\n"
    )
    found = own_results(split_block(header).raw_items(), b"mx.one.test")
    assert found == b"mx.one.test; spf=pass smtp.mailfrom=a@b; dmarc=pass"
