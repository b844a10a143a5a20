"""Postfix and we send each other many messages; each comes as it was sent, below the trace fields."""

from __future__ import annotations

import os
import random
import re
import smtplib
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.flows.lab import inbox, until
from tests.flows.postfix import ABSENT, postfix
from tests.trial import Trial, free_port, running

MESSAGES = int(os.environ.get("EXCHANGE_MESSAGES", "500"))
PATIENCE_S = 60.0 + MESSAGES / 20

TRACE = re.compile(rb"((Return-Path|Received|Delivered-To|X-Original-To): [^\r\n]*\r\n([ \t][^\r\n]*\r\n)*)*")
"""What servers put on top.  RFC 5321 §4.4."""

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.skipif(bool(ABSENT), reason=ABSENT)]


def letter(number: int, sender: str, to: str) -> bytes:
    """Something of every kind: dots, 8 bits, empty lines, longest lines, From at the beginning, no body at all."""
    dice = random.Random(number)
    lines = [
        dice.choice(
            [
                b"." * dice.randint(1, 3) + b"dot",
                b".",
                b"",
                b"From the beginning",
                "été – œuf".encode(),
                dice.randbytes(dice.randint(1, 60)).hex().encode(),
                b"x" * 998,
                b"  trailing \t ",
            ]
        )
        for _ in range(dice.choice([0, 1, 5, 40, 200]))
    ]
    head = (
        f"From: <{sender}>\r\nTo: <{to}>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}@exchange.test>\r\nSubject: exchange\r\n  folded {number}\r\nX-Number: {number}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return head.encode() + b"".join(line + b"\r\n" for line in lines)


def compare(came: Sequence[bytes], sent: Sequence[bytes]) -> None:
    """Each once, octet by octet."""
    wanted = {number_of(one): one for one in sent}
    found: dict[bytes, bytes] = {}
    for one in came:
        below = one[TRACE.match(one).end() :]  # type: ignore[union-attr]
        assert number_of(below) not in found, "one came twice"
        found[number_of(below)] = below
    assert found.keys() == wanted.keys()
    changed = [number for number, one in found.items() if one != wanted[number]]
    assert not changed, f"{len(changed)} are changed, {changed[:5]}"


def number_of(message: bytes) -> bytes:
    return message.partition(b"\r\nX-Number: ")[2].partition(b"\r\n")[0]


def tell(what: str, began: float) -> None:
    seconds = time.monotonic() - began
    print(f"{MESSAGES} messages {what}: {seconds:.1f} s, {MESSAGES / seconds:.0f}/s")


def send_ours(server: Trial, messages: Sequence[bytes]) -> None:
    with smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        client.login("alice@courriel.test", "secret")
        for one in messages:
            client.sendmail("alice@courriel.test", ["box@pf.test"], one, ["BODY=8BITMIME"])


def send_theirs(port: int, messages: Sequence[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for one in messages:
            client.sendmail("sender@pf.test", ["bob@courriel.test"], one, ["BODY=8BITMIME"])


def test_many_messages_both_ways(tmp_path: Path) -> None:
    port = free_port()
    ours = [letter(n, "alice@courriel.test", "box@pf.test") for n in range(MESSAGES)]
    theirs = [letter(n, "sender@pf.test", "bob@courriel.test") for n in range(MESSAGES, 2 * MESSAGES)]
    with (
        running(
            tmp_path / "near",
            "--set",
            f"relay.smart_host=127.0.0.1:{port}",
            "--set",
            "submission.messages_per_hour=0",
            "--set",
            "submission.recipients_per_day=0",
            "--set",
            "submission.watch=false",
        ) as server,
        postfix(port, server.port("smtp")) as peer,
    ):
        began = time.monotonic()
        send_ours(server, ours)
        until(lambda: peer.count() >= MESSAGES, PATIENCE_S)
        tell("to Postfix", began)
        compare([one.replace(b"\n", b"\r\n") for one in peer.mails()], ours)
        began = time.monotonic()
        send_theirs(port, theirs)
        until(lambda: exists(server) >= MESSAGES, PATIENCE_S)
        tell("from Postfix", began)
        compare(inbox(server, "bob@courriel.test"), theirs)


def exists(server: Trial) -> int:
    import imaplib

    client = imaplib.IMAP4("localhost", server.port("imap"))
    try:
        client.login("bob@courriel.test", "secret")
        return int(client.select("INBOX", readonly=True)[1][0] or b"0")
    finally:
        client.shutdown()
