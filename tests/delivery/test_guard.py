"""Limits of sending, and an account in other hands: noticed, held, told, let go.

People are those of the SMTP house.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from courriel.app.queue_desk import QueueDesk
from courriel.delivery.allowance import Allowance, Sent
from courriel.delivery.guard import HELD_REASON
from courriel.delivery.intake import Delivery
from courriel.delivery.settings import DeliverySettings, SubmissionSettings
from courriel.delivery.watch import NETWORKS, PEOPLE, Seen, Watch, network_of
from courriel.model.account import Account
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.hijack import HijackSettings
from courriel.model.ids import AccountId
from courriel.model.queued import State
from courriel.model.refusals import NoSuchAddress, SentEnough
from courriel.ports.administration import QueueFilter
from tests.smtp.house import House, in_house, say

CONTENT = b"From: alice@courriel.test\r\nSubject: hello\r\n\r\nhello\r\n"
UNKNOWN = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 no such user", Stage.RCPT)
TAKEN = Attempt(Result.DELIVERED, "2.0.0", "250 ok", Stage.CONTENT)
LATER = Attempt(Result.DEFERRED, "4.7.1", "450 later", Stage.RCPT)
FREE = SubmissionSettings(0, 0)


def _run(test: Callable[[House], Awaitable[None]], settings: SubmissionSettings = FREE, *, hold: bool = False) -> None:
    in_house(test, submission_settings=settings, delivery=DeliverySettings("mail.courriel.test", hold=hold))


async def _submit(house: House, *to: str, ip: str = "8.8.8.8") -> None:
    alice = house.directory.by_login("alice")
    assert alice is not None
    client = Client(ip, 1, "c", esmtp=True, tls="TLSv1.3", account=alice.id, login=alice.login)
    recipients = tuple(Recipient(Address(*one.split("@"))) for one in to)
    sender = Address("alice", "courriel.test")
    await house.intake.check_sender(Door.SUBMISSION, client, sender)
    await house.intake.accept(Envelope(Door.SUBMISSION, client, sender, recipients), CONTENT)


async def _refused(house: House, *to: str) -> str:
    with pytest.raises(SentEnough) as refusal:
        await _submit(house, *to)
    return refusal.value.until


def _held(house: House) -> str:
    alice = house.directory.by_login("alice")
    assert alice is not None
    return alice.held


async def _states(house: House) -> list[State]:
    return [one.state for entry in await house.queue.entries() for one in entry.progress]


# --- limits -------------------------------------------------------------------------------------------------------
def test_messages_within_an_hour() -> None:
    async def test(house: House) -> None:
        for _ in range(3):
            await _submit(house, "bob@courriel.test")
        assert await _refused(house, "bob@courriel.test") == "2027-01-15 09:05 UTC"
        house.clock.advance(3_899.0)
        await _refused(house, "bob@courriel.test")
        house.clock.advance(1.0)
        await _submit(house, "bob@courriel.test")

    _run(test, SubmissionSettings(3, 0))


def test_recipients_within_a_day() -> None:
    async def test(house: House) -> None:
        assert await _refused(house, *[f"p{n}@far.test" for n in range(5)]) == ""
        await _submit(house, "a@far.test", "b@far.test", "c@far.test")
        assert await _refused(house, "d@far.test", "e@far.test") == "2027-01-16 09:00 UTC"
        await _submit(house, "d@far.test")
        assert await _refused(house, "e@far.test") == "2027-01-16 09:00 UTC"

    _run(test, SubmissionSettings(0, 4))


def test_the_administrator_gives_an_account_limits_of_its_own() -> None:
    async def test(house: House) -> None:
        await house.directory.set_sending_limits("alice@courriel.test", 2, 0)
        await _submit(house, "bob@courriel.test")
        await _submit(house, "bob@courriel.test")
        assert await _refused(house, "bob@courriel.test")
        await house.directory.set_sending_limits("alice@courriel.test", 0, 0)
        assert await _refused(house, "bob@courriel.test")
        await house.directory.set_sending_limits("alice@courriel.test", 100, 0)
        await _submit(house, "bob@courriel.test")

    _run(test, SubmissionSettings(1, 0))


def test_what_was_refused_in_the_end_does_not_count() -> None:
    async def test(house: House) -> None:
        for _ in range(5):
            with pytest.raises(Exception, match="dave"):
                await _submit(house, "dave@courriel.test")
        await _submit(house, "bob@courriel.test")
        await _refused(house, "bob@courriel.test")

    async def full(house: House) -> None:
        await house.directory.set_quota("dave@courriel.test", 1)
        dave = house.directory.by_login("dave")
        assert dave is not None
        await house.store.set_quota(dave.id, 1)
        await test(house)

    _run(full, SubmissionSettings(1, 0))


def test_whoever_has_sent_enough_is_told_when_to_come_again() -> None:
    async def test(house: House) -> None:
        await _submit(house, "bob@courriel.test")
        said = await say(
            house,
            b"EHLO c\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<alice@courriel.test>\r\n",
            "submission",
            "127.0.0.1",
        )
        assert said.endswith(
            b"450 4.7.1 You have sent as much as you may for now; come again after 2027-01-15 09:05 UTC\r\n"
        )

    _run(test, SubmissionSettings(1, 0))


class _Shelf:
    """A keeper that counts how often it is written to."""

    def __init__(self) -> None:
        self.kept: dict[int, Sent] = {}
        self.writes = 0

    def load(self) -> dict[int, Sent]:
        return dict(self.kept)

    def save(self, sent: dict[int, Sent]) -> None:
        self.kept, self.writes = dict(sent), self.writes + 1


def test_counts_outlive_a_restart_and_cost_no_write_each() -> None:
    shelf, alice, now = _Shelf(), Account(AccountId(1), "alice@courriel.test"), 1_800_000_000.0
    first = Allowance(SubmissionSettings(3, 0), shelf)
    for _ in range(3):
        first.take(alice, 1, now)
    assert shelf.writes == 0
    first.save()
    first.save()
    assert shelf.writes == 1
    with pytest.raises(SentEnough):
        Allowance(SubmissionSettings(3, 0), shelf).take(alice, 1, now + 60)


# --- an account in other hands ------------------------------------------------------------------------------------
def test_a_thief_is_noticed_and_mail_is_held_until_somebody_lets_it_go() -> None:
    """Single messages to many people from many networks."""

    async def test(house: House) -> None:
        thresholds = HijackSettings()
        await _submit(house, "friend@far.test")
        for n in range(thresholds.spread - 2):
            await _submit(house, f"p{n}@far.test", ip=f"8.{n % 5}.8.8")
        assert _held(house) == "" and set(await _states(house)) == {State.WAITING}
        await _submit(house, "last@far.test", ip="2001:4860::1")
        assert _held(house) == "spread networks"
        assert set(await _states(house)) == {State.HELD}
        await _submit(house, "bob@courriel.test", "more@far.test")
        assert await house.mail("bob") == []
        entries = await house.queue.entries()
        assert entries[-1].message.held and entries[-1].message.reason == HELD_REASON
        [letter] = await house.mail("alice")
        assert b"Auto-Submitted: auto-generated" in letter and b"\r\nReturn-Path: <>" in b"\r\n" + letter
        assert b"Single messages to 100 different people within an hour." in letter
        assert b"courriel user release alice@courriel.test" in letter

        await house.directory.set_held("alice@courriel.test", "")
        desk = QueueDesk(house.queue, house.clock.now, None)
        which = QueueFilter(state="held", account=(await house.queue.entries())[0].message.account)
        assert await desk.order("release", which) == {"messages": 101}
        await _submit(house, "again@far.test")
        assert _held(house) == "" and set(await _states(house)) == {State.WAITING}

    _run(test)


def test_the_postmaster_hears_of_it_when_it_is_somebody_else() -> None:
    async def test(house: House) -> None:
        await house.directory.add_alias("postmaster@courriel.test", ["bob@courriel.test"])
        for n in range(6):
            await _submit(house, *[f"p{n}{k}@far.test" for k in range(90)], ip=f"8.{n}.8.8")
        assert _held(house) == "rate networks"
        assert len(await house.mail("alice")) == len(await house.mail("bob")) == 1

    _run(test)


def test_recipients_who_do_not_exist() -> None:
    async def test(house: House) -> None:
        assert isinstance(house.intake, Delivery)
        for n in range(99):
            await _submit(house, f"p{n}@far.test")
        first = (await house.queue.entries())[0].message
        for n in range(98):
            house.intake.tried(first, UNKNOWN if n % 3 == 0 else TAKEN)
            house.intake.tried(first, LATER)
        assert _held(house) == ""
        await _submit(house, "p99@far.test")
        assert _held(house) == "spread failures"

    _run(test)


def test_a_newsletter_and_a_first_day_are_let_through() -> None:
    async def test(house: House) -> None:
        await _submit(house, *[f"p{n}@far.test" for n in range(900)])
        for n in range(90):
            await _submit(house, f"p{n}@far.test")
        assert _held(house) == "" and set(await _states(house)) == {State.WAITING}

    _run(test)


def test_nobody_is_judged_by_what_was_an_hour_ago() -> None:
    async def test(house: House) -> None:
        for n in range(99):
            await _submit(house, f"p{n}@far.test", ip=f"8.{n % 5}.8.8")
        house.clock.advance(3_601.0)
        await _submit(house, "last@far.test", ip="9.9.9.9")
        assert _held(house) == ""

    _run(test)


def test_an_unknown_recipient_is_refused_as_ever() -> None:
    async def test(house: House) -> None:
        with pytest.raises(NoSuchAddress):
            await house.intake.check_recipient(
                Door.SUBMISSION, Client("8.8.8.8", 1), Address("", ""), Recipient(Address("x", "courriel.test"))
            )

    _run(test)


PLACES = [
    ("8.8.8.8", "8.8.8.0/24"),
    ("8.8.8.9", "8.8.8.0/24"),
    ("::ffff:8.8.8.8", "8.8.8.0/24"),
    ("2001:4860:1:2::3", "2001:4860:1::/48"),
    ("192.168.1.2", ""),
    ("127.0.0.1", ""),
    ("fe80::1%eth0", ""),
    ("", ""),
]


@pytest.mark.parametrize(("ip", "place"), PLACES)
def test_places(ip: str, place: str) -> None:
    assert network_of(ip) == place


def test_what_is_remembered_is_bounded() -> None:
    watch = Watch(HijackSettings())
    for n in range(3_000):
        watch.submitted("a", f"8.{n // 200}.{n % 200}.1", [Address(f"p{n}", "far.test")], 1_000.0)
    lately = watch.lately("a", Sent(), 1_000.0)
    assert (lately.spread, lately.networks) == (PEOPLE, NETWORKS)
    watch.submitted("b", "8.8.8.8", [], 9_000.0)
    assert watch.lately("a", Sent(), 9_000.0).spread == 0 and Seen().is_empty
