"""DKIM2 chains: what each hop vouches for, and what a copy or a change shows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re

import pytest

from courriel.mailauth import trace
from courriel.mailauth.dkim2_fields import HOPS, PROOFS
from courriel.mailauth.dkim2_verify import AGE_S, AHEAD_S, KEYS, verify
from courriel.mailauth.replay import Replays
from courriel.mailauth.signatures import SignatureJudge
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from tests.mailauth.signing import ed25519_key, record
from tests.mailauth.zone import Zone

NOW = 1_800_000_000
BODY = b"Hello Bob,\r\n\r\nwhat is it?\r\n"
HEADER = b"From: alice@one.test\r\nTo: bob@two.test\r\nSubject: a  question\r\n"
CANONICAL = b"from:alice@one.test\r\nsubject:a question\r\nto:bob@two.test\r\n"
ZONE = {f"e._domainkey.{domain}": [record(ed25519_key())] for domain in ("one.test", "two.test", "three.test")}


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def instance(number: int = 1) -> str:
    return f"m={number}; h=sha256:{_b64(hashlib.sha256(CANONICAL).digest())}:{_b64(hashlib.sha256(BODY).digest())};"


def hop(before: str, domain: str, sender: str, *to: str, at: int = NOW, more: str = "") -> str:
    """The fields ``before``, and one more hop above them; signed over all of it without blanks."""
    number = before.count("DKIM2-Signature") + 1
    rt = ",".join(_b64(one.encode()) for one in to)
    unsigned = f"i={number}; m=1; t={at}; d={domain}; mf={_b64(sender.encode())}; rt={rt}; {more}s=e:ed25519-sha256:"
    covered = "".join(
        f"{name.lower()}:{''.join(value.split())}\r\n"
        for name, value in reversed(re.findall(r"(?m)^(Message-Instance|DKIM2-Signature): (.*)\r\n", before))
    )
    octets = (covered + f"dkim2-signature:{''.join(unsigned.split())}\r\n").encode()
    return f"DKIM2-Signature: {unsigned}{_b64(ed25519_key().sign(hashlib.sha256(octets).digest()))}\r\n{before}"


FIRST = hop(f"Message-Instance: {instance()}\r\n", "one.test", "<alice@one.test>", "<bob@two.test>")
SECOND = hop(FIRST, "two.test", "<bob@two.test>", "<bob@three.test>")
TO_BOB = ("<alice@one.test>", ["<bob@two.test>"])
ON = ("<bob@two.test>", ["<bob@three.test>"])


def judge(
    fields: str, envelope: tuple[str, list[str]] = TO_BOB, header: bytes = HEADER, body: bytes = BODY, now: float = NOW
) -> DkimVerdict:
    content = fields.encode() + header + b"\r\n" + body
    return asyncio.run(verify(content, *envelope, Zone(ZONE), now))


def test_a_hop_and_another() -> None:
    assert judge(FIRST) == DkimVerdict(Result.PASS, "one.test", "e", "<alice@one.test>", "ed25519-sha256")
    assert judge(SECOND, ON).domain == "two.test"
    assert judge(SECOND, ON).result is Result.PASS
    assert judge("").result is Result.NONE


def test_what_servers_add_on_the_way_does_not_matter() -> None:
    trace = (
        b"Received: by x\r\nReturn-Path: <a@b>\r\nX-Spam: no\r\nAuthentication-Results: x; none\r\nARC-Seal: i=1\r\n"
    )
    assert judge(FIRST, header=trace + HEADER, body=BODY + b"\r\n\r\n").result is Result.PASS


def test_changes_show() -> None:
    assert judge(FIRST, body=BODY + b"more\r\n").reason == "the body was changed"
    assert judge(FIRST, header=HEADER + b"Reply-To: eve@x.test\r\n").reason == "the header was changed"
    assert judge(FIRST.replace("t=18", "t=19"), now=1_900_000_000).reason == "the signature of hop 1 does not hold"
    assert judge(SECOND.replace("i=1; m=1", "i=1; m=1; n=x"), ON).reason == "the signature of hop 1 does not hold"


def test_a_copy_for_somebody_else_shows() -> None:
    assert (
        judge(FIRST, ("<alice@one.test>", ["<eve@x.test>"])).reason
        == "the envelope has a recipient that was not signed"
    )
    assert (
        judge(FIRST, ("<eve@x.test>", ["<bob@two.test>"])).reason == "the envelope has another sender than was signed"
    )
    assert judge(SECOND, TO_BOB).result is Result.FAIL
    assert judge(FIRST, ("<alice@ONE.test>", ["<bob@Two.Test>"])).result is Result.PASS


def test_a_hop_that_nobody_gave_it_to() -> None:
    stolen = hop(FIRST, "three.test", "<eve@three.test>", "<bob@three.test>")
    verdict = judge(stolen, ("<eve@three.test>", ["<bob@three.test>"]))
    assert (verdict.result, verdict.reason) == (Result.FAIL, "hop 2 is not whom hop 1 gave it to")


@pytest.mark.parametrize(
    ("later", "result"), [(-AHEAD_S, "pass"), (-AHEAD_S - 1, "permerror"), (AGE_S + 1, "permerror")]
)
def test_times(later: int, result: str) -> None:
    assert judge(FIRST, now=NOW + later).result.value == result


PERMANENT = [
    (FIRST.replace("Message-Instance", "X-Instance"), "missing"),
    (FIRST.replace("DKIM2-Signature", "X-Signature"), "missing"),
    (FIRST.replace("i=1", "i=2"), "i=1 is missing"),
    (FIRST.replace("m=1; h", "m=2; h"), "m=1 is missing"),
    (FIRST + FIRST, "stands twice"),
    (FIRST.replace("d=one", "d=below.one"), "outside of d="),
    (FIRST.replace("s=e:", "s=other:"), "there is none"),
    (FIRST.replace("s=e:", "s=e:" + "x:AAAA,e:" * PROOFS), "dkim2.proofs"),
    (hop(f"Message-Instance: {instance()}\r\n", "one.test", "alice@one.test", "<bob@two.test>"), "no brackets"),
    (
        hop(f"Message-Instance: {instance()}\r\n", *("one.test", "<alice@one.test>", "<b@t>"), more=f"n={'x' * 65}; "),
        "n=",
    ),
]


@pytest.mark.parametrize(("fields", "reason"), PERMANENT, ids=range(len(PERMANENT)))
def test_what_is_no_chain(fields: str, reason: str) -> None:
    verdict = judge(fields)
    assert (verdict.result, reason in verdict.reason) == (Result.PERMERROR, True), verdict


def test_long_chains_ask_for_nothing() -> None:
    zone, many = Zone({}), FIRST
    for number in range(KEYS):
        domain = f"{number}.two.test" if number else "two.test"
        many = hop(many, domain, f"<b@{domain}>", f"<b@{number + 1}.two.test>")
    content = many.encode() + HEADER + b"\r\n" + BODY
    envelope = (f"<b@{KEYS - 1}.two.test>", [f"<b@{KEYS}.two.test>"])
    assert asyncio.run(verify(content, *envelope, zone, NOW)).reason == "dkim2.keys"
    too_many = (FIRST.split("\r\n")[0] + "\r\n") * (HOPS + 1)
    assert asyncio.run(verify(too_many.encode() + content, *envelope, zone, NOW)).reason == "dkim2.hops"
    assert zone.asked == []


def test_no_answer_is_not_no_key() -> None:
    content = FIRST.encode() + HEADER + b"\r\n" + BODY
    zone = Zone({"e._domainkey.one.test": "SERVFAIL"})
    assert asyncio.run(verify(content, *TO_BOB, zone, NOW)).result is Result.TEMPERROR


def _envelope(*to: str) -> Envelope:
    client = Client("192.0.2.1", 25, "one.test")
    recipients = tuple(Recipient(Address(*one.split("@"))) for one in to)
    return Envelope(Door.MX, client, Address("alice", "one.test"), recipients)


def test_it_is_looked_at_only_where_that_is_asked_for_and_with_the_envelope() -> None:
    content = FIRST.encode() + HEADER + b"\r\n" + BODY

    def findings(*to: str, dkim2: bool) -> DkimVerdict | None:
        judge = SignatureJudge(Zone(ZONE), Replays(), dkim2=dkim2)
        return asyncio.run(judge.judge(content, _envelope(*to), NOW)).dkim2

    assert findings("bob@two.test", dkim2=False) is None
    right, copied = findings("bob@two.test", dkim2=True), findings("eve@two.test", dkim2=True)
    assert right is not None and right.result is Result.PASS
    assert copied is not None and copied.result is not Result.PASS


def test_it_is_written_down() -> None:
    hops = DkimVerdict(Result.PASS, "one.test", "e", "<alice@one.test>", "ed25519-sha256")
    origin = Origin(SpfVerdict(Result.NONE, "one.test", "mfrom"), None, Iprev(Result.NONE, "192.0.2.1"))
    found = Judgement(origin, DkimFindings((), None, hops), DmarcVerdict(Result.NONE, "one.test", "", "none"))
    envelope = _envelope("bob@two.test")
    written = trace.fields(found, envelope.client, envelope.reverse_path, "mx.two.test")
    assert b"dkim2=pass header.d=one.test" in b" ".join(written.split())
