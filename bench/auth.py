"""Judging senders: processor time of SPF, DMARC, Authentication-Results and the whole judgement, DNS answers at hand.

    .venv/bin/python -m bench.auth [--profile]

Beside ours run pyspf and authheaders where they are installed, on the same records.  ``spf big`` is a record of a big
provider: three includes with 75 networks, and the client is in the last of them.
"""

from __future__ import annotations

import asyncio
import cProfile
import importlib
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from courriel.base.clock import ManualClock
from courriel.delivery.authenticate import SenderCheck
from courriel.delivery.judge import judge
from courriel.delivery.settings import DeliverySettings, SenderSettings
from courriel.formats.reports import authres
from courriel.mailauth import dmarc, spf
from courriel.model.envelope import Address, Body, Client, Door, Envelope
from courriel.model.transit import Transit
from courriel.model.verdict import Result, SpfVerdict
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
    """From MAIL FROM to the fields before a message of 10 KB: SPF twice, the client's name, DMARC, the ruling."""
    senders = SenderCheck(table, SenderSettings(), "here.example", ManualClock())
    client = Client(CLIENT, 1, "mail.example.com", esmtp=True)
    envelope = Envelope(Door.MX, client, Address("a", AUTHOR), ())

    async def message() -> None:
        table.asked.clear()
        senders.begin(client, envelope.reverse_path)
        transit = Transit("id", envelope, MESSAGE, 0.0)
        await senders.judge(transit, judge(MESSAGE, Body.SEVEN_BIT, DeliverySettings("here.example")))
        assert b"dmarc=pass" in transit.verdict_fields

    row("the whole judgement of 10 KB, without DKIM", await rate(message))


async def others() -> None:
    table = zone()

    def look(name: str, rdtype: str) -> list[Any]:
        table.asked.clear()
        return list(table._find(name, rdtype).records)

    try:
        pyspf = importlib.import_module("spf")
    except ImportError:
        return

    def answers(name: str, rdtype: str, *_: object, **__: object) -> list[Any]:
        found = look(name, rdtype)
        return [((name, rdtype), (one,) if rdtype in ("TXT", "SPF") else one) for one in found]

    pyspf.DNSLookup = answers

    async def check(domain: str) -> None:
        assert pyspf.check2(i=CLIENT, s=f"a@{domain}", h="h.example")[0] == "pass"

    row("pyspf: spf big", await rate(lambda: check("example.com")))
    row("pyspf: spf one network", await rate(lambda: check("plain.example")))


async def main() -> None:
    await ours()
    await others()


if __name__ == "__main__":
    if "--profile" in sys.argv:
        cProfile.run("asyncio.run(ours())", sort="tottime")
    else:
        asyncio.run(main())
