"""Judging senders: processor time of SPF, DMARC, Authentication-Results and the whole judgement, DNS answers at hand.

    .venv/bin/python -m bench.auth [--profile]

Beside ours run pyspf, dkimpy, authheaders and OpenDKIM's library where they are installed (``auth_peers``), on the same
records and messages.  ``spf big`` is a record of a big
provider: three includes with 75 networks, and the client is in the last of them.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench import auth_peers
from courriel.base.clock import ManualClock
from courriel.delivery.authenticate import SenderCheck
from courriel.delivery.judge import judge
from courriel.delivery.settings import DeliverySettings, SenderSettings
from courriel.formats.reports import authres
from courriel.mailauth import dkim_verify, dmarc, spf
from courriel.mailauth.dkim_sign import SigningKey, sign
from courriel.mailauth.replay import Replays
from courriel.mailauth.signatures import SignatureJudge
from courriel.model.envelope import Address, Body, Client, Door, Envelope
from courriel.model.transit import Transit
from courriel.model.verdict import Result, SpfVerdict
from tests.mailauth.signing import record, rsa_key
from tests.zone import Zone

SECONDS = 1.0
"""How long each row runs."""

CLIENT = "172.18.74.7"
AUTHOR = "news.example.com"
VALUE = (
    b"mx.example.com; spf=pass smtp.mailfrom=a@example.net; dkim=pass (good) header.d=example.net header.s=s "
    b"header.b=AbCdEfGh; dmarc=pass header.from=example.net"
)
MESSAGE = b"From: A <a@news.example.com>\r\nTo: b@here.example\r\nSubject: x\r\n\r\n" + b"0123456789abcde\r\n" * 600


NOW = time.time()
"""dkimpy and OpenDKIM take no signature of tomorrow."""
KEY = SigningKey(AUTHOR, "r", rsa_key())
LINE = b"The quick  brown fox jumps over the lazy dog,\tand then again over it. \r\n"


def networks(first: int, count: int) -> str:
    return " ".join(f"ip4:172.{first}.{number}.0/24" for number in range(count))


RECORDS = {
    "example.com": "v=spf1 include:_spf.example.com ~all",
    "_spf.example.com": "v=spf1 include:_a.example.com include:_b.example.com include:_c.example.com ~all",
    "_a.example.com": f"v=spf1 {networks(16, 25)} ~all",
    "_b.example.com": f"v=spf1 {networks(17, 25)} ~all",
    "_c.example.com": f"v=spf1 {networks(18, 24)} ip4:172.18.74.0/24 ~all",
    "plain.example": "v=spf1 ip4:172.18.0.0/16 -all",
    "_dmarc.example.com": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com",
    "mail.example.com": "v=spf1 a -all",
    "news.example.com": "v=spf1 include:example.com -all",
}


def zone() -> Zone:
    records: dict[str, dict[str, list[Any]]] = {name: {"TXT": [text.encode()]} for name, text in RECORDS.items()}
    records["mail.example.com"]["A"] = [CLIENT]
    records["7.74.18.172.in-addr.arpa"] = {"PTR": ["mail.example.com"]}
    records[f"r._domainkey.{AUTHOR}"] = {"TXT": [record(KEY.private)]}
    return Zone(records)


async def rate(act: Callable[[], Awaitable[object]]) -> float:
    """Per second of processor time."""
    await act()
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        for _ in range(20):
            await act()
        count += 20
    return count / spent


def row(what: str, per_second: float) -> None:
    print(f"  {what:44}{per_second:12,.0f} /s {1e6 / per_second:10.1f} µs", flush=True)


async def ours() -> None:
    table = zone()

    async def check(domain: str, wanted: Result) -> None:
        table.asked.clear()
        verdict = await spf.check(spf.of_mail(CLIENT, "h.example", Address("a", domain), "me", 0.0), table)
        assert verdict.result is wanted

    async def evaluate() -> None:
        table.asked.clear()
        verdict = await dmarc.judge([AUTHOR], SpfVerdict(Result.PASS, AUTHOR, "mfrom"), (), table)
        assert verdict.result is Result.PASS

    async def parse() -> None:
        authres.parse(VALUE)

    row("spf big", await rate(lambda: check("example.com", Result.PASS)))
    row("spf one network", await rate(lambda: check("plain.example", Result.PASS)))
    row("dmarc", await rate(evaluate))
    row("Authentication-Results read", await rate(parse))
    await whole(table)


async def whole(table: Zone) -> None:
    """From MAIL FROM to the fields before a message of 10 KB: SPF twice, the client's name, DKIM, DMARC, the ruling."""
    signed = sign(MESSAGE, [KEY], NOW) + MESSAGE
    client = Client(CLIENT, 1, "mail.example.com", esmtp=True)
    envelope = Envelope(Door.MX, client, Address("a", AUTHOR), ())
    for what, content, judges in (
        ("the whole judgement of 10 KB, without DKIM", MESSAGE, None),
        ("the whole judgement of 10 KB, one RSA signature", signed, SignatureJudge(table, Replays())),
    ):
        senders = SenderCheck(table, SenderSettings(), "here.example", ManualClock(), judges)

        async def message(content: bytes = content, senders: SenderCheck = senders) -> None:
            table.asked.clear()
            senders.begin(client, envelope.reverse_path)
            transit = Transit("id", envelope, content, NOW)
            await senders.judge(transit, judge(content, Body.SEVEN_BIT, DeliverySettings("here.example")))
            assert b"dmarc=pass" in transit.verdict_fields

        row(what, await rate(message))


async def signatures(table: Zone) -> None:
    """One RSA-2048 signature, relaxed, on messages of three sizes: ours and others in turn."""
    peers = {"dkimpy": auth_peers.dkimpy(table), "OpenDKIM's library": auth_peers.opendkim(table)}
    for octets in (1_500, 100_000, 1_000_000):
        plain = MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4] + LINE * (octets // len(LINE))
        message = sign(plain, [KEY], NOW) + plain

        async def verify(message: bytes = message) -> None:
            table.asked.clear()
            (verdict,) = await dkim_verify.verify(message, table, lambda: NOW)
            assert verdict.result is Result.PASS

        row(f"dkim verify, {octets:,} octets", await rate(verify))
        await _peer(f"dkim sign RSA, {octets:,} octets", lambda m=plain: sign(m, [KEY], NOW))  # type: ignore[misc]
        if (signer := auth_peers.dkimpy_signer(rsa_key(), KEY.selector.encode(), KEY.domain.encode())) is not None:
            await _peer(f"dkimpy: dkim sign RSA, {octets:,} octets", lambda m=plain, s=signer: s(m))  # type: ignore[misc]
        for name, check in peers.items():
            if check is not None:
                await _peer(f"{name}: dkim verify, {octets:,} octets", lambda c=check, m=message: c(m))  # type: ignore[misc]


async def _peer(what: str, act: Callable[[], object]) -> None:
    assert act()

    async def one() -> object:
        return act()

    row(what, await rate(one))


async def others() -> None:
    table = zone()
    pyspf = auth_peers.pyspf(table)
    if pyspf is not None:
        for what, domain in (("big", "example.com"), ("one network", "plain.example")):
            await _peer(
                f"pyspf: spf {what}",
                lambda d=domain: pyspf.check2(i=CLIENT, s=f"a@{d}", h="h.example")[0] == "pass",  # type: ignore[misc]
            )
    judges = auth_peers.authheaders(table, CLIENT, f"a@{AUTHOR}")
    if judges is not None:
        signed = sign(MESSAGE, [KEY], NOW) + MESSAGE
        assert "dkim=pass" in judges(signed) and "dmarc=pass" in judges(signed)
        await _peer("authheaders: SPF, DKIM, DMARC of 10 KB", lambda: judges(signed))
    await signatures(table)


async def main() -> None:
    await ours()
    await others()


if __name__ == "__main__":
    if "--profile" in sys.argv:
        cProfile.run("asyncio.run(ours())", sort="tottime")
    else:
        asyncio.run(main())
