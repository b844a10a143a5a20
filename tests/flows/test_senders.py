"""Who sent it, over real sockets, processes and DNS: the trial judges once it is told whom to ask."""

from __future__ import annotations

import imaplib
import json
import smtplib
import subprocess
from collections.abc import Iterator

import pytest

from tests.flows.lab import Names, inbox, names
from tests.trial import Trial, command, running

ZONE = """
good.test. TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.good.test. TXT "v=DMARC1; p=reject"
other.test. TXT "v=spf1 ip4:127.0.0.1 -all"
bank.test. TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.bank.test. TXT "v=DMARC1; p=reject"
1.0.0.127.in-addr.arpa. PTR good.test.
good.test. A 127.0.0.1
"""
MESSAGE = b"From: a@%b\r\nMessage-ID: <%b@x>\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trial, Names]]:
    root = tmp_path_factory.mktemp("senders")
    with names(ZONE) as zone:
        words = ["--set", f"dns.servers={zone.address}", "--set", "auth.reject=true"]
        with running(root / "data", *words, "--set", "relay.hold=true") as server:
            yield server, zone


def send(server: Trial, sender: str, author: bytes, id: bytes) -> None:
    with smtplib.SMTP("localhost", server.port("smtp"), local_hostname="good.test") as client:
        client.sendmail(sender, ["bob@courriel.test"], MESSAGE % (author, id))


def test_the_way_of_a_proven_message(place: tuple[Trial, Names]) -> None:
    server, _ = place
    send(server, "a@good.test", b"good.test", b"proven")
    [message] = [one for one in inbox(server, "bob") if b"<proven@x>" in one]
    assert b"spf=pass smtp.mailfrom=a@good.test" in message and b"dmarc=pass (p=reject)" in message
    done = subprocess.run(
        command("trace", "<proven@x>", "--data", str(server.data), "--json"), capture_output=True, check=True
    )
    [hop] = [one for one in json.loads(done.stdout)["hops"] if one["place"] == "sender check"]
    assert hop["facts"]["dmarc"] == "pass" and hop["facts"]["decision"] == "accept"
    told = subprocess.run(
        command("--lang", "fr", "trace", "<proven@x>", "--data", str(server.data), "--words"),
        capture_output=True,
        check=True,
    )
    assert "Se dit de good.test : SPF pass, DKIM none, DMARC pass ; accepté." in told.stdout.decode()


def test_a_stolen_name_is_refused(place: tuple[Trial, Names]) -> None:
    server, _ = place
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(server, "a@other.test", b"bank.test", b"stolen")
    assert refused.value.smtp_code == 550 and b"DMARC: bank.test wants mail refused" in refused.value.smtp_error


def test_a_dns_that_is_silent_refuses_nobody(place: tuple[Trial, Names]) -> None:
    server, zone = place
    zone.silent |= {"silent.test", "_dmarc.silent.test"}
    send(server, "a@silent.test", b"silent.test", b"silent")
    [message] = [one for one in inbox(server, "bob") if b"<silent@x>" in one]
    assert b"spf=temperror" in message and b"dmarc=temperror" in message
    client = imaplib.IMAP4("localhost", server.port("imap"))
    client.login("bob", "secret")
    assert client.select("Junk", readonly=True)[1] == [b"0"]
    client.shutdown()
