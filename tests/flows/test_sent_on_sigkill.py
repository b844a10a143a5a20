"""SIGKILL while posts to a list and mail that is sent on come in: what was acknowledged reaches everyone.

At least once; a message to another server at most once more for each crash, since the answer of the other side may be
lost with us (RFC 5321 §6.1).  Mailboxes here get it exactly once.
"""

from __future__ import annotations

import json
import signal
import smtplib
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tests.flows.lab import inbox, names, until
from tests.trial import Trial, courriel, free_base_port, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = "far.test. MX 10 mx.far.test.\nmx.far.test. A 127.0.0.1\n"
KILLS = 4
CLIENTS = 4
ANSWERED_BEFORE_THE_END = 12
LIST, FORWARDER = "dev@courriel.test", "bob@courriel.test"


def _submit(server: Trial, to: str, numbers: Iterator[int], answered: list[str]) -> None:
    """One client as alice, until the server is gone."""
    with suppress(smtplib.SMTPException, OSError), smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        client.login("alice@courriel.test", "secret")
        for number in numbers:
            subject = f"{to.partition('@')[0]}-{number}"
            message = f"From: alice@courriel.test\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhello\r\n"
            client.sendmail("alice@courriel.test", [to], message)
            answered.append(subject)


def _submit_and_kill(server: Trial, numbers: Iterator[int]) -> list[str]:
    """The subjects of what was acknowledged."""
    answered: list[str] = []
    with ThreadPoolExecutor(CLIENTS) as clients:
        for client in range(CLIENTS):
            clients.submit(_submit, server, (LIST, FORWARDER)[client % 2], numbers, answered)
        until(lambda: len(answered) >= ANSWERED_BEFORE_THE_END)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    return answered


def _copies(server: Trial, login: str) -> Counter[str]:
    found = [one.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0] for one in inbox(server, login)]
    return Counter(subject.decode() for subject in found)


def _prepare(server: Trial) -> None:
    for words in (
        ("list", "add", LIST, "--owner", "alice@courriel.test"),
        ("list", "add-member", LIST, "alice@courriel.test", "b@far.test", "c@far.test"),
        ("user", "forward", FORWARDER, "--to", "b@far.test"),
    ):
        done = courriel(*words, data=server.data)
        assert done.returncode == 0, done.stderr


def test_what_was_acknowledged_reaches_every_member_and_whoever_it_is_sent_on_to(tmp_path: Path) -> None:
    numbers, answered = count(), list[str]()
    with names(ZONE) as zone, running(tmp_path / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        for login in ("b@far.test", "c@far.test"):
            courriel("user", "add", login, "--password-stdin", data=far.data, stdin="secret\n")
        words = ["--set", f"relay.port={far.port('smtp')}", "--set", f"dns.servers={zone.address}"]
        base = free_base_port()  # after the other server has taken its ports
        for life in range(KILLS):
            with running(tmp_path / "near", *words, base_port=base) as near:
                if not life:
                    _prepare(near)
                answered += _submit_and_kill(near, numbers)
        with running(tmp_path / "near", *words, base_port=base) as near:
            courriel("queue", "retry", "--all", data=near.data)
            until(lambda: json.loads(courriel("queue", "list", "--json", data=near.data).stdout) == [], 40.0)
            alice, bob = _copies(near, "alice@courriel.test"), _copies(near, FORWARDER)
        b, c = _copies(far, "b@far.test"), _copies(far, "c@far.test")
    posts = {subject for subject in answered if subject.startswith("dev")}
    sent_on = set(answered) - posts
    assert posts and sent_on
    for who, here, wanted in (("alice", alice, posts), ("bob", bob, sent_on)):
        assert wanted <= set(here), f"acknowledged, and not with {who}: {wanted - set(here)}"
        assert max(here.values()) == 1, f"twice with {who}: {here.most_common(3)}"
    for who, there, wanted in (("b", b, set(answered)), ("c", c, posts)):
        assert wanted <= set(there), f"acknowledged, and not with {who}: {wanted - set(there)}"
        assert max(there.values()) <= 1 + KILLS, f"too often with {who}: {there.most_common(3)}"
