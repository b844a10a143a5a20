"""Mail of strangers that is sent on, sealed: who seals, what, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from courriel.delivery import intake
from courriel.delivery.seal import Sealer
from courriel.mailauth.arc import validate
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient, address_of
from courriel.model.mailing_list import MailingList, Posting
from courriel.model.verdict import Result
from tests.delivery.test_sign import KEYS, ZONE
from tests.smtp.house import House, build

FOUND = b"Authentication-Results: mail.courriel.test; spf=pass smtp.mailfrom=eve@far.test\r\n"
FORGED = FOUND.replace(b"spf=pass", b"spf=pass dmarc=pass")
POST = b"From: eve@far.test\r\nTo: you\r\nSubject: hello\r\n\r\nhello\r\n"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this server found stands beside its Received."""
    written = intake.received_field
    monkeypatch.setattr(intake, "received_field", lambda *about: FOUND + written(*about))


def _run(test: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        ring = lambda domain: KEYS if domain == "courriel.test" else ()  # noqa: E731
        house = await build(sealer=Sealer(ring, ZONE, "mail.courriel.test"))
        try:
            await house.directory.set_forward("bob@courriel.test", "bob@elsewhere.test", True)
            await test(house)
        finally:
            await house.close()

    asyncio.run(run())


async def _come(house: House, to: str, content: bytes) -> list[bytes]:
    client = Client("192.0.2.1", 1, "c", esmtp=True)
    envelope = Envelope(Door.MX, client, Address("eve", "far.test"), (Recipient(address_of(to)),))
    await house.intake.accept(envelope, content)
    return [await house.queue.content(entry.message.id) for entry in await house.queue.entries()]


@pytest.mark.usefixtures("found")
def test_what_is_sent_on_is_sealed_by_the_forwarder() -> None:
    async def test(house: House) -> None:
        [content] = await _come(house, "bob@courriel.test", FORGED + POST)
        verdict = await validate(content, ZONE)
        assert (verdict.result, verdict.sealers) == (Result.PASS, ("courriel.test",))
        assert (
            b"ARC-Authentication-Results: i=1; mail.courriel.test; spf=pass smtp.mailfrom=eve@far.test\r\n" in content
        )
        [here] = await house.mail("bob")
        assert b"ARC-Seal" not in here

    _run(test)


@pytest.mark.parametrize("forged", [b"", FORGED])
def test_without_a_finding_of_ours_there_is_nothing_to_seal(forged: bytes) -> None:
    async def test(house: House) -> None:
        [content] = await _come(house, "bob@courriel.test", forged + POST)
        assert b"ARC-Seal" not in content

    _run(test)


@pytest.mark.usefixtures("found")
def test_a_list_seals_its_own_subject() -> None:
    async def test(house: House) -> None:
        kept = MailingList(
            "dev@courriel.test", "Dev", ("alice@courriel.test",), posting=Posting.ANYONE, subject_prefix="[dev]"
        )
        await house.directory.add_list(kept)
        await house.book.add_members(kept.address, ["fred@far.test"], 0.0)
        [content] = await _come(house, "dev@courriel.test", POST)
        assert b"Subject: [dev] hello" in content
        assert (await validate(content, ZONE)).result is Result.PASS

    _run(test)
