"""What answers of servers mean: phrases of the big providers, codes of the registry, stages; and that all is French."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery.explain import REPLY_CHARACTERS, explain, is_reply, kind_of
from courriel.delivery.explanations import EXPLANATIONS, Again, Kind
from courriel.delivery.reply_texts import _PHRASES
from courriel.model.attempt import Attempt, Result, Stage


def refused(reply: str, stage: Stage = Stage.RCPT, status: str = "5.0.0") -> Attempt:
    result = Result.DEFERRED if reply.startswith("4") else Result.FAILED
    return Attempt(result, status, reply, stage, "mx.example.net")


# In the words of Postfix, Exim, Exchange, sendmail, Gmail, Outlook, Yahoo, AOL, Orange, Free and their like.
REPLIES = [
    ("450 4.2.0 <bob@example.net>: Recipient address rejected: Greylisted, see http://g.example/", Kind.GREYLISTED),
    ("451 4.7.1 Greylisting in action, please come back in 00:05:00", Kind.GREYLISTED),
    ("450 4.1.8 <a@example.org>: Sender address rejected: Domain not found", Kind.SENDER_REFUSED),
    ("550 Sender verify failed", Kind.SENDER_REFUSED),
    ("450 4.2.1 The user you are trying to contact is receiving mail too quickly.", Kind.RECIPIENT_BUSY),
    ("452 4.5.3 Error: too many recipients", Kind.TOO_MANY_RECIPIENTS),
    ("421 Too many connections, slow down. OFR004_104 [104]", Kind.RATE_LIMITED),
    ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail from your IP address.", Kind.RATE_LIMITED),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume", Kind.RATE_LIMITED),
    ("550 5.4.5 Daily sending quota exceeded.", Kind.RATE_LIMITED),
    ("552 5.2.2 The email account that you tried to reach is over quota.", Kind.FULL),
    ("452 4.2.2 The recipient's inbox is out of storage space.", Kind.FULL),
    ("552 5.2.2 E4.12 user MAILBOX FULL", Kind.FULL),
    ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", Kind.FULL),
    ("552 Boîte du destinataire pleine", Kind.FULL),
    ("452 4.3.1 Insufficient system storage", Kind.SYSTEM_FULL),
    ("552 5.3.4 Message size exceeds fixed limit", Kind.TOO_BIG),
    ("552-5.2.3 Your message exceeded Google's message size limits.", Kind.TOO_BIG),
    ("550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.", Kind.DMARC),
    ("554 5.7.9 Message not accepted for policy reasons.", Kind.DMARC),
    ("550 5.7.26 The sender is unauthenticated. DKIM = did not pass SPF [example.org] = did not pass", Kind.UNPROVEN),
    ("550 5.7.1 SPF check failed for example.org", Kind.SPF),
    ("550 5.7.30 This mail has been blocked because DKIM does not pass.", Kind.DKIM),
    ("450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]", Kind.REVERSE_DNS),
    ("550 5.7.25 The IP address sending this message does not have a PTR record setup", Kind.REVERSE_DNS),
    ("530 5.7.0 Must issue a STARTTLS command first", Kind.TLS_WANTED),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", Kind.BLOCKLISTED),
    ("550 5.7.1 messages weren't sent since part of their network is on our block list (S3140).", Kind.BLOCKLISTED),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", Kind.BLOCKLISTED),
    ("550 5.7.1 very low reputation of the sending domain", Kind.REPUTATION),
    ("421 4.7.0 IP not in whitelist for RCPT domain, closing connection.", Kind.REPUTATION),
    ("554 5.7.1 <bob@example.net>: Relay access denied", Kind.RELAY_DENIED),
    ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Kind.RELAY_DENIED),
    ("554 5.4.6 Too many hops", Kind.LOOP),
    ("554 5.4.14 Hop count exceeded - possible mail loop ATTR34", Kind.LOOP),
    ("550 5.1.2 <bob@exmaple.net>: Recipient address rejected: Domain not found", Kind.NO_SUCH_DOMAIN),
    ("550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", Kind.RESTRICTED),
    ("550 5.7.133 sender not authenticated for group; not allowed to send to this list", Kind.RESTRICTED),
    ("550 5.2.1 The email account that you tried to reach is inactive.", Kind.DISABLED),
    ("550-5.1.1 The email account that you tried to reach does not exist.", Kind.NO_SUCH_USER),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient bob@example.net not found by SMTP", Kind.NO_SUCH_USER),
    ("550 5.4.1 Recipient address rejected: Access denied.", Kind.NO_SUCH_USER),
    ("550 'bob@example.net' is not a registered gateway user", Kind.NO_SUCH_USER),
    ("550 5.1.1 Adresse d au moins un destinataire invalide. OFR204_416 [416]", Kind.NO_SUCH_USER),
    ("553 5.3.0 <bob@example.net>... Unknown E-Mail Address", Kind.NO_SUCH_USER),
    ("550 no mailbox here by that name", Kind.NO_SUCH_USER),
    ("554 5.7.1 The message contains a virus: Eicar", Kind.VIRUS),
    ("552-5.7.0 This message was blocked because its content presents a potential security issue.", Kind.ATTACHMENT),
    ("554 5.7.1 Rejected: banned file attached (.exe)", Kind.ATTACHMENT),
    ("550 5.7.1 Our system has detected that this message is likely unsolicited mail.", Kind.SPAM),
    ("554 5.7.1 Message rejected as spam by Content Filtering.", Kind.SPAM),
    ("451 4.3.2 server busy, come back", Kind.BUSY),
    ("553 5.1.8 <a@b.example>... Domain of sender address a@b.example does not exist", Kind.SENDER_REFUSED),
    ("550 Connection frequency limited", Kind.RATE_LIMITED),
    ("552 Too much mail data", Kind.TOO_BIG),
    ("421 4.2.1 Service refuse. Veuillez essayer plus tard. LPN006_107", Kind.REPUTATION),
    ("550 #5.1.0 Address rejected.", Kind.NO_SUCH_USER),
    ("551 not our customer", Kind.NO_SUCH_USER),
    ("550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426", Kind.DISABLED),
    ("550 4.4.7 QUEUE.Expired; message expired", Kind.EXPIRED),
    ("554 5.0.0 Email rejected due to security policies", Kind.POLICY),
    ("550 5.7.7 Email policy violation detected", Kind.POLICY),
]


@pytest.mark.parametrize(("reply", "kind"), REPLIES)
def test_the_words_of_providers(reply: str, kind: Kind) -> None:
    assert kind_of(refused(reply)) is kind


def test_every_kind_that_words_can_name_has_its_example() -> None:
    assert {kind for kind, _ in _PHRASES} <= {kind for _, kind in REPLIES}


@pytest.mark.parametrize("name", ["spam", "virus", "greylist", "dmarc", "user-unknown", "over-quota"])
def test_words_inside_an_address_mean_nothing(name: str) -> None:
    assert kind_of(refused(f"550 5.1.6 <{name}@{name}.example>: gone away")) is Kind.MOVED


# The registry's codes that say enough by themselves (RFC 5248), with a text that says nothing.
CODES = [
    *(("5.1.1", Kind.NO_SUCH_USER), ("5.1.2", Kind.NO_SUCH_DOMAIN), ("5.1.3", Kind.BAD_ADDRESS)),
    *(("5.1.4", Kind.AMBIGUOUS), ("5.1.6", Kind.MOVED), ("5.1.7", Kind.SENDER_REFUSED), ("5.1.8", Kind.SENDER_REFUSED)),
    *(("5.1.10", Kind.TAKES_NO_MAIL), ("5.1.0", Kind.UNAVAILABLE), ("5.2.0", Kind.UNAVAILABLE)),
    *(("5.2.1", Kind.DISABLED), ("5.2.2", Kind.FULL), ("5.2.3", Kind.TOO_BIG), ("5.2.4", Kind.LIST_TROUBLE)),
    *(("5.2.122", Kind.RECIPIENT_BUSY), ("4.3.0", Kind.SERVER_TROUBLE), ("4.3.1", Kind.SYSTEM_FULL)),
    *(("4.3.2", Kind.NOT_NOW), ("5.3.3", Kind.CONTENT), ("5.3.4", Kind.TOO_BIG), ("4.3.5", Kind.SERVER_TROUBLE)),
    *(("4.4.1", Kind.NO_ANSWER), ("4.4.2", Kind.BROKEN_CONNECTION), ("4.4.3", Kind.DNS_TROUBLE)),
    *(("5.4.4", Kind.NO_ROUTE), ("4.4.5", Kind.BUSY), ("5.4.6", Kind.LOOP), ("5.4.7", Kind.EXPIRED)),
    *(("5.5.1", Kind.PROTOCOL), ("4.5.3", Kind.TOO_MANY_RECIPIENTS), ("5.6.1", Kind.CONTENT)),
    *(("5.6.7", Kind.NEEDS_UTF8), ("5.6.9", Kind.NEEDS_UTF8), ("5.7.0", Kind.POLICY), ("5.7.1", Kind.POLICY)),
    *(("5.7.2", Kind.LIST_CLOSED), ("5.7.5", Kind.ENCRYPTION), ("5.7.8", Kind.LOGIN_REFUSED)),
    *(("5.7.10", Kind.TLS_WANTED), ("5.7.13", Kind.DISABLED), ("5.7.17", Kind.OWNER_CHANGED)),
    *(("5.7.20", Kind.DKIM), ("5.7.21", Kind.DKIM), ("5.7.22", Kind.DKIM), ("5.7.23", Kind.SPF), ("5.7.24", Kind.SPF)),
    *(("5.7.25", Kind.REVERSE_DNS), ("5.7.26", Kind.UNPROVEN), ("5.7.27", Kind.SENDER_REFUSED)),
    *(("5.7.28", Kind.RATE_LIMITED), ("5.7.29", Kind.UNPROVEN), ("5.7.30", Kind.TLS_POLICY), ("5.7.509", Kind.DMARC)),
]


@pytest.mark.parametrize(("status", "kind"), CODES)
def test_enhanced_codes(status: str, kind: Kind) -> None:
    code = "450" if status.startswith("4") else "550"
    assert kind_of(refused(f"{code} {status} no", Stage.DATA)) is kind
    assert kind_of(refused(f"{code} no", Stage.DATA, status)) is kind


@pytest.mark.parametrize(
    ("reply", "stage", "kind"),
    [
        ("421 bye", Stage.GREETING, Kind.NOT_NOW),
        ("450 no", Stage.RCPT, Kind.UNAVAILABLE),
        ("451 no", Stage.DATA, Kind.SERVER_TROUBLE),
        ("452 no", Stage.RCPT, Kind.SYSTEM_FULL),
        ("500 what?", Stage.EHLO, Kind.PROTOCOL),
        ("521 no mail here", Stage.GREETING, Kind.TAKES_NO_MAIL),
        ("530 log in", Stage.MAIL, Kind.LOGIN_REFUSED),
        ("550 no", Stage.RCPT, Kind.UNAVAILABLE),
        ("550 no", Stage.MAIL, Kind.SENDER_REFUSED),
        ("551 try <bob@example.org>", Stage.RCPT, Kind.NO_SUCH_USER),
        ("552 no", Stage.RCPT, Kind.FULL),
        ("552 no", Stage.CONTENT, Kind.TOO_BIG),
        ("552 5.7.0 no", Stage.RCPT, Kind.POLICY),
        ("450 4.2.1 no", Stage.RCPT, Kind.UNAVAILABLE),
        ("550 5.4.1 no", Stage.RCPT, Kind.POLICY),
        ("550 5.7.9 no", Stage.CONTENT, Kind.POLICY),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", Stage.RCPT, Kind.UNAVAILABLE),
        ("503 5.5.0 no", Stage.RCPT, Kind.PROTOCOL),
        ("553 sorry, that is in my list (#5.7.1)", Stage.RCPT, Kind.POLICY),
        ("554 no, says Exim 4.4.6 at 192.4.4.6", Stage.RCPT, Kind.POLICY),
        ("553 no", Stage.RCPT, Kind.BAD_ADDRESS),
        ("553 no", Stage.MAIL, Kind.SENDER_REFUSED),
        ("554 no", Stage.GREETING, Kind.REPUTATION),
        ("554 no", Stage.CONTENT, Kind.POLICY),
        ("599 no", Stage.CONTENT, Kind.UNCLEAR),
        ("454 4.7.0 TLS not available", Stage.STARTTLS, Kind.TLS_FAILED),
        ("535 5.7.8 no such user", Stage.AUTH, Kind.LOGIN_REFUSED),
    ],
)
def test_reply_codes_and_stages(reply: str, stage: Stage, kind: Kind) -> None:
    assert kind_of(refused(reply, stage, "")) is kind


@pytest.mark.parametrize(
    ("stage", "status", "kind"),
    [
        (Stage.DNS, "4.4.3", Kind.DNS_TROUBLE),
        (Stage.DNS, "4.0.0", Kind.DNS_TROUBLE),
        (Stage.DNS, "5.1.2", Kind.NO_SUCH_DOMAIN),
        (Stage.DNS, "5.1.10", Kind.TAKES_NO_MAIL),
        (Stage.DNS, "5.4.4", Kind.NO_ROUTE),
        (Stage.POLICY, "5.7.30", Kind.TLS_POLICY),
        (Stage.POLICY, "4.7.5", Kind.TLS_POLICY),
        (Stage.CONNECT, "4.4.1", Kind.NO_ANSWER),
        (Stage.CONNECT, "", Kind.NO_ANSWER),
        (Stage.GREETING, "4.4.2", Kind.BROKEN_CONNECTION),
        (Stage.EHLO, "4.4.2", Kind.BROKEN_CONNECTION),
        (Stage.STARTTLS, "4.7.5", Kind.TLS_FAILED),
        (Stage.RCPT, "", Kind.BROKEN_CONNECTION),
        (Stage.CONTENT, "4.4.2", Kind.MAYBE_ARRIVED),
    ],
)
def test_without_a_reply(stage: Stage, status: str, kind: Kind) -> None:
    assert kind_of(Attempt(Result.DEFERRED, status, "connection timed out", stage)) is kind


def test_good_news() -> None:
    assert kind_of(Attempt(Result.DELIVERED, "2.0.0", "250 OK", Stage.CONTENT, "mx.example.net")) is Kind.RELAYED
    assert kind_of(Attempt(Result.DELIVERED, "2.0.0", "", Stage.CONTENT)) is Kind.DELIVERED


def test_whether_trying_again_helps() -> None:
    later = refused("450 4.1.1 no")
    assert explain(later).again is Again.ITSELF
    assert explain(later, given_up=True).again is Again.LATER
    never = refused("550 5.1.1 no")
    assert explain(never).again is explain(never, given_up=True).again is Again.NO
    good = Attempt(Result.DELIVERED, "2.0.0", "250 OK", Stage.CONTENT)
    assert explain(good).again is Again.NEEDLESS


def test_every_kind_is_explained_in_one_sentence_and_in_french() -> None:
    assert list(EXPLANATIONS) == list(Kind)
    for explanation in EXPLANATIONS.values():
        english = (explanation.happened, explanation.advice, explanation.again.value)
        assert explanation.in_language("en") == english
        french = explanation.in_language("fr")
        assert all(theirs and theirs != ours for theirs, ours in zip(french, english, strict=True)), explanation.kind
        for happened in (explanation.happened, french[0]):
            assert re.fullmatch(r"[^.]+\.", happened)


@given(st.text(max_size=300), st.sampled_from(Stage), st.sampled_from(Result), st.text(max_size=12))
def test_anything_is_explained(reply: str, stage: Stage, result: Result, status: str) -> None:
    for text in (reply, "550 " + reply, "4" + reply):
        assert explain(Attempt(result, status, text, stage)).happened
        assert is_reply("550 " + reply)


def test_the_end_of_a_long_reply_is_not_read() -> None:
    start = "550 5.1.1 "
    assert kind_of(refused(start + "x" * (REPLY_CHARACTERS - len(start) - 10) + " greylist")) is Kind.GREYLISTED
    assert kind_of(refused(start + "x" * (REPLY_CHARACTERS - len(start)) + " greylist")) is Kind.NO_SUCH_USER
