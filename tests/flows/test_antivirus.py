"""ClamAV beside a whole server: what becomes of malware, seen by the sender, in the mailboxes, and by ``trace``."""

from __future__ import annotations

import imaplib
import json
import smtplib
import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.lab import inbox
from tests.trial import Trial, command, running

ANSWERS = {b"known malware": b"stream: Win.Test-1 FOUND\0", b"a guess": b"stream: Heuristics.Test FOUND\0"}


class Clamd(socketserver.StreamRequestHandler):
    """Reads INSTREAM as ClamAV's daemon does."""

    def handle(self) -> None:
        assert self.rfile.read(10) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
        self.wfile.write(next((answer for words, answer in ANSWERS.items() if words in content), b"stream: OK\0"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    root: Path = tmp_path_factory.mktemp("antivirus")
    with socketserver.ThreadingUnixStreamServer(str(root / "clamd"), Clamd) as daemon:
        threading.Thread(target=daemon.serve_forever, daemon=True).start()
        with running(root / "data", "--set", f"clamav.address=unix:{root}/clamd") as trial:
            yield trial
        daemon.shutdown()


def send(server: Trial, words: str) -> None:
    message = f"From: a@example.org\r\nMessage-ID: <{words.replace(' ', '-')}@x>\r\nSubject: x\r\n\r\n{words}\r\n"
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail("a@example.org", ["bob@courriel.test"], message)


def test_known_malware_is_refused_by_name(server: Trial) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(server, "known malware")
    assert (refused.value.smtp_code, refused.value.smtp_error) == (550, b"5.7.1 Malware was found: Win.Test-1")
    send(server, "good words")
    [message] = inbox(server, "bob")
    assert b"good words" in message


def test_a_guess_is_among_the_junk_and_the_trace_says_why(server: Trial) -> None:
    send(server, "a guess")
    client = imaplib.IMAP4("localhost", server.port("imap"))
    client.login("bob", "secret")
    assert client.select("Junk", readonly=True)[1] == [b"1"]
    client.shutdown()
    done = subprocess.run(
        command("trace", "<a-guess@x>", "--data", str(server.data), "--json"), capture_output=True, check=True
    )
    [hop] = [one for one in json.loads(done.stdout)["hops"] if one["place"] == "filter"]
    assert hop["facts"] == {"milter": "clamav", "verdict": "quarantined", "reason": "Heuristics.Test"}
