"""A message in a file, judged by asking the DNS: SPF, DKIM and DMARC as they would have been at the door."""

from __future__ import annotations

import pytest

from courriel.app.judging import judgement
from courriel.model.envelope import Client
from courriel.model.verdict import Result
from tests.zone import Zone

pytestmark = pytest.mark.usefixtures("runner")

ZONE = {
    "bank.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.bank.example": {"TXT": [b"v=DMARC1; p=reject"]},
    "mass.example": {"TXT": [b"v=spf1 ip4:203.0.113.7 -all"]},
}
LETTER = b"From: Bank <info@bank.example>\r\nSubject: x\r\n\r\nx\r\n"


async def test_a_forged_sender_is_seen() -> None:
    found = await judgement(LETTER, Client("203.0.113.7", 0, "mass.example"), "b@mass.example", "here", Zone(ZONE))
    assert found.origin.spf.result is Result.PASS and found.origin.spf.domain == "mass.example"
    assert found.dmarc.result is Result.FAIL and found.dmarc.domain == "bank.example"


async def test_a_true_sender_is_seen() -> None:
    found = await judgement(LETTER, Client("192.0.2.1", 0, "bank.example"), "b@bank.example", "here", Zone(ZONE))
    assert found.dmarc.result is Result.PASS


async def test_without_a_client_and_with_a_broken_path_only_the_message_is_judged() -> None:
    zone = Zone(ZONE)
    found = await judgement(LETTER, Client("", 0), "no address", "here", zone)
    assert found.origin.spf.result is Result.NONE
    assert {name for name, _ in zone.asked} <= {"_dmarc.bank.example", "_dmarc.example", "bank.example"}


async def test_nothing_that_the_message_names_is_asked() -> None:
    zone = Zone(ZONE)
    letter = LETTER + b"http://evil.test/ <img src=http://pixel.test/>\r\n"
    await judgement(letter, Client("203.0.113.7", 0, "mass.example"), "b@mass.example", "here", zone)
    assert not [name for name, _ in zone.asked if name.endswith("test")]
