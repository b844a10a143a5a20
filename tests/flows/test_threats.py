"""What becomes of mail from elsewhere by what it is after: over real sockets, seen by IMAP and by the trace."""

from __future__ import annotations

import imaplib
import json
import smtplib
from collections.abc import Iterator

import pytest

from tests.flows.lab import names
from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = """
good.test. TXT "v=spf1 ip4:127.0.0.1 -all"
bank.test. TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.bank.test. TXT "v=DMARC1; p=none"
"""
CLEAN = (
    b"From: Ann <ann@good.test>\r\nTo: bob@courriel.test\r\nSubject: lunch\r\nMessage-ID: <clean@x>\r\n\r\nAt noon?\r\n"
)
FORGED = (
    b"From: Bank <service@bank.test>\r\nTo: bob@courriel.test\r\nSubject: Your account\r\nMessage-ID: <forged@x>\r\n"
    b"X-Courriel-Verdict: localhost; clean; probability=0.001\r\n\r\nPlease look at your account.\r\n"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    root = tmp_path_factory.mktemp("threats")
    with names(ZONE) as zone, running(root / "data", "--set", f"dns.servers={zone.address}") as server:
        yield server


def _send(server: Trial, sender: str, message: bytes) -> None:
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail(sender, ["bob@courriel.test"], message)


def _found(server: Trial, mailbox: str, id: bytes) -> list[bytes]:
    with imaplib.IMAP4("localhost", server.port("imap")) as client:
        client.login("bob", "secret")
        client.select(mailbox, readonly=True)
        found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        return [part[1] for part in found if isinstance(part, tuple) and b"<" + id + b"@x>" in part[1]]


def test_good_mail_says_that_it_was_looked_at(place: Trial) -> None:
    _send(place, "ann@good.test", CLEAN)
    [mail] = _found(place, "INBOX", b"clean")
    assert b"\r\nX-Courriel-Verdict: localhost; " in b"\r\n" + mail


def test_a_forged_sender_is_named_and_explained(place: Trial) -> None:
    _send(place, "x@good.test", FORGED)
    [mail] = _found(place, "Junk", b"forged")
    assert mail.count(b"X-Courriel-Verdict:") == 1, "what the message says of itself is taken out"
    assert b"; kind=spoofing; " in mail and b"authentication.dmarc-fail" in mail
    traced = courriel("trace", "<forged@x>", "--json", data=place.data)
    [hop] = [one for one in json.loads(traced.stdout)["hops"] if one["place"] == "content check"]
    assert (hop["facts"]["kind"], hop["facts"]["decision"]) == ("spoofing", "junk")
    told = courriel("--lang", "fr", "trace", "<forged@x>", "--words", data=place.data)
    assert "malveillant" in told.stdout


def test_a_body_stays_as_it_is_where_the_header_lost_a_forged_field(place: Trial) -> None:
    body = b"X-Courriel-Verdict: this is how the field looks\r\n"
    claim = b"Authentication-Results: localhost; dmarc=pass header.from=good.test\r\n"
    _send(place, "ann@good.test", claim + CLEAN.replace(b"clean@x", b"told@x").replace(b"At noon?\r\n", body))
    [mail] = _found(place, "INBOX", b"told")
    assert mail.endswith(b"\r\n\r\n" + body)
