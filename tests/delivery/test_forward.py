"""Mail that is sent on: copies, loops, reverse-paths, bounces that come back, and a target that refuses for days."""

from __future__ import annotations

import pytest

from courriel.delivery.forward import FAILURES
from courriel.delivery.intake import Delivery
from courriel.formats import srs
from courriel.formats.path import Path
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.queued import Entry, Progress, State
from courriel.model.refusals import NoSuchAddress
from courriel.model.transit import Receipt
from tests.smtp.house import KEYS, House, in_house

HELLO = b"From: eve@far.test\r\nSubject: hello\r\n\r\nhello\r\n"
EVE = Address("eve", "far.test")
NULL = Address("", "")
CLIENT = Client("192.0.2.1", 1, "c", esmtp=True)


async def _accept(house: House, to: str, content: bytes = HELLO, sender: Address = EVE) -> Receipt:
    local, _, domain = to.rpartition("@")
    recipient = Recipient(Address(local, domain), frozenset({"FAILURE"}), "rfc822;x@y")
    await house.intake.check_recipient(Door.MX, CLIENT, sender, recipient)
    return await house.intake.accept(Envelope(Door.MX, CLIENT, sender, (recipient,)), content)


async def _queued(house: House) -> list[tuple[str, list[str], bytes]]:
    return [
        (
            entry.message.reverse_path,
            [str(one.address) for one in entry.message.recipients],
            await house.queue.content(entry.message.id),
        )
        for entry in await house.queue.entries()
    ]


@pytest.mark.parametrize("keep", [True, False])
def test_an_account_s_mail_is_sent_on_with_or_without_a_copy(keep: bool) -> None:
    async def test(house: House) -> None:
        await house.directory.set_forward("alice@courriel.test", "alice@gone.test", keep)
        receipt = await _accept(house, "alice+x@courriel.test")
        [(sender, to, content)] = await _queued(house)
        assert to == ["alice@gone.test"] and sender.startswith("SRS0=") and sender.endswith("@courriel.test")
        assert srs.restore(KEYS, sender.rpartition("@")[0], house.clock.now()) == Path("eve", "far.test")
        assert content.startswith(b"Delivered-To: alice@courriel.test\r\nReceived: from c ")
        assert content.endswith(HELLO) and receipt.id.encode() in content
        [entry] = await house.queue.entries()
        assert entry.message.forwarder == "alice@courriel.test" and entry.message.id == f"{receipt.id}-1"
        assert (
            entry.message.recipients[0].notify == {"FAILURE"} and entry.message.recipients[0].original == "rfc822;x@y"
        )
        assert entry.progress[0].next_at <= house.clock.now(), "it was let go when the mailboxes had it"
        assert len(await house.mail("alice")) == int(keep)

    in_house(test)


@pytest.mark.parametrize("sender", [NULL, Address("bob", "courriel.test"), Address("l" * 60, "far.test")])
def test_whose_reverse_path_stays(sender: Address) -> None:
    """Null stays null, ours is ours, and one that has no room for a seal becomes null."""

    async def test(house: House) -> None:
        await house.directory.set_forward("alice@courriel.test", "alice@gone.test", False)
        await _accept(house, "alice@courriel.test", sender=sender)
        [(found, _, _)] = await _queued(house)
        assert found == ("" if len(sender.local) > 50 else str(sender))

    in_house(test)


def test_aliases_send_on_in_their_own_name() -> None:
    async def test(house: House) -> None:
        await _accept(house, "both@courriel.test")
        [(sender, to, content)] = await _queued(house)
        assert sender.startswith("SRS0=") and to == ["anna@elsewhere.test"]
        assert content.startswith(b"Delivered-To: both@courriel.test\r\n")
        assert len(await house.mail("bob")) == 1

    in_house(test)


def test_a_loop_ends_in_the_mailbox() -> None:
    async def test(house: House) -> None:
        await house.directory.set_forward("alice@courriel.test", "alice@gone.test", False)
        await _accept(house, "alice@courriel.test", b"Delivered-To: Alice@courriel.test\r\n" + HELLO)
        assert await _queued(house) == [] and len(await house.mail("alice")) == 1

    in_house(test)


def test_forwarding_here_follows_wishes_and_never_loses_mail() -> None:
    async def test(house: House) -> None:
        directory = house.directory
        await directory.set_forward("alice@courriel.test", "bob@courriel.test", False)
        await _accept(house, "alice@courriel.test")
        assert (len(await house.mail("alice")), len(await house.mail("bob"))) == (0, 1)
        await directory.set_forward("bob@courriel.test", "alice@courriel.test", False)
        await _accept(house, "alice@courriel.test")
        assert (len(await house.mail("alice")), len(await house.mail("bob"))) == (0, 2), "a ring of two keeps it once"
        await directory.set_forward("bob@courriel.test", "team@courriel.test", True)
        await _accept(house, "bob@courriel.test")
        assert len(await house.mail("bob")) == 3
        await directory.set_forward("bob@courriel.test", "nobody@courriel.test", False)
        await _accept(house, "bob@courriel.test")
        assert len(await house.mail("bob")) == 4, "what leads nowhere is kept"
        assert await _queued(house) == []

    in_house(test)


def test_a_bounce_comes_back_to_the_first_sender_and_nothing_else_does() -> None:
    async def test(house: House) -> None:
        rewritten = srs.rewrite(KEYS, Path("eve", "far.test"), "courriel.test", house.clock.now())
        assert rewritten is not None
        await _accept(house, rewritten.address, b"From: MAILER-DAEMON@gone.test\r\n\r\nno\r\n", NULL)
        [(sender, to, content)] = await _queued(house)
        assert (sender, to) == ("", ["eve@far.test"]) and content.startswith(b"Received: from c ")
        with pytest.raises(NoSuchAddress):
            await _accept(house, rewritten.address)
        forged = f"SRS0=aaaaaaaa={rewritten.local[14:]}@courriel.test"
        for address in (forged, "SRS0=x@courriel.test", "srs1=aaaaaaaa=far.test==x@courriel.test"):
            with pytest.raises(NoSuchAddress):
                await _accept(house, address, sender=NULL)
        assert len(await _queued(house)) == 1

    in_house(test)


def test_a_bounce_that_is_too_late_is_nobody_s() -> None:
    async def test(house: House) -> None:
        rewritten = srs.rewrite(KEYS, Path("eve", "far.test"), "courriel.test", house.clock.now())
        assert rewritten is not None
        house.clock.advance((srs.EXPIRE_DAYS + 1) * 86_400)
        with pytest.raises(NoSuchAddress):
            await _accept(house, rewritten.address, sender=NULL)

    in_house(test)


def test_the_owner_is_told_once_that_the_target_refuses() -> None:
    async def test(house: House) -> None:
        await house.directory.set_forward("alice@courriel.test", "alice@gone.test", False)
        assert isinstance(house.intake, Delivery)
        await _accept(house, "alice@courriel.test")
        [entry] = await house.queue.entries()
        refused = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 nobody of that name", Stage.RCPT)
        failed = Entry(entry.message, (Progress(State.FAILED, last=refused),))
        for day in range(FAILURES + 2):
            assert len(await house.mail("alice")) == int(day >= FAILURES)
            await house.intake.forward_failed(failed, [0])
            await house.intake.forward_failed(failed, [0])
            house.clock.advance(86_400)
        [notice] = await house.mail("alice")
        assert b"alice@gone.test" in notice and b"nobody of that name" in notice and b"Auto-Submitted: " in notice
        assert len(await _queued(house)) == 1, "the notice itself is not sent on"

    in_house(test)
