"""Reports to senders: who is told what, what comes back, and that nothing of a stranger's breaks them."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.delivery import bounce, bounce_text
from courriel.delivery.bounce import Origin, Tried, delay_report, failure_report, success_report
from courriel.formats.message.canonical import has_bare_cr_or_lf
from courriel.formats.reports import dsn
from courriel.formats.reports.dsn import Action, Notification, Returned, Typed
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Address, Recipient
from courriel.model.notify import is_owed
from courriel.model.queued import Queued

QUEUED_AT = 1_795_500_000.0  # 2026-11-24 06:00:00 UTC
ORIGIN = Origin("mx.example.org", "01a2b3", QUEUED_AT + 3_600)
CONTENT = (
    b"Received: from a\r\n\tby mx.example.org; x\r\nSubject: =?utf-8?q?Caf=C3=A9?= tomorrow\r\n"
    b"Message-ID: <9@example.org>\r\n\r\nHello Bob\r\n"
)
NO_SUCH_USER = Attempt(Result.FAILED, "5.1.1", "550 5.1.1 No such user", Stage.RCPT, "mx.example.net", "192.0.2.1")
TIMED_OUT = Attempt(Result.DEFERRED, "4.4.1", "connection timed out", Stage.CONNECT, "mx.example.net")
HANDED_ON = Attempt(Result.DELIVERED, "2.0.0", "250 2.0.0 OK 7", Stage.CONTENT, "mx.example.net")
STORED = Attempt(Result.DELIVERED, "2.0.0", "", Stage.CONTENT)


def queued(**changes: object) -> Queued:
    values: dict[str, object] = {
        "id": "q1",
        "reverse_path": "alice@example.org",
        "recipients": (),
        "queued_at": QUEUED_AT,
        "size_octets": len(CONTENT),
    }
    return Queued(**{**values, **changes})  # type: ignore[arg-type]


def tried(
    attempt: Attempt = NO_SUCH_USER, local: str = "bob", notify: set[str] | None = None, orcpt: str | None = None
) -> Tried:
    asked = None if notify is None else frozenset(notify)
    return Tried(Recipient(Address(local, "example.net"), asked, orcpt), attempt, QUEUED_AT + 60)


def failed(*ones: Tried, content: bytes = CONTENT, origin: Origin = ORIGIN, **changes: object) -> bytes:
    raw = failure_report(queued(**changes), ones or (tried(),), content, origin)
    assert raw is not None
    return raw


def opened(raw: bytes) -> tuple[EmailMessage, str, Notification]:
    """What another reader sees, the text for people, and what a program reads."""
    oracle = email.message_from_bytes(raw, policy=email.policy.default)
    text = oracle.get_payload()[0].get_content()  # type: ignore[index,union-attr]
    return oracle, text, dsn.read(raw)


# ---------------------------------------------------------------------------------------------- who is told


@pytest.mark.parametrize(
    ("notify", "words"),
    [
        (None, {"FAILURE", "DELAY"}),
        ({"NEVER"}, set()),
        ({"FAILURE"}, {"FAILURE"}),
        ({"DELAY"}, {"DELAY"}),
        ({"SUCCESS"}, {"SUCCESS"}),
        ({"SUCCESS", "FAILURE", "DELAY"}, {"SUCCESS", "FAILURE", "DELAY"}),
    ],
)
def test_notify_decides(notify: set[str] | None, words: set[str]) -> None:
    recipient = tried(notify=notify).recipient
    assert {word for word in ("SUCCESS", "FAILURE", "DELAY") if is_owed(word, "a@x.org", recipient)} == words
    message, late = queued(), tried(TIMED_OUT, notify=notify)
    assert (failure_report(message, [tried(notify=notify)], CONTENT, ORIGIN) is not None) == ("FAILURE" in words)
    assert (delay_report(message, [late], CONTENT, ORIGIN, retry_until=9.0) is not None) == ("DELAY" in words)
    good = tried(STORED, notify=notify)
    assert (success_report(message, [good], CONTENT, ORIGIN) is not None) == ("SUCCESS" in words)


def test_nobody_answers_a_report() -> None:
    """RFC 5321 §6.1: a report on a report would go round for ever."""
    everything = {"SUCCESS", "FAILURE", "DELAY"}
    message = queued(reverse_path="")
    assert failure_report(message, [tried(notify=everything)], CONTENT, ORIGIN) is None
    assert delay_report(message, [tried(TIMED_OUT, notify=everything)], CONTENT, ORIGIN, retry_until=9.0) is None
    assert success_report(message, [tried(STORED, notify=everything)], CONTENT, ORIGIN) is None


def test_nothing_tried_is_nothing_to_tell() -> None:
    assert failure_report(queued(), [], CONTENT, ORIGIN) is None


def test_one_report_tells_of_all_who_want_it() -> None:
    raw = failed(tried(local="a"), tried(local="b", notify={"NEVER"}), tried(local="c", notify={"FAILURE"}))
    oracle, text, found = opened(raw)
    assert [one.final_recipient.value for one in found.report.recipients] == ["a@example.net", "c@example.net"]
    assert oracle["Subject"] == "Your message was not delivered to 2 recipients"
    assert "a@example.net" in text and "c@example.net" in text
    assert b"b@example.net" not in raw


# ---------------------------------------------------------------------------------------------- what is told


def test_a_failure() -> None:
    raw = failed(tried(orcpt="rfc822;Bob.Smith@example.net"), envid="QQ 314159")
    oracle, text, found = opened(raw)
    assert oracle["From"] == "Mail Delivery System <MAILER-DAEMON@mx.example.org>"
    assert oracle["To"] == "alice@example.org"
    assert oracle["Subject"] == "Your message to bob@example.net was not delivered"
    assert oracle["Auto-Submitted"] == "auto-replied"
    assert oracle["Message-ID"] == "<01a2b3@mx.example.org>"
    assert oracle["In-Reply-To"] == oracle["References"] == "<9@example.org>"
    assert oracle["Content-Language"] == "en, fr"
    assert "Return-Path" not in oracle
    assert found.report.reporting_mta == Typed("dns", "mx.example.org")
    assert found.report.envelope_id == "QQ 314159"
    assert found.report.arrived_at is not None and found.report.arrived_at.timestamp() == QUEUED_AT
    (recipient,) = found.report.recipients
    assert recipient.original_recipient == Typed("rfc822", "Bob.Smith@example.net")
    assert recipient.final_recipient == Typed("rfc822", "bob@example.net")
    assert (recipient.action, recipient.status) == (Action.FAILED, "5.1.1")
    assert recipient.remote_mta == Typed("dns", "mx.example.net")
    assert recipient.diagnostic == Typed("smtp", "550 5.1.1 No such user")
    assert recipient.last_attempt_at is not None and recipient.last_attempt_at.timestamp() == QUEUED_AT + 60
    assert found.returned == Returned(CONTENT, True)
    english, french = text.split("-" * bounce_text.WIDTH)
    for part, words in (
        (
            english,
            ["The address does not exist", "“Café tomorrow”", "Answer of mx.example.net: 550 5.1.1 No such user"],
        ),
        (french, ["L’adresse n’existe pas", "« Café tomorrow »", "Réponse de mx.example.net : 550 5.1.1 No such user"]),
    ):
        assert all(word in " ".join(part.split()) for word in words), part
    assert max(map(len, text.splitlines())) <= bounce_text.WIDTH


def test_the_configured_language_comes_first() -> None:
    oracle, text, _ = opened(failed(origin=msgspec.structs.replace(ORIGIN, languages=("fr", "en"))))
    assert oracle["Subject"] == "Votre message à bob@example.net n’a pas été remis"
    assert oracle["Content-Language"] == "fr, en"
    assert text.index("Votre message") < text.index("Your message")
    _, text, _ = opened(failed(origin=msgspec.structs.replace(ORIGIN, languages=("fr",))))
    assert "Your message" not in text


def test_without_orcpt_and_envid_their_fields_are_missing() -> None:
    raw = failed()
    assert b"Original-Recipient" not in raw and b"Original-Envelope-Id" not in raw


def test_a_delay() -> None:
    raw = delay_report(queued(), [tried(TIMED_OUT)], CONTENT, ORIGIN, retry_until=QUEUED_AT + 5 * 86_400)
    assert raw is not None
    oracle, text, found = opened(raw)
    (recipient,) = found.report.recipients
    assert oracle["Subject"] == "Your message to bob@example.net is delayed"
    assert (recipient.action, recipient.status) == (Action.DELAYED, "4.4.1")
    assert recipient.diagnostic == Typed("x-courriel", "connection timed out")
    assert recipient.will_retry_until is not None
    assert recipient.will_retry_until.timestamp() == QUEUED_AT + 5 * 86_400
    words = " ".join(text.split())
    assert "until 2026-11-29 06:00 UTC" in words and "please do not send it again" in words
    assert found.returned is not None and not found.returned.complete


def test_given_up_after_many_attempts() -> None:
    _, text, found = opened(failed(tried(TIMED_OUT)))
    assert (found.report.recipients[0].action, found.report.recipients[0].status) == (Action.FAILED, "4.4.1")
    assert "has tried since 2026-11-24 06:00 UTC and has now given up" in " ".join(text.split())
    assert "keeps trying" not in text and "Technical detail: connection timed out" in text


def test_success_here_and_beyond() -> None:
    everything = {"SUCCESS"}
    told = [tried(STORED, "a", everything), tried(HANDED_ON, "b", everything)]
    passed = tried(msgspec.structs.replace(HANDED_ON, passed_dsn=True), "c", everything)
    raw = success_report(queued(), [*told, passed], CONTENT, ORIGIN)
    assert raw is not None
    oracle, text, found = opened(raw)
    assert oracle["Subject"] == "Your message was handed over to 2 recipients"
    assert [one.action for one in found.report.recipients] == [Action.DELIVERED, Action.RELAYED]
    assert [one.status for one in found.report.recipients] == ["2.0.0", "2.0.0"]
    assert "is in the recipient's mailbox" in text and "250 2.0.0" not in text
    assert success_report(queued(), [passed], CONTENT, ORIGIN) is None


@pytest.mark.parametrize("status", ["", "2.0.0", "9.9.9", "5.1.1\r\nX: y", "5.1.1.1"])
def test_a_status_that_does_not_fit_is_made_vague(status: str) -> None:
    attempt = msgspec.structs.replace(NO_SUCH_USER, status=status)
    assert dsn.read(failed(tried(attempt))).report.recipients[0].status == "5.0.0"


def test_many_recipients_are_named_in_the_fields_only() -> None:
    many = [tried(local=f"r{number}x") for number in range(bounce_text.RECIPIENTS_TOLD + 7)]
    _, text, found = opened(failed(*many))
    assert len(found.report.recipients) == len(many)
    assert text.count("x@example.net") == 2 * bounce_text.RECIPIENTS_TOLD
    assert "7 more recipients" in text


# ---------------------------------------------------------------------------------------------- what comes back


@pytest.mark.parametrize(
    ("ret", "content", "complete"),
    [
        (None, CONTENT, True),
        ("FULL", CONTENT, True),
        ("HDRS", CONTENT, False),
        ("FULL", CONTENT + b"x\r\n" * (bounce.RETURNED_OCTETS // 3), False),
        (None, CONTENT + b"x" * (bounce.LINE_OCTETS + 1) + b"\r\n", False),
        (None, CONTENT + b"bare\nline\r\n", False),
        (None, CONTENT + b"\0\r\n", False),
        (None, CONTENT + b"caf\xc3\xa9\r\n", True),
    ],
)
def test_the_message_comes_back_if_it_is_small_and_wanted(ret: str | None, content: bytes, complete: bool) -> None:
    raw = failed(ret=ret, content=content)
    _, text, found = opened(raw)
    header = CONTENT[: CONTENT.index(b"\r\n\r\n") + 2]
    assert found.returned == Returned(content if complete else header, complete)
    words = " ".join(text.split())
    assert ("It is attached." in words, "Its header is attached." in words) == (complete, not complete)


def test_a_long_header_is_cut_between_fields() -> None:
    content = b"Subject: x\r\nTo: a,\r\n b\r\n" * 2_000 + b"\r\nHello\r\n" + b"y\r\n" * bounce.RETURNED_OCTETS
    returned = dsn.read(failed(content=content)).returned
    assert returned is not None
    assert bounce.RETURNED_HEADER_OCTETS - 30 < len(returned.octets) <= bounce.RETURNED_HEADER_OCTETS
    assert returned.octets.endswith((b"Subject: x\r\n", b"\r\n b\r\n"))
    endless = b"Subject: " + b"x" * 100_000 + b"\r\n\r\n"
    returned = dsn.read(failed(content=endless)).returned
    assert returned is not None and len(returned.octets.rstrip()) == bounce.RETURNED_HEADER_OCTETS


def test_a_boundary_of_ours_inside_the_message_is_harmless() -> None:
    content = CONTENT + b"--=_r_01a2b3--\r\n--=_r_01a2b3\r\n"
    assert dsn.read(failed(content=content)).returned == Returned(content, True)


# ---------------------------------------------------------------------------------------------- strangers


def test_a_refused_login_is_told_by_its_code() -> None:
    attempt = Attempt(Result.FAILED, "5.7.8", "535 5.7.8 alice:secret is wrong", Stage.AUTH, "smarthost.example")
    raw = failed(tried(attempt))
    assert b"secret" not in raw
    assert dsn.read(raw).report.recipients[0].diagnostic == Typed("smtp", "535 5.7.8")
    local = msgspec.structs.replace(attempt, reply="no password for alice")
    assert dsn.read(failed(tried(local))).report.recipients[0].diagnostic is None


def test_words_of_strangers_are_cleaned_and_short() -> None:
    reply = "550 no\r\nStatus: 2.0.0\x1b[2J\u202e" + "z" * 5_000
    content = b"Subject: " + b"s" * 5_000 + b"\r\n\r\n"
    _, text, found = opened(failed(tried(msgspec.structs.replace(NO_SUCH_USER, reply=reply)), content=content))
    diagnostic = found.report.recipients[0].diagnostic
    assert diagnostic is not None and diagnostic.value.startswith("550 no Status: 2.0.0 [2Jzzz")
    assert found.report.recipients[0].status == "5.1.1"
    assert text.count("z") < 2 * bounce_text.REPLY_CHARACTERS
    assert text.count("sss") < 2 * bounce_text.SUBJECT_CHARACTERS
    assert "\x1b" not in text and "\u202e" not in text


@pytest.mark.parametrize(
    "told", [b"", b"Message-ID: no id\r\n", b"Message-ID: <a@b> <c@d>\r\n", b"Message-ID: <\xff@b>\r\n"]
)
def test_a_message_id_that_is_none_is_not_answered(told: bytes) -> None:
    oracle, _, _ = opened(failed(content=told + b"\r\n"))
    assert "In-Reply-To" not in oracle and "References" not in oracle


def test_international_mail() -> None:
    """RFC 6533: the international form where the sender or the header needs it, escapes where neither does."""
    zoe = tried(local="zoé", orcpt="utf-8;zoé@example.net")
    escaped = tried(local="zoé", orcpt="utf-8;zo\\x{E9}@example.net")
    for raw in (
        failed(escaped, smtputf8=True),
        failed(zoe, reverse_path="élise@example.org", smtputf8=True),
        failed(zoe, smtputf8=True),
    ):
        (recipient,) = dsn.read(raw).report.recipients
        assert recipient.final_recipient == recipient.original_recipient == Typed("utf-8", "zoé@example.net")
    assert b"message/delivery-status" in raw and raw.isascii()
    raw = failed(zoe, reverse_path="élise@example.org", smtputf8=True)
    assert "To: élise@example.org\r\n".encode() in raw and b"message/global-delivery-status" in raw
    raw = failed(zoe, smtputf8=True, content="Subject: été\r\n\r\n".encode())
    assert b"Content-Type: message/global\r\n" in raw


REPLIES = st.text(max_size=400) | st.text(st.sampled_from("a\r\n.:-=? \0é\u202e{}%"), max_size=400)
ATTEMPTS = st.builds(
    Attempt,
    st.sampled_from(Result),
    st.text(max_size=9),
    REPLIES.map("550 {}".format) | REPLIES,
    st.sampled_from(Stage),
)
HEADERS = st.binary(max_size=200).map(
    lambda octets: b"Subject: " + octets + b"\r\nMessage-ID: <" + octets + b">\r\n\r\n"
)


@settings(max_examples=150, deadline=None)
@given(ATTEMPTS, st.binary(max_size=300) | HEADERS, st.booleans())
def test_no_reply_and_no_message_breaks_a_report(attempt: Attempt, content: bytes, smtputf8: bool) -> None:
    raw = failed(tried(attempt, orcpt="rfc822;bob@example.net"), content=content, smtputf8=smtputf8)
    assert not has_bare_cr_or_lf(raw) and b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    names = re.findall(rb"^([^\s:]+):", raw[: raw.index(b"\r\n\r\n")], re.MULTILINE)
    assert names[:4] == [b"From", b"To", b"Subject", b"Date"] and names.count(b"Content-Type") == 1
    found = dsn.read(raw)
    assert len(found.report.recipients) == 1
    assert found.report.recipients[0].action is Action.FAILED
    assert found.report.recipients[0].original_recipient == Typed("rfc822", "bob@example.net")
