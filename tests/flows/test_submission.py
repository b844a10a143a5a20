"""What people of the house may ask for and how much they may send, over real sockets and two real servers."""

from __future__ import annotations

import json
import smtplib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.flows.lab import inbox, names, send, until
from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = """
far.test. MX 10 mx.far.test.
mx.far.test. A 127.0.0.1
dead.test. MX 10 mx.dead.test.
mx.dead.test. A 127.0.0.9
"""
MESSAGE = b"From: Alice <alice@courriel.test>\r\nTo: b@far.test\r\nSubject: %b\r\n\r\nhello\r\n"
HELD_S = 3


@dataclass
class Lab:
    near: Trial
    far: Trial

    def rows(self, *words: str) -> Any:
        done = courriel(*words, "--json", data=self.near.data)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("submission")
    with names(ZONE) as zone, running(root / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        added = courriel("user", "add", "b@far.test", "--password-stdin", data=far.data, stdin="secret\n")
        assert added.returncode == 0, added.stderr
        settings = [
            f"relay.port={far.port('smtp')}", f"dns.servers={zone.address}", "hijack.spread=12",
            "hijack.rate_floor_new=4", "wishes.shortest_deadline_s=120",
        ]  # fmt: skip
        with running(root / "near", *(word for one in settings for word in ("--set", one))) as near:
            yield Lab(near, far)


def _has(server: Trial, login: str, word: bytes) -> bool:
    return any(word in one for one in inbox(server, login))


def test_mail_leaves_when_its_sender_wants_it_to(lab: Lab) -> None:
    """HOLDFOR: for the mailbox here and for the server far away; until then the queue says why."""
    began = time.time()
    send(lab.near, ["bob@courriel.test", "b@far.test"], MESSAGE % b"later", (f"HOLDFOR={HELD_S}",))
    [row] = lab.rows("queue", "list")
    assert row["leaves_at"] and row["state"] == "waiting"
    shown = courriel("queue", "explain", row["id"], data=lab.near.data)
    assert "wants it to leave at" in shown.stdout
    assert not _has(lab.near, "bob@courriel.test", b"later") and not _has(lab.far, "b@far.test", b"later")
    until(lambda: _has(lab.near, "bob@courriel.test", b"later") and _has(lab.far, "b@far.test", b"later"))
    assert time.time() - began >= HELD_S - 1
    until(lambda: lab.rows("queue", "list") == [])


@pytest.mark.parametrize("door", ["smtp", "submission"])
def test_require_tls_is_offered_over_tls_only(lab: Lab, door: str) -> None:
    with smtplib.SMTP("localhost", lab.near.port(door)) as client:
        client.ehlo()
        assert not client.has_extn("requiretls") and client.has_extn("deliverby") == (door == "submission")
        client.starttls(context=ssl.create_default_context(cafile=str(lab.near.ca)))
        client.ehlo()
        assert client.has_extn("requiretls")
        assert client.esmtp_features.get("deliverby") == ("120" if door == "submission" else None)


def test_tls_all_the_way_or_not_at_all(lab: Lab) -> None:
    """REQUIRETLS: a server that proves nothing does not get it, and the report has no text of it."""
    send(lab.near, ["b@far.test"], MESSAGE % b"secret" + b"password: x\r\n", ("REQUIRETLS",))
    until(lambda: _has(lab.near, "alice@courriel.test", b"5.7.30"))
    [report] = [one for one in inbox(lab.near, "alice@courriel.test") if b"5.7.30" in one]
    assert b"Subject: secret" in report and b"password: x" not in report


def test_what_must_be_there_in_time_comes_back_when_nobody_promises_that(lab: Lab) -> None:
    """DELIVERBY, mode R: the other server (port 25) does not offer it."""
    send(lab.near, ["b@far.test"], MESSAGE % b"urgent", ("BY=600;R", "MT-PRIORITY=4"))
    until(lambda: _has(lab.near, "alice@courriel.test", b"5.4.7"))
    send(lab.near, ["b@far.test"], MESSAGE % b"less urgent", ("BY=600;N", "MT-PRIORITY=-1"))
    until(lambda: _has(lab.far, "b@far.test", b"less urgent"))


def test_an_account_sends_as_much_as_it_may(lab: Lab) -> None:
    limits = lab.rows("user", "limits", "alice@courriel.test", "--messages-per-hour", "1")
    assert limits == {"login": "alice@courriel.test", "messages_per_hour": 1, "recipients_per_day": 2_000}
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        send(lab.near, ["bob@courriel.test"], MESSAGE % b"one too many")
    assert refused.value.smtp_code == 450 and b"4.7.1" in refused.value.smtp_error
    assert b"come again after 20" in refused.value.smtp_error
    lab.rows("user", "limits", "alice@courriel.test", "--messages-per-hour", "0")
    send(lab.near, ["bob@courriel.test"], MESSAGE % b"again")


def test_an_account_sends_as_somebody_else_once_it_was_granted(lab: Lab) -> None:
    message = (MESSAGE % b"as club").replace(b"alice@", b"club@")
    with pytest.raises(smtplib.SMTPDataError):
        send(lab.near, ["bob@courriel.test"], message)
    answer = lab.rows("user", "send-as", "alice@courriel.test", "--grant", "Club@Courriel.test")
    assert answer["granted"] == ["club@courriel.test"]
    send(lab.near, ["bob@courriel.test"], message)
    assert lab.rows("user", "send-as", "alice@courriel.test", "--revoke", "club@courriel.test")["granted"] == []


def test_a_stolen_account_is_held_and_let_go(lab: Lab) -> None:
    """Thresholds are low here; the flood goes to a destination that does not answer."""
    for n in range(22):
        send(lab.near, [f"p{n}@dead.test"], MESSAGE % b"flood")
        if any(row["held"] for row in lab.rows("user", "list")):
            break
    assert {row["login"]: row["held"] for row in lab.rows("user", "list")}["alice@courriel.test"] == "rate spread"
    assert {row["state"] for row in lab.rows("queue", "list", "--to", "dead.test")} == {"held"}
    assert _has(lab.near, "alice@courriel.test", b"Subject: Mail sent by alice@courriel.test is held")
    send(lab.near, ["bob@courriel.test"], MESSAGE % b"taken and kept")
    assert not _has(lab.near, "bob@courriel.test", b"taken and kept")
    flood = len(lab.rows("queue", "list", "--to", "dead.test"))
    courriel("queue", "delete", "--to", "dead.test", data=lab.near.data)
    released = lab.rows("user", "release", "alice@courriel.test")
    assert released == {"login": "alice@courriel.test", "was_held": "rate spread", "messages": 1} and flood >= 10
    until(lambda: _has(lab.near, "bob@courriel.test", b"taken and kept"))
    send(lab.near, ["bob@courriel.test"], MESSAGE % b"free again")
    assert _has(lab.near, "bob@courriel.test", b"free again")
