"""Kill a whole server while people send by SMTP and work by IMAP; after each restart all that was answered is there.

The clients are Python's own smtplib and imaplib; what is expected is known from their answers alone.
"""

from __future__ import annotations

import imaplib
import json
import os
import random
import re
import select
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.trial import free_base_port

pytestmark = [pytest.mark.crash, pytest.mark.slow]

KILLS = max(6, int(os.environ.get("CRASH_POINTS", "240")) // 40)
START_S = 30.0
PEOPLE = ("alice", "bob")
DOMAIN = "courriel.test"
SECRET = "a secret of tests"
LOST = (OSError, EOFError, smtplib.SMTPException, imaplib.IMAP4.abort)


@dataclass
class Answers:
    """What clients were told, over all lives of the server."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    sent: set[str] = field(default_factory=set)
    """Tokens whose final dot was answered 250: each is in both people's INBOX."""
    begun: set[str] = field(default_factory=set)
    kept: dict[str, set[tuple[str, bool]]] = field(default_factory=dict)
    """Token of an APPEND by alice → where it may be, and whether it must be \\Flagged there."""
    uidvalidity: dict[str, int] = field(default_factory=dict)
    highest_uid: dict[str, int] = field(default_factory=dict)
    at_work: threading.Event = field(default_factory=threading.Event)
    faults: list[str] = field(default_factory=list)
    """What clients met that is not a broken connection."""


class Server:
    """One life of ``courriel try``."""

    def __init__(self, data: Path, base_port: int) -> None:
        people = [word for name in PEOPLE for word in ("--person", f"{name}:{SECRET}")]
        command = [str(Path(sys.executable).parent / "courriel"), "try", "--json", "--data", str(data)]
        command += ["--base-port", str(base_port), *people]
        self._log = (data / "stderr.txt").open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log)
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if ready else b""
        if not line.startswith(b"{"):
            self.kill()
            pytest.fail(f"no server: {(data / 'stderr.txt').read_text()[-2000:]}")
        self.ports = json.loads(line)["ports"]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


def letter(token: str) -> bytes:
    pad = random.Random(token).choice((100, 3_000, 9_000))
    return b"From: a@example.com\r\nSubject: %b\r\n\r\n%b\r\n" % (
        token.encode(),
        b"x" * 70 + b"\r\n" + b"y" * (pad // 10),
    )


def send(port: int, life: str, answers: Answers, stop: threading.Event) -> None:
    """Messages to both people over one SMTP connection until it breaks."""
    recipients = [f"{name}@{DOMAIN}" for name in PEOPLE]
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        n = 0
        while not stop.is_set():
            n += 1
            token = f"smtp-{life}-{n}"
            with answers.lock:
                answers.begun.add(token)
            client.sendmail("a@example.com", recipients, letter(token))
            with answers.lock:
                answers.sent.add(token)


def work(port: int, life: str, answers: Answers, stop: threading.Event) -> None:
    """Append, flag and move over one IMAP connection until it breaks."""
    with imaplib.IMAP4("127.0.0.1", port, timeout=10) as client:
        client.login(f"alice@{DOMAIN}", SECRET)
        ok(client.select("Archive"))
        answers.at_work.set()
        n = 0
        while not stop.is_set():
            n += 1
            token = f"imap-{life}-{n}"
            may_be = answers.kept.setdefault(token, {("", False), ("Archive", False)})
            reply = ok(client.append("Archive", "", "", letter(token)))
            appended = re.search(rb"APPENDUID (\d+) (\d+)", reply[0])
            assert appended is not None, reply
            uid = int(appended[2])
            may_be.discard(("", False))
            may_be.add(("Archive", True))
            remember(answers, "Archive", uid)
            ok(client.uid("STORE", str(uid), "+FLAGS", "(\\Flagged)"))
            may_be.discard(("Archive", False))
            if n % 2:
                may_be.add(("Trash", True))
                ok(client.uid("MOVE", str(uid), "Trash"))
                may_be.discard(("Archive", True))


def noting(
    job: Callable[[int, str, Answers, threading.Event], None],
    port: int,
    life: str,
    answers: Answers,
    stop: threading.Event,
) -> None:
    """Run ``job`` in its thread; a broken connection is what we are after, anything else is noted."""
    try:
        job(port, life, answers, stop)
    except LOST:
        pass
    except Exception as error:
        answers.faults.append(f"{job.__name__} {life}: {error!r}")


def ok(reply: tuple[str, list[bytes]]) -> list[bytes]:
    assert reply[0] == "OK", reply
    return reply[1]


def remember(answers: Answers, mailbox: str, uid: int) -> None:
    with answers.lock:
        assert uid > answers.highest_uid.get(mailbox, 0), f"{mailbox}: UID {uid} was given again"
        answers.highest_uid[mailbox] = uid


def look(port: int, name: str) -> dict[str, list[tuple[str, bool]]]:
    """Where each token is, read back over IMAP: (mailbox, flagged).  Checks UIDs and octets on the way."""
    found: dict[str, list[tuple[str, bool]]] = {}
    client = imaplib.IMAP4("127.0.0.1", port, timeout=30)
    client.login(f"{name}@{DOMAIN}", SECRET)
    for mailbox in ("INBOX", "Archive", "Trash"):
        count = int(ok(client.select(mailbox, readonly=True))[0])
        if not count:
            continue
        for part in ok(client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")):
            if isinstance(part, tuple):
                token = re.search(rb"\r\nSubject: (\S+)\r\n", part[1])
                assert token is not None, part[1][:200]
                assert part[1].endswith(letter(token[1].decode())), f"{token[1]!r}: other octets"
                found.setdefault(token[1].decode(), []).append((mailbox, b"\\Flagged" in part[0]))
    client.logout()
    return found


def uidvalidity(port: int, answers: Answers) -> None:
    client = imaplib.IMAP4("127.0.0.1", port, timeout=30)
    client.login(f"alice@{DOMAIN}", SECRET)
    for mailbox in ("INBOX", "Archive", "Trash"):
        status = ok(client.status(mailbox, "(UIDVALIDITY UIDNEXT MESSAGES)"))[0]
        given = re.search(rb"UIDVALIDITY (\d+)", status)
        assert given is not None, status
        assert answers.uidvalidity.setdefault(mailbox, int(given[1])) == int(given[1]), f"{mailbox}: new UIDVALIDITY"
    client.logout()


@pytest.fixture
def data() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="courriel-server-kill-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def judge(port: int, answers: Answers) -> list[str]:
    uidvalidity(port, answers)
    wrong = []
    for name in PEOPLE:
        found = look(port, name)
        wrong += [
            f"{name}: {token} was answered 250, found {found.get(token)}"
            for token in answers.sent
            if [mailbox for mailbox, _ in found.get(token, [])] != ["INBOX"]
        ]
        for token, places in found.items():
            if token.startswith("smtp-") and (token not in answers.begun or len(places) != 1):
                wrong.append(f"{name}: {token} found {places}")
        if name == "alice":
            for token, may_be in answers.kept.items():
                places = found.get(token, [("", False)])
                if len(places) != 1 or places[0] not in may_be:
                    wrong.append(f"{token} found {places}, may be {may_be}")
    return wrong


def test_a_killed_server_keeps_what_it_answered(data: Path) -> None:
    answers, chance = Answers(), random.Random(4)
    base_port = free_base_port()
    for life in range(KILLS + 1):
        server = Server(data, base_port)
        try:
            wrong = judge(server.ports["imap"], answers)
            assert not wrong, f"after kill {life}: {len(wrong)} faults\n" + "\n".join(wrong[:20])
            if life == KILLS:
                break
            stop = threading.Event()
            jobs = [
                threading.Thread(target=noting, args=(send, server.ports["smtp"], f"{life}-{n}", answers, stop))
                for n in range(3)
            ] + [threading.Thread(target=noting, args=(work, server.ports["imap"], str(life), answers, stop))]
            for job in jobs:
                job.start()
            assert answers.at_work.wait(START_S)
            answers.at_work.clear()
            time.sleep(chance.uniform(0.2, 0.8))
        finally:
            server.kill()
        stop.set()
        for job in jobs:
            job.join(timeout=20)
            assert not job.is_alive()
        assert not answers.faults, answers.faults
    assert len(answers.sent) > 20 * KILLS and len(answers.kept) > 4 * KILLS, "too little was done to prove anything"
