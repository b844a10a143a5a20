"""Lists, from the envelope to members: who may post, fields, keys, joining, leaving, moderation, bounces."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery import list_post
from courriel.delivery.letter import RECIPIENTS
from courriel.delivery.lists import ASK_AGAIN_S, DAY_S, QUESTION_DAYS
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.mailing_list import BOUNCES, Joining, MailingList, Posting
from courriel.model.queued import reverse_path_of
from courriel.model.refusals import NoSuchAddress, NotPermitted
from courriel.model.transit import Fate, Receipt
from tests.smtp.house import KEYS, House, build
from tests.zone import Zone

DEV = MailingList("dev@courriel.test", "Développeurs", ("alice@courriel.test",), posting=Posting.ANYONE)
NULL = Address("", "")
MEMBERS = ("bob@courriel.test", "eve@far.test", "fred@far.test")


def _run(test: Callable[[House], Awaitable[None]], kept: MailingList = DEV, **options: object) -> None:
    async def run() -> None:
        house = await build(**options)  # type: ignore[arg-type]
        try:
            await house.directory.add_list(kept)
            await house.book.add_members(kept.address, MEMBERS, 0.0)
            await test(house)
        finally:
            await house.close()

    asyncio.run(run())


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def post(author: str = "eve@far.test", more: str = "") -> bytes:
    return f"From: {author}\r\nSubject: hello\r\n{more}\r\nhello\r\n".encode()


async def _accept(
    house: House, to: str, content: bytes = b"", sender: str | None = "eve@far.test", door: Door = Door.MX
) -> Receipt:
    client = Client("192.0.2.1", 1, "c", esmtp=True)
    if door is Door.SUBMISSION:
        account = house.directory.by_login("alice")
        assert account is not None
        client = msgspec.structs.replace(client, account=account.id, login=account.login)
    path = _address(sender) if sender else NULL
    recipient = Recipient(_address(to))
    await house.intake.check_recipient(door, client, path, recipient)
    return await house.intake.accept(Envelope(door, client, path, (recipient,)), content or post())


async def _sent(house: House) -> dict[str, tuple[str, bytes]]:
    """Address elsewhere → reverse-path and message as it will get them; the queue is emptied."""
    found = {}
    for entry in await house.queue.entries():
        content = await house.queue.content(entry.message.id)
        for recipient in entry.message.recipients:
            personal = entry.message.personal.replace("{key}", recipient.key).encode() if recipient.key else b""
            found[str(recipient.address)] = (reverse_path_of(entry.message, recipient), personal + content)
        await house.queue.remove(entry.message.id)
    return found


async def _here(house: House) -> list[str]:
    return [one.address for one in await house.book.members(DEV.address) if not one.suspended]


def _field(name: str, mail: bytes) -> str:
    found = re.search(rf"^{name}: (.*(?:\r\n[ \t].*)*)".encode(), mail, re.MULTILINE)
    assert found is not None, f"no {name}"
    return found[1].decode().replace("\r\n", "").strip()


# --- posts --------------------------------------------------------------------------------------------------------
def test_a_post_whose_author_is_not_proven_waits_for_a_moderator() -> None:
    """Who may post is known by From, and From can be anything: DMARC has the say first."""
    zone = Zone(
        {"_dmarc.far.test": {"TXT": [b"v=DMARC1; p=quarantine"]}, "far.test": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"]}}
    )

    async def test(house: House) -> None:
        await _accept(house, DEV.address, sender="x@other.test")
        assert [one.address for one in await house.book.asked(DEV.address)] == ["eve@far.test"]
        assert await house.mail("bob") == []
        await _accept(house, DEV.address)
        assert len(await house.mail("bob")) == 1
        await _accept(house, "dev-subscribe@courriel.test", post("new@far.test"), sender="x@other.test")
        assert len(await house.book.asked(DEV.address)) == 1, "nobody is asked in a name that may be stolen"

    _run(test, zone=zone)


def test_a_post_reaches_every_member_once_with_a_reverse_path_of_their_own() -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, "dev@courriel.test")
        assert [one.fate for one in receipt.outcomes] == [Fate.DELIVERED]
        entries = await house.queue.entries()
        assert len(entries) == 1, "one content for all"
        assert entries[0].message.ret == "HDRS"
        sent = await _sent(house)
        assert set(sent) == {"eve@far.test", "fred@far.test"}
        paths = {path for path, _ in sent.values()}
        assert len(paths) == 2 and all(
            re.fullmatch(r"dev-bounces\+\d-[a-z2-7]{8}@courriel\.test", one) for one in paths
        )
        [bob] = await house.mail("bob")
        assert bob.startswith(b"Return-Path: <dev-bounces+1-") and b"\r\nDelivered-To: bob@courriel.test\r\n" in bob
        for mail in (bob, sent["eve@far.test"][1]):
            assert mail.endswith(post())
            assert _field("List-Id", mail).endswith(" <dev.courriel.test>") and "=?utf-8?" in _field("List-Id", mail)
            assert _field("List-Post", mail) == "<mailto:dev@courriel.test>"
            assert _field("List-Help", mail) == "<mailto:dev-request@courriel.test?subject=help>"
            assert _field("List-Subscribe", mail) == "<mailto:dev-subscribe@courriel.test>"
            assert _field("List-Owner", mail) == "<mailto:dev-owner@courriel.test>"
            assert re.fullmatch(r"<mailto:dev-unsubscribe\+\d-\w{8}@courriel.test>", _field("List-Unsubscribe", mail))
            assert b"List-Archive" not in mail

    _run(test)


def test_without_verp_all_share_an_envelope_and_an_author_may_do_without_a_copy() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev@courriel.test")
        sent = await _sent(house)
        assert {path for path, _ in sent.values()} == {"dev-bounces@courriel.test"} and set(sent) == {"fred@far.test"}
        mail = sent["fred@far.test"][1]
        assert _field("List-Unsubscribe", mail) == "<mailto:dev-unsubscribe@courriel.test>"
        assert _field("List-Archive", mail) == "<https://a.test/dev>" and _field("Subject", mail) == "[dev] hello"

    options = {"verp": False, "own_copy": False, "archive": "https://a.test/dev", "subject_prefix": "[dev]"}
    _run(test, msgspec.structs.replace(DEV, **options))


WHO = [
    (Posting.ANYONE, "x@y.test", Door.MX, True),
    (Posting.MEMBERS, "x@y.test", Door.MX, False),
    (Posting.MEMBERS, "Eve@FAR.test", Door.MX, True),
    (Posting.MEMBERS, "alice@courriel.test", Door.MX, True),
    (Posting.MODERATORS, "eve@far.test", Door.MX, False),
    (Posting.MODERATORS, "alice@courriel.test", Door.MX, True),
    (Posting.DOMAIN, "zoé@courriel.test", Door.MX, False),
    (Posting.DOMAIN, "bob@courriel.test", Door.MX, False),
    (Posting.DOMAIN, "eve@far.test", Door.MX, False),
]


@pytest.mark.parametrize(("policy", "author", "door", "may"), WHO)
def test_who_may_post(policy: Posting, author: str, door: Door, may: bool) -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, "dev@courriel.test", post(f"Some One <{author}>"), "bounce@z.test", door)
        [outcome] = receipt.outcomes
        assert (outcome.refusal is None) == may and len(await _sent(house)) == 2 * may
        assert may or isinstance(outcome.refusal, NotPermitted)

    _run(test, msgspec.structs.replace(DEV, posting=policy))


def test_people_of_the_domain_are_those_who_log_in() -> None:
    async def test(house: House) -> None:
        content = post("alice@courriel.test")
        await _accept(house, "dev@courriel.test", content, "alice@courriel.test", Door.SUBMISSION)
        assert len(await _sent(house)) == 2

    _run(test, msgspec.structs.replace(DEV, posting=Posting.DOMAIN, owners=("bob@courriel.test",)))


@pytest.mark.parametrize(
    ("content", "sender"),
    [
        (post(more="List-Id: x <dev.courriel.test>\r\n"), "eve@far.test"),
        (post(more="Auto-Submitted: auto-replied (vacation)\r\n"), "eve@far.test"),
        (post(more="Precedence: junk\r\n"), "eve@far.test"),
        (post(), None),
    ],
)
def test_loops_and_programs_are_dropped(content: bytes, sender: str | None) -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, "dev@courriel.test", content, sender)
        assert receipt.outcomes[0].fate is Fate.DELIVERED
        assert await _sent(house) == {} and await house.mail("bob") == []

    _run(test)


def test_a_list_of_another_and_a_program_s_own_mail_may_post() -> None:
    async def test(house: House) -> None:
        for more in ("List-Id: <other.test>\r\n", "Auto-Submitted: auto-generated\r\n"):
            await _accept(house, "dev@courriel.test", post(more=more))
            assert len(await _sent(house)) == 2

    _run(test)


def test_a_member_here_who_is_full_misses_a_post_and_nobody_else_does() -> None:
    async def test(house: House) -> None:
        await house.book.add_members(DEV.address, ["dave@courriel.test", "nobody@courriel.test"], 0.0)
        await _accept(house, "dev@courriel.test", post() + b"x" * 3_000)
        assert len(await _sent(house)) == 2 and len(await house.mail("bob")) == 1 and await house.mail("dave") == []

    _run(test)


def test_ten_thousand_members_are_accepted_at_once(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        await house.book.add_members(DEV.address, [f"m{n}@d{n % 3000}.test" for n in range(10_000)], 0.0)
        receipt = await _accept(house, "dev@courriel.test")
        entries = await house.queue.entries()
        assert sum(len(one.message.recipients) for one in entries) == 10_002
        assert len(entries) == 10_002 // RECIPIENTS + 1 and all(
            one.message.id.startswith(receipt.id) for one in entries
        )

    _run(test, kind="sqlite", path=tmp_path)


def test_members_here_have_their_mail_sent_on_as_they_wish() -> None:
    async def test(house: House) -> None:
        await house.directory.set_forward("bob@courriel.test", "bob@gone.test", False)
        await house.directory.set_forward("zoé@courriel.test", "alice@courriel.test", True)
        await house.book.add_members(DEV.address, ["zoé@courriel.test", "team@courriel.test", "dev@courriel.test"], 0.0)
        await _accept(house, "dev@courriel.test")
        sent = await _sent(house)
        assert set(sent) == {"eve@far.test", "fred@far.test", "bob@gone.test"}
        assert sent["bob@gone.test"][0].startswith("dev-bounces+1-"), "if it comes back, bob is the one"
        counts = {name: len(await house.mail(name)) for name in ("alice", "bob", "zoé")}
        assert counts == {"alice": 1, "bob": 0, "zoé": 1}

    _run(test)


# --- joining and leaving ------------------------------------------------------------------------------------------
def test_joining_takes_an_answer() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev-subscribe@courriel.test", sender="new@far.test")
        [(to, (path, question))] = (await _sent(house)).items()
        assert (to, path) == ("new@far.test", "") and "new@far.test" not in await _here(house)
        answer = _field("Reply-To", question)
        assert re.fullmatch(r"dev-confirm\+y\d+-\w{8}@courriel.test", answer)
        await _accept(house, answer, post(more="Auto-Submitted: auto-replied\r\n"), "new@far.test")
        assert "new@far.test" not in await _here(house), "a vacation is no answer"
        await _accept(house, answer, sender="new@far.test")
        assert "new@far.test" in await _here(house)
        assert set(await _sent(house)) == {"new@far.test"}
        await _accept(house, answer, sender="new@far.test")
        assert await _sent(house) == {}, "an answer counts once"

    _run(test)


def test_questions_are_not_asked_again_and_again_and_get_old() -> None:
    async def test(house: House) -> None:
        for _ in range(3):
            await _accept(house, "dev-subscribe@courriel.test", sender="new@far.test")
        assert len(await house.book.asked(DEV.address)) == 1
        answer = _field("Reply-To", (await _sent(house))["new@far.test"][1])
        house.clock.advance(ASK_AGAIN_S)
        await _accept(house, "dev-subscribe@courriel.test", sender="new@far.test")
        assert len(await _sent(house)) == 1
        house.clock.advance(QUESTION_DAYS * DAY_S)
        await _accept(house, answer, sender="new@far.test")
        assert "new@far.test" not in await _here(house)

    _run(test)


def test_a_closed_list_takes_nobody() -> None:
    async def test(house: House) -> None:
        receipt = await _accept(house, "dev-subscribe@courriel.test", sender="new@far.test")
        assert isinstance(receipt.outcomes[0].refusal, NotPermitted) and await _sent(house) == {}

    _run(test, msgspec.structs.replace(DEV, joining=Joining.CLOSED))


def test_leaving_by_one_s_own_address_takes_one_mail() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev@courriel.test")
        mail = (await _sent(house))["fred@far.test"][1]
        leave = _field("List-Unsubscribe", mail)[len("<mailto:") : -1]
        await _accept(house, leave, sender="other@z.test")
        assert await _here(house) == ["bob@courriel.test", "eve@far.test"]
        assert set(await _sent(house)) == {"fred@far.test"}, "who left is told"
        await _accept(house, leave, sender="other@z.test")
        with pytest.raises(NoSuchAddress):
            await _accept(house, leave.replace("+3-", "+2-"), sender="other@z.test")

    _run(test)


def test_leaving_by_the_common_address_takes_an_answer() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev-unsubscribe@courriel.test", sender="stranger@far.test")
        assert await _sent(house) == {}
        await _accept(house, "dev-unsubscribe@courriel.test", sender="eve@far.test")
        answer = _field("Reply-To", (await _sent(house))["eve@far.test"][1])
        assert "eve@far.test" in await _here(house)
        await _accept(house, answer)
        assert "eve@far.test" not in await _here(house)

    _run(test)


def test_help_and_owners() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev-request@courriel.test")
        assert b"dev-subscribe@courriel.test" in (await _sent(house))["eve@far.test"][1]
        await _accept(house, "dev-owner@courriel.test")
        assert len(await house.mail("alice")) == 1

    _run(test)


# --- moderation ---------------------------------------------------------------------------------------------------
MODERATED = msgspec.structs.replace(DEV, posting=Posting.MODERATORS, moderators=("mod@far.test", "zoé@courriel.test"))


@pytest.mark.parametrize("approve", [True, False])
def test_a_held_post_waits_for_a_moderator(approve: bool) -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev@courriel.test", post(more="Message-ID: <a@b>\r\n"))
        asked = await _sent(house)
        assert set(asked) == {"mod@far.test"} and len(await house.mail("zoé")) == 1
        mail = asked["mod@far.test"][1]
        yes = _field("Reply-To", mail)
        no = re.search(rb"dev-confirm\+n[0-9]+-[a-z2-7]{8}@courriel\.test", mail)
        assert no is not None
        await _accept(house, yes if approve else no[0].decode(), sender="mod@far.test")
        sent = await _sent(house)
        assert (set(sent) == {"eve@far.test", "fred@far.test"}) == approve and len(await house.mail("bob")) == approve
        if approve:
            assert sent["fred@far.test"][1].endswith(post(more="Message-ID: <a@b>\r\n"))
            assert b"List-Id" in sent["fred@far.test"][1] and b"for <dev@courriel.test>" in sent["fred@far.test"][1]
        await _accept(house, yes, sender="mod@far.test")
        assert await _sent(house) == {} and await house.book.asked(DEV.address) == []

    _run(test, MODERATED)


# --- bounces ------------------------------------------------------------------------------------------------------
REPORT = (
    b"From: MAILER-DAEMON@far.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\n\r\nno\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; far.test\r\n\r\nFinal-Recipient: rfc822; fred@far.test\r\nAction: %b\r\nStatus: %b\r\n\r\n"
    b"--b--\r\n"
)
HARD = REPORT % (b"failed", b"5.1.1")
PLAIN = b"From: Mail Delivery <MAILER-DAEMON@far.test>\r\nSubject: Undeliverable: hello\r\n\r\nno such user\r\n"


async def _bounce_address(house: House) -> str:
    await _accept(house, "dev@courriel.test")
    return (await _sent(house))["fred@far.test"][0]


@pytest.mark.parametrize("report", [HARD, PLAIN])
def test_bounces_of_several_days_suspend_a_member_and_owners_are_told(report: bytes) -> None:
    async def test(house: House) -> None:
        to = await _bounce_address(house)
        before = len(await house.mail("alice"))
        for day in range(BOUNCES):
            assert ("fred@far.test" in await _here(house)) and len(await house.mail("alice")) == before, day
            for _ in range(4):
                await _accept(house, to, report, None)
            house.clock.advance(DAY_S)
        assert "fred@far.test" not in await _here(house) and await _sent(house) == {}
        mail = (await house.mail("alice"))[-1]
        assert b"fred@far.test" in mail and len(await house.mail("alice")) == before + 1
        await _accept(house, "dev@courriel.test")
        assert set(await _sent(house)) == {"eve@far.test"}

    _run(test)


@pytest.mark.parametrize(
    ("report", "sender"),
    [
        (REPORT % (b"delayed", b"4.4.1"), None),
        (REPORT % (b"failed", b"4.4.7"), None),
        (HARD, "fred@far.test"),
        (post("fred@far.test", "Auto-Submitted: auto-replied\r\n"), None),
    ],
)
def test_what_is_no_hard_bounce_counts_nothing(report: bytes, sender: str | None) -> None:
    async def test(house: House) -> None:
        await _accept(house, await _bounce_address(house), report, sender)
        assert "fred@far.test" in await _here(house)

    _run(test, msgspec.structs.replace(DEV, bounces=1))


def test_without_a_key_the_report_says_whose_it_is() -> None:
    async def test(house: House) -> None:
        await _accept(house, "dev-bounces@courriel.test", PLAIN, None)
        await _accept(house, "dev-bounces@courriel.test", HARD, None)
        assert await _here(house) == ["bob@courriel.test", "eve@far.test"]

    _run(test, msgspec.structs.replace(DEV, bounces=1, verp=False))


def test_a_forged_key_is_refused_in_the_session() -> None:
    async def test(house: House) -> None:
        for to in ("dev-bounces+3-aaaaaaaa", "dev-unsubscribe+x", "dev-confirm", "dev-confirm+y1-aaaaaaaa"):
            with pytest.raises(NoSuchAddress):
                await _accept(house, f"{to}@courriel.test", HARD, None)

    _run(test)


@given(st.integers(0, 10**9), st.booleans(), st.text(max_size=30))
def test_keys_there_and_back_and_forged(number: int, yes: bool, text: str) -> None:
    key, token = list_post.member_key(KEYS, DEV, number), list_post.answer_token(KEYS, DEV, number, yes=yes)
    assert list_post.read_member_key(KEYS, DEV, key.upper()) == number
    assert list_post.read_answer(KEYS, DEV, token) == (number, yes)
    other = msgspec.structs.replace(DEV, address="ops@courriel.test")
    assert list_post.read_member_key(KEYS, other, key) is None and list_post.read_answer(KEYS, other, token) is None
    assert list_post.read_answer(KEYS, DEV, ("n" if yes else "y") + token[1:]) is None
    assert list_post.read_member_key((b"other",), DEV, key) is None
    assert list_post.read_member_key(KEYS, DEV, text) is None and list_post.read_answer(KEYS, DEV, text) is None
    assert list_post.read_answer(KEYS, DEV, f"y{key}") is None, "a member's key answers nothing"
    assert len(DEV.beside(list_post.Role.UNSUBSCRIBE, key).partition("@")[0]) <= 64
