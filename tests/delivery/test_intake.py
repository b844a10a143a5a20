"""From the envelope to mailboxes and the queue: aliases, details, quotas, own addresses, what is durable when.

People and aliases are those of ``tests/smtp/house.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from courriel.base.errors import Unavailable
from courriel.delivery.intake import UNDECIDED_S, Delivery
from courriel.delivery.relay.house import HouseLink
from courriel.delivery.relay.links import Outgoing
from courriel.delivery.settings import DeliverySettings
from courriel.model.attempt import Result
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.message import NewMessage, Stored
from courriel.model.queued import Queued
from courriel.model.refusals import (
    AccountDisabled,
    BadMessage,
    MailRefusal,
    NoSuchAddress,
    NotPermitted,
    NotYourAddress,
    OverQuota,
    RelayDenied,
)
from courriel.model.retry import RetrySettings
from courriel.model.transit import Fate, Receipt
from courriel.model.wishes import Deadline, Wishes
from courriel.store.memory.queue import MemoryQueue
from courriel.store.memory.store import MemoryStore
from tests.smtp.house import DAVES_OCTETS, House, in_house

HELLO = b"From: alice@courriel.test\r\nSubject: hello\r\n\r\nhello\r\n"
FULL = b"From: alice@courriel.test\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n"
SENDER = Address("x", "y.example")


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@") if "@" in text else (text, "", "")
    return Address(local, domain)


def _client(house: House, door: Door) -> Client:
    alice = house.directory.by_login("alice")
    assert alice is not None
    if door is Door.SUBMISSION:
        return Client("192.0.2.1", 1, "c", esmtp=True, tls="TLSv1.3", account=alice.id, login=alice.login)
    return Client("192.0.2.1", 1, "c", esmtp=True)


async def _accept(
    house: House, *to: str, content: bytes = HELLO, door: Door = Door.MX, sender: Address = SENDER
) -> Receipt:
    recipients = tuple(Recipient(_address(text)) for text in to)
    return await house.intake.accept(Envelope(door, _client(house, door), sender, recipients), content)


def _fates(receipt: Receipt) -> list[str]:
    return [type(one.refusal).__name__ if one.refusal else one.fate.value for one in receipt.outcomes]


# --- wishes -------------------------------------------------------------------------------------------------------
def test_what_is_to_leave_later_waits_as_a_whole() -> None:
    """RFC 4865: people here wait as well; an alias is opened when it leaves."""

    async def test(house: House) -> None:
        now = house.clock.now()
        wishes = Wishes(hold_s=3_600, priority=-2, require_tls=True)
        to = tuple(Recipient(_address(one)) for one in ("bob@courriel.test", "both@courriel.test", "c@far.test"))
        client = _client(house, Door.SUBMISSION)
        alice = Address("alice", "courriel.test")
        receipt = await house.intake.accept(Envelope(Door.SUBMISSION, client, alice, to, wishes=wishes), HELLO)
        assert _fates(receipt) == ["queued"] * 3 and await house.mail("bob") == []
        [entry] = await house.queue.entries()
        message = entry.message
        assert message.recipients == to and message.id == receipt.id
        assert message.not_before == message.release_at == now + 3_600 and message.priority == -2
        assert message.require_tls and message.expire_at == now + 3_600 + RetrySettings().expire_s
        house.clock.advance(3_600)
        content = await house.queue.content(message.id)
        assert isinstance(house.intake, Delivery)
        link = HouseLink(house.intake.release)
        attempts = await link.send(Outgoing(message, to[:2], content))
        assert [one.result for one in attempts] == [Result.DELIVERED] * 2
        [first, second] = await house.mail("bob")
        assert b"From: alice@courriel.test" in first and first.count(b"\nReceived:") == 1
        assert b"Return-Path: <alice@courriel.test>" in second
        [_, forwarded] = [one.message for one in await house.queue.entries()]
        assert [str(one.address) for one in forwarded.recipients] == ["anna@elsewhere.test"]
        assert forwarded.require_tls and forwarded.reverse_path == "alice@courriel.test"

    in_house(test)


@pytest.mark.parametrize("returns", [True, False])
def test_a_deadline_is_kept_with_the_message(returns: bool) -> None:
    """RFC 2852: the end comes forward, or the time at which the sender hears of the delay."""

    async def test(house: House) -> None:
        now, wishes = house.clock.now(), Wishes(deadline=Deadline(600.0, returns))
        envelope = Envelope(
            Door.SUBMISSION, _client(house, Door.SUBMISSION), Address("alice", "courriel.test"),
            (Recipient(_address("c@far.test")),), wishes=wishes,
        )  # fmt: skip
        await house.intake.accept(envelope, HELLO)
        [entry] = await house.queue.entries()
        assert entry.message.deadline == Deadline(now + 600.0, returns)
        assert entry.message.look_at == now + 600.0
        assert (entry.message.expire_at == now + 600.0) is returns

    in_house(test)


def test_a_full_mailbox_waits_and_one_that_has_gone_fails() -> None:
    async def test(house: House) -> None:
        assert isinstance(house.intake, Delivery)
        link = HouseLink(house.intake.release)
        to = tuple(
            Recipient(_address(one)) for one in ("dave@courriel.test", "gone@courriel.test", "bob@courriel.test")
        )
        message = Queued("a", "alice@courriel.test", to, house.clock.now(), 5)
        attempts = await link.send(Outgoing(message, to, HELLO + b"x" * DAVES_OCTETS))
        assert [one.status for one in attempts] == ["4.2.2", "5.1.1", "2.0.0"]

    in_house(test)


TLS_WORDS = [
    (b"TLS-Required: No\r\n", True),
    (b"tls-required:no\r\n", True),
    (b"TLS-Required: No (please)\r\n", True),
    (b"TLS-Required: Yes\r\n", False),
    (b"TLS-Required: No\r\nTLS-Required: No\r\n", False),
    (b"X: TLS-Required: No\r\n", False),
]


@pytest.mark.parametrize(("field", "optional"), TLS_WORDS)
@pytest.mark.parametrize("require_tls", [False, True])
def test_tls_required_no_is_heard_unless_the_envelope_says_the_opposite(
    field: bytes, optional: bool, require_tls: bool
) -> None:
    """RFC 8689 §3."""

    async def test(house: House) -> None:
        envelope = Envelope(
            Door.SUBMISSION, _client(house, Door.SUBMISSION), Address("alice", "courriel.test"),
            (Recipient(_address("c@far.test")),), wishes=Wishes(require_tls=require_tls),
        )  # fmt: skip
        await house.intake.accept(envelope, field + HELLO)
        [entry] = await house.queue.entries()
        assert entry.message.tls_optional == (optional and not require_tls)
        assert entry.message.require_tls == require_tls

    in_house(test)


# --- routes -------------------------------------------------------------------------------------------------------
ROUTES = [
    (("alice@courriel.test",), {"alice": 1}, 0),
    (("ALICE@Courriel.TEST",), {"alice": 1}, 0),
    (("alice@courriel.test", "bob@courriel.test"), {"alice": 1, "bob": 1}, 0),
    (("alice@courriel.test", "alice@courriel.test"), {"alice": 1}, 0),
    (("alice@courriel.test", "sales@courriel.test", "alice+x@courriel.test"), {"alice": 1}, 0),
    (("team@courriel.test",), {"alice": 1, "bob": 1}, 0),
    (("team@courriel.test", "bob@courriel.test"), {"alice": 1, "bob": 1}, 0),
    (("anyone@two.test",), {"bob": 1}, 0),
    (("postmaster@courriel.test",), {}, 0),
    (("zoé@courriel.test",), {"zoé": 1}, 0),
    (("away@courriel.test",), {}, 1),
    (("both@courriel.test",), {"bob": 1}, 1),
    (("away@courriel.test", "both@courriel.test"), {"bob": 1}, 1),
]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(("to", "boxes", "queued"), ROUTES, ids=[" ".join(case[0]) for case in ROUTES])
def test_where_mail_goes(kind: str, to: tuple[str, ...], boxes: dict[str, int], queued: int, tmp_path: Path) -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, *to)
        assert all(outcome.fate is not Fate.REFUSED for outcome in receipt.outcomes)
        assert [outcome.recipient.address for outcome in receipt.outcomes] == [_address(text) for text in to]
        for person, count in boxes.items():
            mail = await house.mail(person)
            assert len(mail) == count and all(one.endswith(HELLO) for one in mail)
        waiting = [entry.message for entry in await house.queue.entries()]
        assert sum(len(one.recipients) for one in waiting) == queued

    in_house(test, kind=kind, path=tmp_path)


REFUSED: list[tuple[Door, str, type[MailRefusal]]] = [
    (Door.MX, "nobody@courriel.test", NoSuchAddress),
    (Door.MX, "nobody+x@courriel.test", NoSuchAddress),
    (Door.MX, "ring1@courriel.test", NoSuchAddress),
    (Door.MX, "carol@courriel.test", AccountDisabled),
    (Door.MX, "x@elsewhere.test", RelayDenied),
    (Door.LMTP, "x@elsewhere.test", RelayDenied),
    (Door.MX, "x@[192.0.2.1]", RelayDenied),
    (Door.MX, "user%elsewhere.test@courriel.test", RelayDenied),
    (Door.MX, "elsewhere.test!user@courriel.test", RelayDenied),
    (Door.MX, "user@elsewhere.test@courriel.test", RelayDenied),
    (Door.SUBMISSION, "nobody@courriel.test", NoSuchAddress),
]


@pytest.mark.parametrize(("door", "to", "reason"), REFUSED, ids=[f"{case[0].value} {case[1]}" for case in REFUSED])
def test_who_is_refused_and_why(door: Door, to: str, reason: type[MailRefusal]) -> None:
    async def test(house: House) -> None:
        with pytest.raises(reason):
            await house.intake.check_recipient(door, _client(house, door), SENDER, Recipient(_address(to)))

    in_house(test)


def test_one_body_for_all_and_a_prefix_for_each() -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, "alice@courriel.test", "bob@courriel.test", "zoé@courriel.test")
        [alice], [bob] = await house.mail("alice"), await house.mail("bob")
        assert alice.startswith(b"Return-Path: <x@y.example>\r\nDelivered-To: alice@courriel.test\r\nReceived: from c ")
        assert bob.startswith(b"Return-Path: <x@y.example>\r\nDelivered-To: bob@courriel.test\r\nReceived: from c ")
        assert receipt.id.encode() in alice and receipt.id.encode() in bob
        assert alice.endswith(HELLO) and b"bob" not in alice

    in_house(test)


class Counting(MemoryStore):
    """Counts commits, and fails when told to."""

    appends = 0
    failure: BaseException | None = None

    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        self.appends += 1
        if self.failure is not None:
            raise self.failure
        return await super().append(messages)


def test_one_commit_for_all_recipients() -> None:
    store = Counting()

    async def test(house: House) -> None:
        await _accept(house, "team@courriel.test", "zoé@courriel.test", "x@two.test")
        assert store.appends == 1

    in_house(test, store=store)


# --- details ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("alice+Lists/python@courriel.test", "Lists/python"),
        ("alice+lists/PYTHON@courriel.test", "Lists/python"),
        ("alice+nothing@courriel.test", "INBOX"),
        ("alice+../x@courriel.test", "INBOX"),
        ("alice+%@courriel.test", "INBOX"),
        ("alice+@courriel.test", "INBOX"),
        ("sales+Lists/python@courriel.test", "Lists/python"),
    ],
)
def test_details_lead_to_mailboxes_of_that_name(to: str, path: str) -> None:
    async def test(house: House) -> None:
        alice = house.directory.by_login("alice")
        assert alice is not None
        await house.store.create_mailbox(alice.id, "Lists/python")
        await _accept(house, to)
        assert len(await house.mail("alice", path)) == 1

    in_house(test)


def test_a_mailbox_that_goes_away_before_the_commit_is_looked_up_again() -> None:
    class Deleting(Counting):
        async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
            if not self.appends:
                await self.delete_mailbox(messages[0].account, "Lists")
            return await super().append(messages)

    async def test(house: House) -> None:
        alice = house.directory.by_login("alice")
        assert alice is not None
        await house.store.create_mailbox(alice.id, "Lists")
        await _accept(house, "alice+Lists@courriel.test")
        assert len(await house.mail("alice")) == 1

    in_house(test, store=Deleting())


# --- quota --------------------------------------------------------------------------------------------------------
BIG = b"Subject: big\r\n\r\n" + b"x" * DAVES_OCTETS + b"\r\n"


def test_quota_at_rcpt_by_declared_size() -> None:
    async def test(house: House) -> None:
        client, dave = _client(house, Door.MX), Recipient(_address("dave@courriel.test"))
        await house.intake.check_recipient(Door.MX, client, SENDER, dave, 1_000)
        with pytest.raises(OverQuota):
            await house.intake.check_recipient(Door.MX, client, SENDER, dave, DAVES_OCTETS + 1)

    in_house(test)


def test_a_message_is_not_half_delivered_for_one_full_mailbox() -> None:
    async def test(house: House) -> None:
        with pytest.raises(OverQuota):
            await _accept(house, "alice@courriel.test", "dave@courriel.test", content=BIG)
        assert await house.mail("alice") == [] and await house.mail("dave") == []

    in_house(test)


def test_lmtp_says_for_each_recipient() -> None:
    async def test(house: House) -> None:
        receipt = await _accept(
            house, "dave@courriel.test", "alice@courriel.test", "dave+x@courriel.test", content=BIG, door=Door.LMTP
        )
        assert _fates(receipt) == ["OverQuota", "delivered", "OverQuota"]
        assert len(await house.mail("alice")) == 1 and await house.mail("dave") == []

    in_house(test)


def test_lmtp_when_a_mailbox_fills_between_the_question_and_the_commit() -> None:
    class Filling(Counting):
        async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
            if any(message.body == HELLO and b"bob@" in message.prefix for message in messages):
                self.appends += 1
                raise OverQuota
            return await super().append(messages)

    async def test(house: House) -> None:
        receipt = await _accept(house, "alice@courriel.test", "bob@courriel.test", door=Door.LMTP)
        assert _fates(receipt) == ["delivered", "OverQuota"]
        assert len(await house.mail("alice")) == 1

    in_house(test, store=Filling())


# --- submission ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sender", "allowed"),
    [
        ("alice@courriel.test", True),
        ("Alice@COURRIEL.test", True),
        ("alice+anything@courriel.test", True),
        ("sales@courriel.test", True),
        ("", True),
        ("bob@courriel.test", False),
        ("team@courriel.test", False),
        ("alice@elsewhere.test", False),
    ],
)
def test_whose_reverse_path(sender: str, allowed: bool) -> None:
    async def test(house: House) -> None:
        client, path = _client(house, Door.SUBMISSION), _address(sender)
        if allowed:
            await house.intake.check_sender(Door.SUBMISSION, client, path)
        else:
            with pytest.raises(NotYourAddress):
                await house.intake.check_sender(Door.SUBMISSION, client, path)

    in_house(test)


def test_nobody_submits_without_a_login() -> None:
    async def test(house: House) -> None:
        nobody = Client("192.0.2.1", 1)
        with pytest.raises(NotPermitted):
            await house.intake.check_sender(Door.SUBMISSION, nobody, SENDER)
        envelope = Envelope(Door.SUBMISSION, nobody, SENDER, (Recipient(_address("bob@courriel.test")),))
        with pytest.raises(NotPermitted):
            await house.intake.accept(envelope, HELLO)

    in_house(test)


FROMS: list[tuple[bytes, type[MailRefusal] | None]] = [
    (b"From: alice@courriel.test", None),
    (b"From: Alice <ALICE@courriel.test>", None),
    (b"From: =?utf-8?q?Al?= <sales@courriel.test>", None),
    (b"From: alice@courriel.test\r\nSender: alice@courriel.test", None),
    (b"From: bob@courriel.test", NotYourAddress),
    (b"From: <alice@courriel.test>, <bob@courriel.test>", NotYourAddress),
    (b"From: alice@courriel.test\r\nSender: bob@courriel.test", NotYourAddress),
    (b"From: alice@courriel.test\r\nFrom: bob@courriel.test", BadMessage),
    (b"Subject: no From", BadMessage),
    (b"From: alice", BadMessage),
    (b"From: alice@courriel.test bob@courriel.test", BadMessage),
    (b"From: alice@courriel.test)bob@evil.test", BadMessage),
    (b"From: <bob@evil.test>alice@courriel.test", BadMessage),
    (b"From: Team: alice@courriel.test;", BadMessage),
    (b"From: alice@courriel.test\r\nSender: nonsense", BadMessage),
]


@pytest.mark.parametrize(("fields", "reason"), FROMS, ids=[repr(case[0]) for case in FROMS])
def test_whose_from(fields: bytes, reason: type[MailRefusal] | None) -> None:
    """AUTH attack rows 10 and 12, client cases."""

    async def test(house: House) -> None:
        content, to = fields + b"\r\n\r\nhello\r\n", "bob@courriel.test"
        if reason is None:
            await _accept(house, to, content=content, door=Door.SUBMISSION)
            return
        with pytest.raises(reason):
            await _accept(house, to, content=content, door=Door.SUBMISSION)
        assert await house.mail("bob") == []

    in_house(test)


def test_what_is_missing_is_added_and_bcc_is_taken_away() -> None:
    """RFC 6409 §8.2–8.3, RFC 5322 §3.6.3."""
    content = (
        b"From: alice@courriel.test\r\nBcc: bob@courriel.test,\r\n zoe@x.test\r\nTo: y@z.test\r\n\r\nBcc: kept\r\n"
    )

    async def test(house: House) -> None:
        receipt = await _accept(house, "bob@courriel.test", content=content, door=Door.SUBMISSION)
        [mail] = await house.mail("bob")
        head, _, body = mail.partition(b"\r\n\r\n")
        assert body == b"Bcc: kept\r\n" and b"Bcc" not in head and b"zoe" not in head
        assert b"\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n" in head
        assert f"\r\nMessage-ID: <{receipt.id}@mail.courriel.test>\r\n".encode() in head
        assert head.endswith(b"From: alice@courriel.test\r\nTo: y@z.test")

    in_house(test)


def test_a_complete_message_is_not_touched() -> None:
    async def test(house: House) -> None:
        await _accept(house, "bob@courriel.test", content=FULL, door=Door.SUBMISSION)
        [mail] = await house.mail("bob")
        assert mail.endswith(b"\r\n" + FULL)

    in_house(test)


def test_strangers_mail_is_not_completed() -> None:
    async def test(house: House) -> None:
        await _accept(house, "bob@courriel.test", content=b"Bcc: q@r.test\r\n\r\nhello\r\n")
        [mail] = await house.mail("bob")
        assert mail.endswith(b"\r\nBcc: q@r.test\r\n\r\nhello\r\n")

    in_house(test)


# --- the queue ----------------------------------------------------------------------------------------------------
def test_mail_for_elsewhere_waits_and_says_why() -> None:
    async def test(house: House) -> None:
        to = ("x@elsewhere.test", "bob@courriel.test", "y@elsewhere.test", "x@elsewhere.test")
        receipt = await _accept(house, *to, content=FULL, door=Door.SUBMISSION, sender=_address("alice@courriel.test"))
        assert _fates(receipt) == ["queued", "delivered", "queued", "queued"]
        [waiting] = [entry.message for entry in await house.queue.entries()]
        assert waiting.id == receipt.id and waiting.held and waiting.reason
        assert waiting.reverse_path == "alice@courriel.test"
        assert [str(one.address) for one in waiting.recipients] == ["x@elsewhere.test", "y@elsewhere.test"]
        content = await house.queue.content(receipt.id)
        assert content.startswith(b"Received: ") and content.endswith(b"\r\n" + FULL)
        assert waiting.size_octets == len(content)
        assert len(await house.mail("bob")) == 1

    in_house(test)


def test_with_relaying_on_it_is_due_at_once() -> None:
    async def test(house: House) -> None:
        await _accept(house, "x@elsewhere.test", door=Door.SUBMISSION)
        [waiting] = [entry.message for entry in await house.queue.entries()]
        assert not waiting.held and waiting.reason == ""

    in_house(test, delivery=DeliverySettings("mail.courriel.test", hold=False))


def test_what_is_for_here_too_leaves_after_it_is_in_the_mailbox() -> None:
    async def test(house: House) -> None:
        undecided: list[float] = []
        house.queue.on_change(lambda domain: undecided.append(house.queue.destinations()[domain]))
        await _accept(house, "x@elsewhere.test", "bob@courriel.test", door=Door.SUBMISSION)
        assert len(await house.mail("bob")) == 1
        [entry] = await house.queue.entries()
        assert undecided == [entry.message.queued_at + UNDECIDED_S, entry.message.queued_at]
        assert entry.progress[0].next_at == entry.message.queued_at

    in_house(test, delivery=DeliverySettings("mail.courriel.test", hold=False))


def test_reports_of_our_own_go_here_and_elsewhere() -> None:
    async def test(house: House) -> None:
        assert isinstance(house.intake, Delivery)
        for address, fate in [("bob@courriel.test", "delivered"), ("x@elsewhere.test", "queued")]:
            receipt = await house.intake.hand_in(Recipient(_address(address)), FULL)
            assert _fates(receipt) == [fate]
        [mail] = await house.mail("bob")
        assert mail == b"Return-Path: <>\r\nDelivered-To: bob@courriel.test\r\n" + FULL
        [entry] = await house.queue.entries()
        assert entry.message.reverse_path == "" and await house.queue.content(entry.message.id) == FULL
        assert entry.message.expire_at == entry.message.queued_at + 86_400.0
        receipt = await house.intake.hand_in(Recipient(_address("nobody@courriel.test")), FULL)
        assert _fates(receipt) == ["NoSuchAddress"]

    in_house(test)


def test_both_or_neither_when_the_store_fails() -> None:
    """The client hears 451 and comes again: nothing may be left of the first time."""
    store = Counting()

    async def test(house: House) -> None:
        store.failure = Unavailable("disk full")
        with pytest.raises(Unavailable):
            await _accept(house, "x@elsewhere.test", "bob@courriel.test", door=Door.SUBMISSION)
        assert await house.queue.entries() == [] and await house.mail("bob") == []
        store.failure = None
        await _accept(house, "x@elsewhere.test", "bob@courriel.test", door=Door.SUBMISSION)
        assert len(await house.queue.entries()) == 1 and len(await house.mail("bob")) == 1

    in_house(test, store=store)


def test_nothing_is_left_when_the_client_goes_away_meanwhile() -> None:
    store = Counting()

    async def test(house: House) -> None:
        store.failure = asyncio.CancelledError()
        with pytest.raises(asyncio.CancelledError):
            await _accept(house, "x@elsewhere.test", "bob@courriel.test", door=Door.SUBMISSION)
        assert await house.queue.entries() == []

    in_house(test, store=store)


@pytest.mark.slow
def test_long_messages_are_delivered_too() -> None:
    content = HELLO + b"0123456789abcdef\r\n" * 200_000

    async def test(house: House) -> None:
        await _accept(house, "bob@courriel.test", content=content)
        [mail] = await house.mail("bob")
        assert mail.endswith(content)

    in_house(test)


def test_nothing_is_delivered_when_the_queue_fails() -> None:
    class Failing(MemoryQueue):
        async def put_all(self, messages: Sequence[tuple[Queued, bytes]]) -> None:
            raise Unavailable("disk full")

    async def test(house: House) -> None:
        with pytest.raises(Unavailable):
            await _accept(house, "both@courriel.test")
        assert await house.mail("bob") == []

    in_house(test, queue=Failing())
