"""People's scripts at delivery: where mail goes, who is refused, who is answered, what is never sent."""

from __future__ import annotations

import email

import pytest

from courriel.delivery import rules
from courriel.delivery.relay.house import HouseLink
from courriel.delivery.relay.links import Outgoing
from courriel.formats import srs
from courriel.formats.path import Path
from courriel.model.envelope import NULL_PATH, Address, Client, Door, Envelope, Recipient, address_of
from courriel.model.flags import FLAGGED, SEEN
from courriel.model.ids import AccountId
from courriel.model.mailing_list import MailingList
from courriel.model.queued import Queued
from courriel.model.refusals import Rejected
from courriel.model.transit import Fate, Receipt
from courriel.sieve.check import compile_script
from courriel.sieve.settings import DEFAULT
from tests.smtp.house import KEYS, House, in_house, say

EVE = Address("eve", "far.test")
CLIENT = Client("192.0.2.1", 1, "c", esmtp=True)
HELLO = (
    b"From: Eve <eve@far.test>\r\nTo: alice@courriel.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\n"
    b"hello\r\n"
)


def _id(house: House, person: str) -> AccountId:
    account = house.directory.by_login(person)
    assert account is not None
    return account.id


async def _script(house: House, person: str, script: str) -> None:
    await house.scripts.put(_id(house, person), "rules", script.encode(), 9)
    await house.scripts.activate(_id(house, person), "rules")


async def _accept(
    house: House,
    *to: str,
    content: bytes = HELLO,
    sender: Address = EVE,
    door: Door = Door.MX,
    client: Client = CLIENT,
) -> Receipt:
    recipients = tuple(Recipient(address_of(one)) for one in to or ("alice@courriel.test",))
    return await house.intake.accept(Envelope(door, client, sender, recipients), content)


async def _flags(house: House, person: str, path: str) -> tuple[int, list[str]]:
    account = _id(house, person)
    view = await house.store.view(account, (await house.store.mailbox(account, path)).id)
    names = house.store.keyword_names(account)
    [flags] = view.flags
    return flags & (SEEN | FLAGGED), sorted(name for bit, name in names.items() if flags >> bit & 1)


async def _queued(house: House) -> list[tuple[str, list[str], bytes]]:
    return [
        (
            entry.message.reverse_path,
            [str(one.address) for one in entry.message.recipients],
            await house.queue.content(entry.message.id),
        )
        for entry in await house.queue.entries()
    ]


def parse_body(mail: bytes) -> str:
    """The text of a simple message, on one line."""
    text = email.message_from_bytes(mail).get_payload(decode=True)
    assert isinstance(text, bytes)
    return " ".join(text.decode().split())


# --- mailboxes ------------------------------------------------------------------------------------------------------
def test_mail_is_filed_with_flags_and_the_mailbox_is_made() -> None:
    async def test(house: House) -> None:
        await _script(
            house,
            "alice",
            'require ["fileinto", "mailbox", "imap4flags", "copy"];'
            'fileinto :copy :create :flags ["\\\\Seen", "Work"] "Lists/Dev"; keep :flags "\\\\Flagged";',
        )
        await _accept(house)
        assert await _flags(house, "alice", "Lists/Dev") == (SEEN, ["Work"])
        assert await _flags(house, "alice", "INBOX") == (FLAGGED, [])
        assert "Lists/Dev" in await house.store.subscriptions(_id(house, "alice"))

    in_house(test)


def test_a_mailbox_that_is_not_there_loses_nothing() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'require "fileinto"; fileinto "Nowhere";')
        await _accept(house)
        assert len(await house.mail("alice")) == 1

    in_house(test)


def test_a_special_mailbox_is_found_whatever_its_name() -> None:
    """RFC 8579 §4."""

    async def test(house: House) -> None:
        await house.store.rename_mailbox(_id(house, "alice"), "Junk", "Indésirables")
        await _script(house, "alice", 'require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Junk" "Nowhere";')
        await _accept(house)
        assert len(await house.mail("alice", "Indésirables")) == 1

    in_house(test)


def test_one_discards_and_the_other_keeps() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", "discard;")
        receipt = await _accept(house, "alice@courriel.test", "bob@courriel.test")
        assert [outcome.fate for outcome in receipt.outcomes] == [Fate.DELIVERED] * 2
        assert (len(await house.mail("alice")), len(await house.mail("bob"))) == (0, 1)

    in_house(test)


def test_what_is_edited_is_one_s_own() -> None:
    """RFC 5293: the other reader, and the mail that is redirected before, have the message as it came."""

    async def test(house: House) -> None:
        await _script(
            house,
            "alice",
            'require ["editheader", "copy"]; redirect :copy "x@gone.test"; addheader "X-Mine" "1";',
        )
        await _accept(house, "alice@courriel.test", "bob@courriel.test")
        [alices], [bobs] = await house.mail("alice"), await house.mail("bob")
        assert b"\r\nX-Mine: 1\r\nFrom: Eve" in alices and b"X-Mine" not in bobs
        [(_, _, sent)] = await _queued(house)
        assert b"X-Mine" not in sent

    in_house(test)


def test_a_full_account_is_full_with_a_script_too() -> None:
    async def test(house: House) -> None:
        await _script(house, "dave", 'require "fileinto"; fileinto "Junk";')
        big = HELLO + b"x" * 10_000
        said = await say(
            house,
            b"EHLO c\r\nMAIL FROM:<eve@far.test>\r\nRCPT TO:<dave@courriel.test>\r\nDATA\r\n" + big + b"\r\n.\r\n",
        )
        assert b"552 5.2.2" in said

    in_house(test)


def test_a_post_to_a_list_is_sorted_also_when_a_moderator_published_it() -> None:
    async def test(house: House) -> None:
        await house.directory.add_list(
            MailingList("dev@courriel.test", owners=("bob@courriel.test",), moderators=("bob@courriel.test",))
        )
        await house.book.add_members("dev@courriel.test", ["alice@courriel.test"], 0.0)
        await _script(
            house, "alice", 'require "fileinto"; if header :contains "list-id" "dev.courriel.test" { fileinto "Junk"; }'
        )
        await _accept(house, "dev@courriel.test")
        assert await house.mail("alice", "Junk") == [], "it waits for a moderator"
        [asked] = await house.book.asked("dev@courriel.test")
        whole = await house.book.question("dev@courriel.test", asked.id)
        await house.intake.publish(whole)  # type: ignore[attr-defined]
        assert len(await house.mail("alice", "Junk")) == 1 and await house.mail("alice") == []

    in_house(test)


# --- redirect -------------------------------------------------------------------------------------------------------
def test_redirected_mail_leaves_under_our_name() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'redirect "alice@gone.test"; redirect "alice@gone.test";')
        await _accept(house)
        [(sender, to, content)] = await _queued(house)
        assert to == ["alice@gone.test"]
        assert srs.restore(KEYS, sender.rpartition("@")[0], house.clock.now()) == Path("eve", "far.test")
        assert content.startswith(b"Delivered-To: alice@courriel.test\r\nReceived: ") and content.endswith(HELLO)
        assert await house.mail("alice") == []
        [entry] = await house.queue.entries()
        assert entry.message.forwarder == "alice@courriel.test"

    in_house(test)


def test_mail_redirected_within_the_house_is_there_at_once_and_never_goes_round() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'redirect "bob@courriel.test";')
        await _script(house, "bob", 'require "copy"; redirect :copy "alice@courriel.test";')
        await _accept(house)
        assert await house.mail("alice") == [] and await _queued(house) == []
        [bobs] = await house.mail("bob")
        assert b"Delivered-To: alice@courriel.test\r\n" in bobs
        await _accept(house, "alice@courriel.test", "bob@courriel.test")
        assert len(await house.mail("bob")) == 2, "he is a recipient himself: one copy"

    in_house(test)


def test_redirected_mail_for_a_full_mailbox_waits_in_the_queue() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'redirect "dave@courriel.test";')
        await _accept(house, content=HELLO + b"x" * 3_000)
        [(_, to, _)] = await _queued(house)
        assert to == ["dave@courriel.test"] and await house.mail("dave") == []
        await _accept(house)
        assert len(await house.mail("dave")) == 1 and len(await _queued(house)) == 1

    in_house(test)


def test_what_was_here_before_is_kept() -> None:
    """RFC 5228 §10: a circle through another server."""

    async def test(house: House) -> None:
        await _script(house, "alice", 'redirect "alice@gone.test";')
        await _accept(house, content=b"Delivered-To: alice@courriel.test\r\n" + HELLO)
        assert len(await house.mail("alice")) == 1 and await _queued(house) == []

    in_house(test)


# --- reject ---------------------------------------------------------------------------------------------------------
REJECT = 'require "ereject"; ereject "No, thank you.\r\nÉcris-moi.";'


def test_the_only_recipient_refuses_in_the_session() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        said = await say(
            house, b"EHLO c\r\nMAIL FROM:<eve@far.test>\r\nRCPT TO:<alice@courriel.test>\r\nDATA\r\n" + HELLO + b".\r\n"
        )
        assert said.endswith(b"550 5.7.1 No, thank you. ?cris-moi.\r\n")
        assert await house.mail("alice") == [] and await _queued(house) == []

    in_house(test)


def test_all_recipients_refuse_together() -> None:
    async def test(house: House) -> None:
        for person in ("alice", "bob"):
            await _script(house, person, REJECT)
        receipt = await _accept(house, "alice@courriel.test", "bob@courriel.test")
        assert all(isinstance(outcome.refusal, Rejected) for outcome in receipt.outcomes)

    in_house(test)


def test_a_reader_under_two_names_refuses_both() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        receipt = await _accept(house, "sales@courriel.test", "alice@courriel.test")
        assert [outcome.fate for outcome in receipt.outcomes] == [Fate.REFUSED] * 2
        assert await house.mail("alice", "Junk") == []

    in_house(test)


def test_over_lmtp_each_recipient_has_an_answer() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        receipt = await _accept(house, "alice@courriel.test", "bob@courriel.test", door=Door.LMTP)
        assert [outcome.fate for outcome in receipt.outcomes] == [Fate.REFUSED, Fate.DELIVERED]

    in_house(test)


@pytest.mark.parametrize("sender", [EVE, NULL_PATH])
def test_a_stranger_gets_no_report_since_his_name_may_be_forged(sender: Address) -> None:
    """AUTH attack row 37: the mail is put apart instead."""

    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        await _accept(house, "alice@courriel.test", "bob@courriel.test", sender=sender)
        assert (len(await house.mail("alice", "Junk")), len(await house.mail("bob"))) == (1, 1)
        assert await _queued(house) == [] and await house.mail("alice") == []

    in_house(test)


def test_somebody_of_the_house_gets_a_report() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        bob = house.directory.by_login("bob")
        assert bob is not None
        client = Client("192.0.2.1", 1, "c", account=bob.id, login=bob.login)
        content = b"From: bob@courriel.test\r\nSubject: x\r\n\r\nx\r\n"
        await _accept(
            house, "alice@courriel.test", "zoe@far.test",
            content=content, sender=Address("bob", "courriel.test"), door=Door.SUBMISSION, client=client,
        )  # fmt: skip
        assert await house.mail("alice") == [] and await house.mail("alice", "Junk") == []
        [report] = await house.mail("bob")
        assert b"multipart/report" in report and b"No, thank you." in report

    in_house(test)


def test_mail_of_the_house_that_waited_is_rejected_with_a_report() -> None:
    """From the queue (RFC 4865): nobody waits in a session any more."""

    async def test(house: House) -> None:
        await _script(house, "alice", REJECT)
        link = HouseLink(house.intake.release)  # type: ignore[attr-defined]
        to = Recipient(address_of("alice@courriel.test"))
        for sender, status in (("bob@courriel.test", "5.7.1"), ("eve@far.test", "2.0.0")):
            message = Queued("x", sender, (to,), house.clock.now(), len(HELLO))
            [attempt] = await link.send(Outgoing(message, (to,), HELLO))
            assert attempt.status == status
        assert len(await house.mail("alice", "Junk")) == 1

    in_house(test)


# --- vacation -------------------------------------------------------------------------------------------------------
AWAY = 'require "vacation"; vacation :subject "Away" "I am away.";'


def test_a_sender_is_answered_once_a_week() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", AWAY)
        await _accept(house)
        await _accept(house)
        [(sender, to, content)] = await _queued(house)
        assert (sender, to) == ("", ["eve@far.test"])
        assert b"\r\nAuto-Submitted: auto-replied\r\n" in content and b"\r\nSubject: Away\r\n" in content
        assert b"\r\nIn-Reply-To: <1@far.test>\r\n" in content and b"I am away." in content
        assert len(await house.mail("alice")) == 2
        house.clock.advance(7 * 86_400 + 1)
        await _accept(house)
        assert len(await _queued(house)) == 2
        await _accept(house, sender=Address("zoe", "far.test"))
        assert len(await _queued(house)) == 3

    in_house(test)


NO_ANSWER = {
    "a report": (HELLO, NULL_PATH),
    "a list": (b"List-Id: <x.far.test>\r\n" + HELLO, EVE),
    "bulk": (b"Precedence: Bulk\r\n" + HELLO, EVE),
    "an answer of a program": (b"Auto-Submitted: auto-replied (x)\r\n" + HELLO, EVE),
    "auto-generated": (b"Auto-Submitted: auto-generated\r\n" + HELLO, EVE),
    "Exchange asks for none": (b"X-Auto-Response-Suppress: OOF\r\n" + HELLO, EVE),
    "not to her": (HELLO.replace(b"To: alice", b"To: team"), EVE),
    "no To": (HELLO.replace(b"To: alice@courriel.test\r\n", b""), EVE),
    "herself": (HELLO, Address("alice", "courriel.test")),
    "a list's owner": (HELLO, Address("owner-x", "far.test")),
    "a list's request": (HELLO, Address("x-request", "far.test")),
    "the mailer": (HELLO, Address("MAILER-DAEMON", "far.test")),
    "no-reply": (HELLO, Address("no-reply", "far.test")),
}


@pytest.mark.parametrize("case", NO_ANSWER)
def test_who_is_never_answered(case: str) -> None:
    """RFC 5230 §4.5–4.6, RFC 3834 §2."""
    content, sender = NO_ANSWER[case]

    async def test(house: House) -> None:
        await _script(house, "alice", AWAY)
        await _accept(house, content=content, sender=sender)
        assert await _queued(house) == [] and len(await house.mail("alice")) == 1

    in_house(test)


@pytest.mark.parametrize("to", [b"alice+x@courriel.test", b"other@courriel.test, Al <ALICE@courriel.test>"])
def test_mail_to_her_in_other_words_is_answered(to: bytes) -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", AWAY)
        await _accept(house, "alice+x@courriel.test", content=HELLO.replace(b"alice@courriel.test", to))
        assert len(await _queued(house)) == 1

    in_house(test)


def test_two_who_are_away_do_not_answer_each_other_for_ever() -> None:
    async def test(house: House) -> None:
        for person in ("alice", "bob"):
            await _script(house, person, AWAY.replace(":subject", ":days 1 :subject"))
        await _accept(house, sender=Address("bob", "courriel.test"))
        [answer] = await house.mail("bob")
        assert b"I am away." in answer
        assert len(await house.mail("alice")) == 1

    in_house(test)


def test_a_mime_answer_and_its_copy() -> None:
    """RFC 5230 §4.4, RFC 8580 §3; header fields of its own cannot be slipped in."""

    async def test(house: House) -> None:
        await _script(
            house,
            "alice",
            'require ["vacation", "fcc", "imap4flags"]; vacation :mime :fcc "Sent" :flags "\\\\Seen" '
            '"Content-Type: text/html; charset=utf-8\r\nBcc: all@far.test\r\n\r\n<b>Zoé</b>";',
        )
        await _accept(house)
        [(_, _, content)] = await _queued(house)
        assert b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<b>" in content
        assert b"Bcc" not in content
        [copy] = await house.mail("alice", "Sent")
        assert copy.endswith("<b>Zoé</b>".encode())
        assert await _flags(house, "alice", "Sent") == (SEEN, [])

    in_house(test)


# --- the rest -------------------------------------------------------------------------------------------------------
def test_a_duplicate_is_known_once_the_first_is_there() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'require "duplicate"; if duplicate { discard; }')
        await _accept(house)
        await _accept(house)
        assert len(await house.mail("alice")) == 1

    in_house(test)


def test_a_notice_of_new_mail() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'require "enotify"; notify "mailto:phone@gone.test";')
        await _accept(house)
        await _accept(house, content=b"Auto-Submitted: auto-replied\r\n" + HELLO)
        [(sender, to, content)] = await _queued(house)
        assert (sender, to) == ("", ["phone@gone.test"])
        assert (
            b"Auto-Submitted: auto-notified; owner-email=alice@courriel.test\r\n" in content
            and b"eve@far.test" in content
        )

    in_house(test)


def test_an_error_keeps_the_mail_and_is_told_once() -> None:
    async def test(house: House) -> None:
        await _script(house, "alice", 'require ["ihave"];\nerror "enough of it";')
        for _ in range(2):
            await _accept(house)
        first, notice, second = await house.mail("alice")
        assert first.endswith(HELLO) and second.endswith(HELLO)
        told = parse_body(notice)
        assert "“rules”" in told and "line 2: the script gave up: enough of it" in told
        assert "« rules »" in told and "Corrigez le script" in told

    in_house(test)


def test_a_script_that_no_longer_reads_keeps_the_mail() -> None:
    """As when an older release took it."""

    async def test(house: House) -> None:
        await _script(house, "alice", "nonsense;")
        await _accept(house)
        assert len(await house.mail("alice")) == 2

    in_house(test)


def test_what_takes_long_runs_in_a_thread_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """``sieve.loop_ms``, ``sieve.cpu_ms``: the processor's clock here makes great steps."""

    async def test(house: House) -> None:
        now = iter(range(10**6))
        monkeypatch.setattr(rules.time, "thread_time", lambda: next(now) * DEFAULT.cpu_ms / 100_000)
        await _script(house, "alice", "if true { }" * 400 + "discard;")
        await _accept(house)
        assert await house.mail("alice") == [], "13 looks at the clock: longer than the loop may wait, not too long"
        await _script(house, "alice", "if true { }" * 4_000 + "discard;")
        await _accept(house)
        kept, notice = await house.mail("alice")
        assert kept.endswith(HELLO) and "more than 1000 ms of" in parse_body(notice)

    in_house(test)


def test_so_many_scripts_are_kept_ready() -> None:
    """``rules.ready``."""
    ready, script = rules.Ready(100), compile_script(b"keep;")
    for name in (b"a", b"b"):
        ready.put(name, script, 50)
    assert ready.get(b"a") is script
    ready.put(b"c", script, 40)
    ready.put(b"c", script, 40)
    assert (ready.get(b"a"), ready.get(b"b"), ready.get(b"c")) == (script, None, script)
    assert ready.octets == 90
    ready.put(b"d", script, 200)
    assert ready.octets == 0


def test_other_people_s_scripts_are_nobody_s() -> None:
    """RFC 6609 §3.2."""

    async def test(house: House) -> None:
        await house.scripts.put(_id(house, "bob"), "other", b"discard;", 9)
        await house.scripts.put(_id(house, "alice"), "mine", b"discard;", 9)
        await _script(house, "alice", 'require "include"; include :optional "other"; include :optional "mine";')
        await _accept(house)
        assert await house.mail("alice") == []
        await house.scripts.remove(_id(house, "alice"), "mine")
        await _accept(house)
        assert len(await house.mail("alice")) == 1

    in_house(test)
