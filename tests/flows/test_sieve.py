"""Scripts between two servers: what is redirected arrives, a bounce finds its sender, the absent answer once."""

from __future__ import annotations

import json
import re
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.lab import inbox, names, until
from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = 'far.test. MX 10 mx.far.test.\nfar.test. TXT "v=spf1 ip4:127.0.0.1 -all"\nmx.far.test. A 127.0.0.1\n'
ZONE += "unproven.test. MX 10 nobody.far.test.\n"
MESSAGE = b"From: %b\r\nTo: %b\r\nSubject: %b\r\n\r\nhello\r\n"

Pair = tuple[Trial, Trial]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Near, with alice and bob of courriel.test; and far, with b@far.test."""
    root = tmp_path_factory.mktemp("sieve")
    with names(ZONE) as zone, running(root / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        courriel("user", "add", "b@far.test", "--password-stdin", data=far.data, stdin="secret\n")
        settings = [f"relay.port={far.port('smtp')}", f"dns.servers={zone.address}"]
        with running(root / "near", *(word for one in settings for word in ("--set", one))) as near:
            yield near, far


def _script(near: Trial, tmp_path: Path, person: str, script: str) -> None:
    file = tmp_path / "rules.sieve"
    file.write_text(script)
    done = courriel("sieve", "put", person, str(file), "--activate", data=near.data)
    assert done.returncode == 0, done.stderr


def _hand_in(near: Trial, sender: str, to: str, subject: bytes) -> None:
    with smtplib.SMTP("localhost", near.port("smtp")) as client:
        client.sendmail(sender, [to], MESSAGE % (sender.encode(), to.encode(), subject))


def _at_far(far: Trial, word: bytes) -> list[bytes]:
    return [one for one in inbox(far, "b@far.test") if word in one]


def test_redirected_mail_arrives_and_its_bounce_finds_the_first_sender(pair: Pair, tmp_path: Path) -> None:
    near, far = pair
    rules = 'require "copy"; if header :contains "subject" "gone" { redirect "nobody@far.test"; }'
    _script(near, tmp_path, "alice", rules + ' else { redirect :copy "b@far.test"; }')
    _hand_in(near, "eve@far.test", "alice@courriel.test", b"redirected")
    until(lambda: bool(_at_far(far, b"Subject: redirected")))
    [mail] = _at_far(far, b"Subject: redirected")
    assert mail.startswith(b"Return-Path: <SRS0=") and b"=far.test=eve@courriel.test>\r\n" in mail
    [copy] = inbox(near, "alice@courriel.test")
    id = re.search(rb"id ([0-9a-f]{26})", copy)
    assert id is not None
    trace = json.loads(courriel("trace", id[1].decode(), "--json", data=near.data).stdout)
    assert "rules" in {hop["place"] for hop in trace["hops"]}
    told = courriel("trace", id[1].decode(), "--words", data=near.data, LANGUAGE="fr").stdout
    assert "Le script de alice@courriel.test veut : redirect b@far.test, keep" in " ".join(told.split())
    _hand_in(near, "b@far.test", "alice@courriel.test", b"gone")
    until(lambda: bool(_at_far(far, b"nobody@far.test")))
    [bounce] = _at_far(far, b"nobody@far.test")
    assert bounce.startswith(b"Return-Path: <>\r\n") and b"Action: failed" in bounce
    assert len(inbox(near, "alice@courriel.test")) == 1


def test_somebody_absent_answers_once(pair: Pair, tmp_path: Path) -> None:
    near, far = pair
    _script(near, tmp_path, "bob", 'require "vacation"; vacation :subject "Away" "Until Monday.";')
    _hand_in(near, "b@unproven.test", "bob@courriel.test", b"in a name that may be stolen")
    for subject in (b"first", b"second"):
        _hand_in(near, "b@far.test", "bob@courriel.test", subject)
    until(lambda: bool(_at_far(far, b"Subject: Away")))
    until(lambda: len(inbox(near, "bob@courriel.test")) == 3)
    [answer] = _at_far(far, b"Subject: Away")
    assert answer.startswith(b"Return-Path: <>\r\n") and b"\r\nAuto-Submitted: auto-replied\r\n" in answer
    assert b"Until Monday." in answer
    assert json.loads(courriel("queue", "list", "--to", "unproven.test", "--json", data=near.data).stdout) == []
