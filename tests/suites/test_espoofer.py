"""Composition attacks ("Composition Kills", USENIX 2020): envelope and message, over SMTP, with the attacker's DNS.

Each case has an outcome that is required in words: refused with a 5xx, or judged so that DMARC does not pass, which
puts it among the junk; whatever was forged must never be what programs and people are told.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courriel.delivery.settings import SenderSettings
from tests.smtp.house import build, say
from tests.suites.folder import cases, files
from tests.zone import Zone

ATTACKER = "192.0.2.66"

SPF = {"TXT": [b"v=spf1 ip4:192.0.2.66 -all"]}


class Wildcard(Zone):
    """Everything below attack.com exists and lets the attacker send."""

    def _find(self, name: str, rdtype: str) -> Any:
        if name.lower().endswith(".attack.com") and not name.startswith("_dmarc."):
            self.records.setdefault(name.lower(), dict(SPF))
        return super()._find(name, rdtype)


def zone() -> Zone:
    return Wildcard(
        {
            "attack.com": SPF,
            "selector._domainkey.attack.com": {"TXT": [b"v=DKIM1; p="]},
            "legitimate.com": {"TXT": [b"v=spf1 -all"], "A": ["198.51.100.1"]},
            "_dmarc.legitimate.com": {"TXT": [b"v=DMARC1; p=reject"]},
        }
    )


def read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in json.loads(path.read_text("utf-8"))["cases"]:
        yield case["id"], case


def dialogue(case: dict[str, Any], recipient: str, login: bytes = b"") -> bytes:
    content = case["message_latin1"].encode("latin-1")
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    lines = [
        f"EHLO {case['helo']}".encode(),
        *([b"AUTH PLAIN " + login] if login else []),
        b"MAIL FROM:" + case["mail_from"].encode("latin-1"),
        b"RCPT TO:" + recipient.encode(),
        b"DATA",
        stuffed.removesuffix(b"\r\n"),
        b".",
        b"QUIT",
        b"",
    ]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    "case", [one for path in files("attack/espoofer-cases.json") for one in cases("espoofer", read(path))]
)
def test_outcome(case: dict[str, Any]) -> None:
    outcome = submitted if case["required"].startswith("submission") else received
    for reject in (False, True):
        asyncio.run(outcome(case, reject))


async def received(case: dict[str, Any], reject: bool) -> None:
    """Refused, or among the junk with a verdict that does not pass."""
    house = await build(zone=zone(), senders=SenderSettings(reject=reject))
    try:
        said = await say(house, dialogue(case, "<bob@courriel.test>"), ip=ATTACKER)
        inbox, junk = await house.mail("bob"), await house.mail("bob", "Junk")
        assert said.splitlines()[-1].startswith(b"221 "), "the talk ends in good order"
        assert inbox == []
        if not junk:
            assert re.search(rb"(?m)^5[0-9]{2} ", said)
        for message in junk:
            ours = message[message.index(b"\r\nAuthentication-Results: ") : message.index(b"\r\nReceived-SPF: ")]
            assert b"dmarc=pass" not in ours and b"=legitimate.com'" not in ours and b"\x00" not in ours
    finally:
        await house.close()


async def submitted(case: dict[str, Any], reject: bool) -> None:
    """Somebody who is logged in writes in another's name."""
    house = await build(zone=zone(), senders=SenderSettings(reject=reject))
    case = case | {
        "mail_from": case["mail_from"].replace("attacker@example.com", "alice@courriel.test"),
        "message_latin1": case["message_latin1"].replace("attacker@example.com", "alice@courriel.test"),
    }
    try:
        login = base64.b64encode(b"\0alice\0secret")
        said = await say(house, dialogue(case, "<bob@courriel.test>", login), "submission", "127.0.0.1")
        assert b"235 " in said and re.search(rb"(?m)^550 ", said), said
        assert await house.mail("bob") == []
    finally:
        await house.close()
