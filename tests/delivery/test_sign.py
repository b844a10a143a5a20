"""Mail of the house is signed when it leaves; what only says that it is from here is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from courriel.base.log import log
from courriel.delivery.intake import Delivery
from courriel.delivery.sign import Signer
from courriel.mailauth.dkim_sign import EXPIRE_S, SigningKey
from courriel.mailauth.dkim_signature import parse_signature
from courriel.mailauth.dkim_verify import verify
from courriel.model.device import Device
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient, address_of
from courriel.model.mailing_list import MailingList, Posting
from courriel.model.verdict import Result
from courriel.model.wishes import Wishes
from tests.mailauth.signing import ed25519_key, record, rsa_key
from tests.mailauth.zone import Zone
from tests.smtp.house import House, in_house

KEYS = (SigningKey("courriel.test", "r", rsa_key()), SigningKey("courriel.test", "e", ed25519_key()))
ZONE = Zone({f"{key.selector}._domainkey.courriel.test": [record(key.private)] for key in KEYS})
HELLO = b"From: Alice <alice@courriel.test>\r\nTo: you@far.test\r\nSubject: hello\r\n\r\nhello \r\n"


def _ring(domain: str) -> tuple[SigningKey, ...]:
    return KEYS if domain in ("courriel.test", "mail.courriel.test") else ()


def _run(test: Callable[[House], Awaitable[None]]) -> None:
    in_house(test, signer=Signer(_ring))


async def _send(
    house: House,
    *to: str,
    content: bytes = HELLO,
    door: Door = Door.SUBMISSION,
    wishes: Wishes = Wishes(),  # noqa: B008
) -> None:
    alice = house.directory.by_login("alice")
    assert alice is not None
    client = Client("192.0.2.1", 1, "c", esmtp=True)
    if door is Door.SUBMISSION:
        client = Client("192.0.2.1", 1, "c", esmtp=True, tls="TLSv1.3", account=alice.id, login=alice.login)
    sender = Address("alice", "courriel.test")
    recipients = tuple(Recipient(address_of(one)) for one in to)
    await house.intake.accept(Envelope(door, client, sender, recipients, wishes=wishes), content)


async def _leaving(house: House) -> list[bytes]:
    return [await house.queue.content(entry.message.id) for entry in await house.queue.entries()]


async def _results(content: bytes, now: float) -> list[Result]:
    return [one.result for one in await verify(content, ZONE, lambda: now)]


BOTH = [Result.PASS, Result.PASS]


def test_what_leaves_is_signed_and_what_stays_is_not() -> None:
    async def test(house: House) -> None:
        told: list[str] = []
        log.watch(lambda _msg, event, fields: told.append(f"{event} {fields.get('domain')}"))
        await _send(house, "you@far.test", "bob@courriel.test")
        log.watch(None)
        assert "delivery.signed courriel.test" in told
        [content] = await _leaving(house)
        assert await _results(content, house.clock.now()) == BOTH
        await _send(house, "bob@courriel.test")
        [_, here] = await house.mail("bob")
        assert b"DKIM-Signature" not in here

    _run(test)


@pytest.mark.parametrize("to", ["you@far.test", "both@courriel.test"])
def test_a_stranger_who_writes_our_address_is_not_signed(to: str) -> None:
    """``both`` sends on to elsewhere: there it would look like ours."""

    async def test(house: House) -> None:
        if to.endswith("courriel.test"):
            await _send(house, to, door=Door.MX)
        else:
            await house.directory.set_forward("bob@courriel.test", to, True)
            await _send(house, "bob@courriel.test", door=Door.MX)
        contents = await _leaving(house)
        assert contents and not any(b"DKIM-Signature" in one for one in contents)

    _run(test)


def test_what_leaves_later_holds_from_then_on() -> None:
    async def test(house: House) -> None:
        now = house.clock.now()
        await _send(house, "you@far.test", wishes=Wishes(hold_s=86_400))
        [content] = await _leaving(house)
        field = content[content.index(b"DKIM-Signature:") + 15 :]
        found = parse_signature(field[: field.index(b"\r\nDKIM-Signature") + 2])
        assert (found.signed_at, found.expires_at) == (now, now + 86_400 + EXPIRE_S)
        await house.intake.release(
            (await house.queue.entries())[0].message, (Recipient(address_of("bob@courriel.test")),), content
        )  # type: ignore[attr-defined]
        [here] = await house.mail("bob")
        assert here.count(b"DKIM-Signature:") == 2

    _run(test)


def test_reports_are_signed_by_the_domain_above() -> None:
    """MAILER-DAEMON is of the host, whose keys are its domain's."""

    async def test(house: House) -> None:
        assert isinstance(house.intake, Delivery)
        report = b"From: MAILER-DAEMON@mail.courriel.test\r\nTo: you@far.test\r\n\r\nno\r\n"
        await house.intake.hand_in(Recipient(address_of("you@far.test")), report)
        [content] = await _leaving(house)
        assert await _results(content, house.clock.now()) == BOTH

    _run(test)


@pytest.mark.parametrize("prefix", ["", "[dev]"])
def test_lists_keep_the_authors_signature_or_write_a_new_one(prefix: str) -> None:
    async def test(house: House) -> None:
        kept = MailingList(
            "dev@courriel.test", "Dev", ("alice@courriel.test",), posting=Posting.ANYONE, subject_prefix=prefix
        )
        await house.directory.add_list(kept)
        await house.book.add_members(kept.address, ["eve@far.test"], 0.0)
        await _send(house, "dev@courriel.test")
        [content] = await _leaving(house)
        assert (b"Subject: [dev] hello" in content) is bool(prefix)
        assert (await _results(content, house.clock.now()))[:2] == BOTH
        await _send(house, "dev@courriel.test", content=HELLO.replace(b"hello \r\n", b"forged"), door=Door.MX)
        [_, forged] = await _leaving(house)
        assert b"forged" in forged and b"DKIM-Signature" not in forged

    _run(test)


def test_a_device_is_signed() -> None:
    async def test(house: House) -> None:
        await house.directory.add_device(Device("printer", ("192.0.2.1/32",), "printer@courriel.test", 10))
        await _send(house, "you@far.test", content=b"Subject: scan\r\n\r\nx\r\n", door=Door.DEVICE)
        [content] = await _leaving(house)
        assert await _results(content, house.clock.now()) == BOTH

    _run(test)


@pytest.mark.parametrize(
    "senders",
    [
        b"",
        b"From: a@far.test\r\n",
        b"From: a@courriel.test\r\nFrom: b@courriel.test\r\n",
        b"From: <@\r\n",
        b"From: g:;\r\n",
    ],
)
def test_without_one_author_of_ours_nothing_is_signed(senders: bytes) -> None:
    content = senders + b"Subject: x\r\n\r\n"
    assert Signer(_ring).sign(content, 0.0) == (content, "")
