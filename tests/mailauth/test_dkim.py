"""DKIM signatures made and judged: what holds, what does not, what is bounded."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import pytest

from courriel.base.errors import FormatError
from courriel.mailauth import dkim_verify
from courriel.mailauth.dkim_key import first_key, parse_key
from courriel.mailauth.dkim_sign import OVER_SIGNED, SigningKey, sign
from courriel.mailauth.dkim_signature import HEADER_NAMES, parse_signature
from courriel.model.verdict import DkimVerdict, Result
from courriel.net.eager import start
from tests.mailauth.signing import MESSAGE, ed25519_key, public_record, record, rsa_key
from tests.mailauth.zone import Zone

NOW = 1_800_000_000.0
RSA = SigningKey("example.org", "r", rsa_key())
ED = SigningKey("example.org", "e", ed25519_key())
ZONE = {"r._domainkey.example.org": [record(RSA.private)], "e._domainkey.example.org": [record(ED.private)]}


def judge(content: bytes, zone: Zone | None = None, now: float = NOW) -> tuple[DkimVerdict, ...]:
    return asyncio.run(dkim_verify.verify(content, zone or Zone(ZONE), lambda: now))


def results(content: bytes, zone: Zone | None = None, now: float = NOW) -> list[Result]:
    return [one.result for one in judge(content, zone, now)]


def test_both_signatures_hold() -> None:
    rsa, ed = judge(sign(MESSAGE, [RSA, ED], NOW) + MESSAGE)
    assert rsa.result is ed.result is Result.PASS
    assert (rsa.algorithm, ed.algorithm) == ("rsa-sha256", "ed25519-sha256")
    assert rsa == DkimVerdict(Result.PASS, "example.org", "r", "@example.org", "rsa-sha256", b=rsa.b)
    assert len(rsa.b) >= 8


def test_what_is_written() -> None:
    (signature,) = [parse_signature(sign(MESSAGE, [RSA], NOW).partition(b":")[2])]
    assert signature.body_octets is None
    assert (signature.signed_at, signature.expires_at) == (NOW, NOW + 14 * 86_400)
    for name in OVER_SIGNED:
        there = len(re.findall(rb"(?mi)^%b:" % name.encode(), MESSAGE))
        assert signature.names.count(name.lower().encode()) == there + 1
    assert max(map(len, sign(MESSAGE, [RSA, ED], NOW).split(b"\r\n"))) <= 78


CHANGES: list[tuple[str, Callable[[bytes], bytes], Result]] = [
    ("a field on top", lambda m: b"X-Other: 1\r\n" + m, Result.PASS),
    ("blanks as relaxed lets them", lambda m: m.replace(b"A  question", b"A question\r\n "), Result.PASS),
    ("empty lines at the end", lambda m: m + b"\r\n\r\n", Result.PASS),
    ("a word of the body", lambda m: m.replace(b"what", b"that"), Result.FAIL),
    ("the subject", lambda m: m.replace(b"question", b"answer"), Result.FAIL),
    ("a second From", lambda m: b"From: eve@example.com\r\n" + m, Result.FAIL),
    ("a Reply-To that was not there", lambda m: b"Reply-To: eve@example.com\r\n" + m, Result.FAIL),
    ("the expiry", lambda m: m.replace(b"x=18", b"x=19"), Result.FAIL),
]


@pytest.mark.parametrize(("change", "result"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
@pytest.mark.parametrize("key", [RSA, ED], ids=["rsa", "ed25519"])
def test_changes(change: Callable[[bytes], bytes], result: Result, key: SigningKey) -> None:
    assert results(change(sign(MESSAGE, [key], NOW) + MESSAGE)) == [result]


def test_expiry() -> None:
    signed = sign(MESSAGE, [RSA], NOW, 3600) + MESSAGE
    assert results(signed, now=NOW + 3599) == [Result.PASS]
    assert results(signed, now=NOW + 3601) == [Result.PERMERROR]


def test_no_signature_and_no_body() -> None:
    assert judge(MESSAGE) == ()
    header = MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 2]
    assert results(sign(header, [RSA], NOW) + header) == [Result.PASS]


def test_a_megabyte_is_hashed_beside() -> None:
    long = MESSAGE + b"a line \t of it\r\n" * 80_000
    assert len(long) > dkim_verify.LONG_OCTETS
    assert results(sign(long, [RSA], NOW) + long) == [Result.PASS]
    assert results(sign(long, [RSA], NOW) + long + b"more") == [Result.FAIL]


KEYS = [
    (b"v=DKIM1; k=rsa; p=", Result.PERMERROR, "revoked"),
    (b"v=DKIM2; p=AAAA", Result.PERMERROR, "v="),
    (b"k=rsa; v=DKIM1; p=", Result.PERMERROR, "not first"),
    (record(ED.private), Result.PERMERROR, "ed25519"),
    (public_record(4104), Result.PERMERROR, "4104 bits"),
    (public_record(512), Result.PERMERROR, "512 bits"),
    (record(RSA.private).replace(b"k=rsa", b"k=rsa; h=sha1"), Result.PERMERROR, "sha256"),
    (record(RSA.private).replace(b"k=rsa", b"k=rsa; s=other"), Result.PERMERROR, "for mail"),
    (record(RSA.private).replace(b"k=rsa", b"k=rsa; s=other:email; h=sha1:sha256; t=s"), Result.PASS, ""),
    (b"v=DKIM1; p=!", Result.PERMERROR, "base64"),
    (b"no key at all", Result.PERMERROR, "tag-spec"),
]


@pytest.mark.parametrize(("published", "result", "reason"), KEYS, ids=range(len(KEYS)))
def test_keys(published: bytes, result: Result, reason: str) -> None:
    (verdict,) = judge(sign(MESSAGE, [RSA], NOW) + MESSAGE, Zone({"r._domainkey.example.org": [published]}))
    assert verdict.result is result
    assert reason in verdict.reason


def test_testing_is_told() -> None:
    zone = Zone({"r._domainkey.example.org": [record(RSA.private) + b"; t=y"]})
    (verdict,) = judge(sign(MESSAGE, [RSA], NOW) + MESSAGE, zone)
    assert (verdict.result, verdict.testing) == (Result.PASS, True)


def test_of_several_records_the_first_key_counts() -> None:
    key = parse_key(record(RSA.private))
    assert first_key([b"v=spf1 -all", record(RSA.private)]) == key
    with pytest.raises(FormatError):
        first_key([b"v=spf1 -all"] * 4 + [record(RSA.private)])


def test_no_answer_is_not_no_key() -> None:
    zone = Zone({"r._domainkey.example.org": "SERVFAIL", "e._domainkey.example.org": ZONE["e._domainkey.example.org"]})
    assert results(sign(MESSAGE, [RSA, ED], NOW) + MESSAGE, zone) == [Result.TEMPERROR, Result.PASS]


def test_slow_zones_do_not_hold_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dkim_verify, "KEYS_S", 0.05)
    began = time.monotonic()
    assert results(sign(MESSAGE, [RSA, ED], NOW) + MESSAGE, Zone(ZONE, slow_s=30)) == [Result.TEMPERROR] * 2
    assert time.monotonic() - began < 5


def test_nobody_has_to_be_in_a_task() -> None:
    """Commands run without one until they first wait (``net/eager.py``)."""
    content, found = sign(MESSAGE, [RSA, ED], NOW) + MESSAGE, list[Result]()

    async def whole() -> None:
        found.extend(one.result for one in await dkim_verify.verify(content, Zone(ZONE), lambda: NOW))

    async def main() -> None:
        rest = start(whole())
        if rest is not None:
            await rest

    asyncio.run(main())
    assert found == [Result.PASS, Result.PASS]


def test_sixty_signatures() -> None:
    """AUTH attack row 15: ten are judged, a key that all name is asked for once."""
    zone = Zone(ZONE)
    one = sign(MESSAGE, [RSA], NOW)
    assert results(one * 60 + MESSAGE, zone) == [Result.PASS] * dkim_verify.SIGNATURES
    assert zone.asked == ["r._domainkey.example.org"]


def test_a_thousand_names() -> None:
    names = b":".join([b"from"] * (HEADER_NAMES + 1))
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=r; bh=AAAA; b=AAAA; h=" + names + b"\r\n"
    (verdict,) = judge(field + MESSAGE)
    assert (verdict.result, verdict.reason) == (Result.PERMERROR, "dkim.header_names")


def test_ten_signatures_of_a_long_body_are_bounded() -> None:
    """Each with another l=, both forms: the body is made canonical once a form, and hashed for each."""
    body = b"x \t" * 350_000
    fields = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=r; c=simple/%b; bh=AAAA; b=AAAA; h=from; l=%d\r\n"
        % ((b"simple", b"relaxed")[number % 2], 1_000_000 + number)
        for number in range(10)
    )
    began = time.process_time()
    assert results(fields + MESSAGE + body) == [Result.FAIL] * 10
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    "value", [b"v=1; " * 200, b"x" * 1_000, b" " * 1_000, b"a=;" * 300, sign(MESSAGE, [RSA], NOW)[15:-2]]
)
def test_a_hostile_megabyte_of_signatures(value: bytes) -> None:
    """50 ms of processor time a MB at most."""
    header = (b"DKIM-Signature:" + value + b"\r\n") * (1_000_000 // (len(value) + 17))
    began = time.process_time()
    judge(header + MESSAGE)
    assert time.process_time() - began < 0.05 + 0.02  # and a loop of its own


SELECTORS = ["a\0b", "a b", "a;b", "", ".", "a..b", "-a", "a" * 64, "(a)", '"a"']


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("tag", ["s", "d"])
def test_names_that_are_no_names_are_asked_of_nobody(selector: str, tag: str) -> None:
    """Composition attacks: what one reads as a name and another as half of it (AUTH attack row 12)."""
    zone = Zone(ZONE)
    names = {"s": "r", "d": "example.org"} | {tag: selector}
    field = f"DKIM-Signature: v=1; a=rsa-sha256; d={names['d']}; s={names['s']}; bh=AAAA; b=AAAA; h=from\r\n"
    assert results(field.encode() + MESSAGE, zone) == [Result.PERMERROR]
    assert zone.asked == []


def test_international_names() -> None:
    """RFC 8616 §4: U-labels in a signature are asked for as A-labels."""
    field = "DKIM-Signature: v=1; a=rsa-sha256; d=exämple.org; s=sél; bh=AAAA; b=AAAA; h=from; i=ä@exämple.org\r\n"
    zone = Zone({})
    (verdict,) = judge(field.encode() + MESSAGE, zone)
    assert zone.asked == ["xn--sl-bja._domainkey.xn--exmple-cua.org"]
    assert verdict.domain == "xn--exmple-cua.org"
