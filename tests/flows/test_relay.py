"""Mail from server to server: over the DNS, by TLS, with bounces and waiting; two real servers and Postfix's sink."""

from __future__ import annotations

import imaplib
import json
import re
import shutil
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.lab import Names, inbox, names, send, until
from tests.trial import Trial, courriel, free_base_port, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = """
far.test. MX 10 mx.far.test.
mx.far.test. A 127.0.0.1
two.test. MX 10 dead.two.test.
two.test. MX 20 mx.far.test.
dead.two.test. A 127.0.0.9
nomail.test. MX 0 .
plain.test. A 127.0.0.1
loop.test. MX 10 localhost.
slow.test. MX 10 mx.slow.test.
mx.slow.test. A 127.0.0.9
"""
MESSAGE = b"From: Alice <alice@courriel.test>\r\nTo: b@far.test\r\nSubject: %b\r\n\r\nhello\r\n.dot\r\n"


@dataclass
class Lab:
    near: Trial
    far: Trial
    zone: Names

    def queue(self, *words: str) -> list[dict[str, Any]]:
        done = courriel("queue", "list", *words, "--json", data=self.near.data)
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def bounces(self, word: bytes) -> list[bytes]:
        return [one for one in inbox(self.near, "alice@courriel.test") if word in one]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    with names(ZONE) as zone, running(root / "far") as far:
        for domain in ("far.test", "two.test", "plain.test"):
            assert courriel("domain", "add", domain, data=far.data).returncode == 0
            added = courriel("user", "add", f"b@{domain}", "--password-stdin", data=far.data, stdin="secret\n")
            assert added.returncode == 0, added.stderr
        relay = [f"relay.port={far.port('smtp')}", f"dns.servers={zone.address}"]
        with running(root / "near", *(word for one in relay for word in ("--set", one))) as near:
            yield Lab(near, far, zone)


@pytest.mark.parametrize("domain", ["far.test", "two.test", "plain.test"])
def test_a_message_travels_by_tls_and_arrives_as_it_was(lab: Lab, domain: str) -> None:
    """By MX, past a dead MX, and by the address alone."""
    send(lab.near, [f"b@{domain}"], MESSAGE % b"travels")
    until(lambda: bool(inbox(lab.far, f"b@{domain}")))
    [mail] = inbox(lab.far, f"b@{domain}")
    assert mail.startswith(b"Return-Path: <alice@courriel.test>\r\n") and b"with ESMTPS (TLSv1.3" in mail
    assert mail.endswith(b"Subject: travels\r\n\r\nhello\r\n.dot\r\n")
    assert lab.queue("--to", domain) == []


def test_one_recipient_of_two_is_unknown(lab: Lab) -> None:
    before = len(inbox(lab.far, "b@far.test"))
    send(lab.near, ["b@far.test", "nobody@far.test"], MESSAGE % b"for two")
    until(lambda: bool(lab.bounces(b"nobody@far.test")))
    [bounce] = lab.bounces(b"nobody@far.test")
    assert b"Action: failed\r\n" in bounce and b"Status: 5.1.1\r\n" in bounce and b"b@far.test\r\n    " not in bounce
    assert b"multipart/report" in bounce and bounce.startswith(b"Return-Path: <>\r\n")
    assert len(inbox(lab.far, "b@far.test")) == before + 1 and lab.queue() == []


@pytest.mark.parametrize(
    ("domain", "status"), [("nomail.test", b"5.1.10"), ("gone.test", b"5.1.2"), ("loop.test", b"5.4.6")]
)
def test_what_can_never_arrive_comes_back_at_once(lab: Lab, domain: str, status: bytes) -> None:
    send(lab.near, [f"x@{domain}"], MESSAGE % b"never")
    until(lambda: bool(lab.bounces(f"x@{domain}".encode())))
    [bounce] = lab.bounces(f"x@{domain}".encode())
    assert b"Status: %b\r\n" % status in bounce


def test_without_the_dns_mail_waits_and_says_why(lab: Lab) -> None:
    lab.zone.silent.add("slow.test")
    send(lab.near, ["x@slow.test"], MESSAGE % b"waits")
    until(lambda: lab.queue("--to", "slow.test")[0]["tries"] == 1)
    [row] = lab.queue("--to", "slow.test")
    assert row["state"] == "waiting" and "MX of slow.test" in row["reason"] and row["next_at"]
    explained = courriel("--lang", "fr", "queue", "explain", row["id"], data=lab.near.data)
    assert explained.returncode == 0, explained.stderr
    assert "x@slow.test" in explained.stdout and "Prochain essai : 20" in explained.stdout
    lab.zone.silent.clear()

    def refused_now() -> bool:
        """Failures of the DNS are remembered for some seconds, so one order may not be enough."""
        assert courriel("queue", "retry", "--to", "slow.test", data=lab.near.data).returncode == 0
        reason: str = lab.queue("--to", "slow.test")[0]["reason"]
        return reason.startswith("mx.slow.test: ") and "refused" in reason

    until(refused_now)
    assert courriel("queue", "delete", "--to", "slow.test", data=lab.near.data).returncode == 0


def test_success_is_reported_when_it_is_asked_for(lab: Lab) -> None:
    """The other side knows DSN, so the report comes from there, or says that it was passed on: never none."""
    send(lab.near, ["b@far.test"], MESSAGE % b"asks", ("ENVID=QQ314159",), ("NOTIFY=SUCCESS",))
    until(lambda: lab.queue() == [])


def test_a_server_that_dies_delivers_after_it_is_back(tmp_path: Path) -> None:
    """SIGKILL between the 250 and the other side's: nothing lost, nothing twice that was not under way."""
    with names("far.test. MX 10 mx.far.test.\nmx.far.test. A 127.0.0.1\n") as zone, running(tmp_path / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        courriel("user", "add", "b@far.test", "--password-stdin", data=far.data, stdin="secret\n")
        words = ["--set", f"relay.port={far.port('smtp')}", "--set", f"dns.servers={zone.address}"]
        acknowledged, kills, base = 0, 6, free_base_port()  # after the other server has taken its ports
        for life in range(kills + 1):
            with running(tmp_path / "near", *words, base_port=base) as near:
                if life < kills:
                    for n in range(8):
                        send(near, ["b@far.test"], MESSAGE % b"life %d number %d" % (life, n))
                        acknowledged += 1
                    near.process.send_signal(signal.SIGKILL)
                    near.process.wait()
                else:
                    courriel("queue", "retry", "--all", data=near.data)
                    until(lambda: json.loads(courriel("queue", "list", "--json", data=near.data).stdout) == [], 40.0)
        arrived = inbox(far, "b@far.test")
        subjects = [one.partition(b"Subject: ")[2].partition(b"\r\n")[0] for one in arrived]
        assert len(set(subjects)) == acknowledged, "acknowledged and lost"
        assert len(subjects) <= acknowledged + kills * 8, "more than one duplicate a crash and recipient"


@pytest.mark.skipif(shutil.which("smtp-sink") is None, reason="smtp-sink (Debian package postfix) is not here")
def test_many_messages_to_a_sink(tmp_path: Path) -> None:
    base = free_base_port()
    sink = subprocess.Popen(["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{base}", "256"], stdout=subprocess.DEVNULL)
    try:
        with running(tmp_path / "near", "--set", f"relay.smart_host=127.0.0.1:{base}") as near:
            for n in range(100):
                send(near, [f"u{n}@d{n % 7}.test"], MESSAGE % b"many")
            until(lambda: json.loads(courriel("queue", "list", "--json", data=near.data).stdout) == [])
    finally:
        sink.kill()
        sink.wait()


def test_a_printer_sends_without_a_login(lab: Lab, tmp_path: Path) -> None:
    data = tmp_path / "house"
    added = courriel("device", "add", "printer-2", "--network", "127.0.0.0/8", "--sender", "nobody@x.test", data=data)
    assert added.returncode == 1 and "domain" in added.stderr  # a domain of somebody else
    port = free_base_port()
    words = [f"listen.devices={port}", f"relay.port={lab.far.port('smtp')}", f"dns.servers={lab.zone.address}"]
    with running(data, *(word for one in words for word in ("--set", one))) as house:
        with smtplib.SMTP("127.0.0.1", port) as printer, pytest.raises(smtplib.SMTPSenderRefused) as refused:
            printer.sendmail("root@localhost", ["b@far.test"], b"Subject: scan\r\n\r\nbody\r\n")
        assert refused.value.smtp_code == 550
        added = courriel("device", "add", "printer-2", "--network", "127.0.0.0/8", data=house.data)
        assert f"Port: {port}" in added.stdout and "printer-2@courriel.test" in added.stdout, added.stderr
        before = len(inbox(lab.far, "b@far.test"))
        with smtplib.SMTP("127.0.0.1", port) as printer:
            printer.sendmail("root@localhost", ["b@far.test"], b"Subject: scan\r\n\r\nbody\r\n")
        until(lambda: len(inbox(lab.far, "b@far.test")) == before + 1)
        mail = inbox(lab.far, "b@far.test")[-1]
        assert b"From: printer-2 <printer-2@courriel.test>\r\n" in mail and b"\r\nDate: " in mail
        assert "printer-2" in courriel("device", "list", data=house.data).stdout
        assert courriel("device", "remove", "printer-2", data=house.data).returncode == 0


def test_a_scanner_logs_in(lab: Lab, tmp_path: Path) -> None:
    port = free_base_port()
    words = [f"listen.devices={port}", f"relay.port={lab.far.port('smtp')}", f"dns.servers={lab.zone.address}"]
    with running(tmp_path / "house", *(word for one in words for word in ("--set", one))) as house:
        assert courriel("device", "add", "scanner", data=house.data).returncode == 2  # neither network nor login
        taken = courriel("device", "add", "alice", "--login", data=house.data)
        assert taken.returncode == 1 and "taken" in taken.stderr  # one of the people logs in so
        added = courriel("device", "add", "scanner", "--login", "--network", "127.0.0.0/8", data=house.data)
        assert f"{port} if it cannot encrypt" in added.stdout and "User: scanner" in added.stdout, added.stderr
        [first] = re.findall(r"Password: (\w{24})\n", added.stdout)
        changed = courriel("device", "passwd", "scanner", "--json", data=house.data)
        second = json.loads(changed.stdout)["password"]
        before = len(inbox(lab.far, "b@far.test"))
        for door in (port, house.port("submission")):
            with smtplib.SMTP("127.0.0.1", door) as scanner:
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    scanner.login("scanner", first)
                scanner.login("scanner", second)
                scanner.sendmail("root@localhost", ["b@far.test"], b"Subject: scan\r\n\r\nbody\r\n")
        until(lambda: len(inbox(lab.far, "b@far.test")) == before + 2)
        assert b"From: scanner <scanner@courriel.test>\r\n" in inbox(lab.far, "b@far.test")[-1]
        with imaplib.IMAP4("127.0.0.1", house.port("imap")) as client, pytest.raises(imaplib.IMAP4.error):
            client.login("scanner", second)
        shown = courriel("device", "list", data=house.data).stdout
        assert second not in shown and "scanner" in shown
        assert courriel("device", "passwd", "fax", data=house.data).returncode == 1


def test_the_way_of_a_message_can_be_seen(lab: Lab, tmp_path: Path) -> None:
    message = b"Message-ID: <way@courriel.test>\r\n" + MESSAGE % b"way"
    send(lab.near, ["b@far.test", "bob@courriel.test"], message)
    until(lambda: lab.queue() == [])

    def way(*words: str) -> str:
        done = courriel("trace", "way@courriel.test", *words, data=lab.near.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    hops = json.loads(way("--json"))["hops"]
    assert [hop["place"] for hop in hops] == ["MUA", "MSA", "MDA", "queue", "remote MX"]
    assert hops[0]["facts"]["login"] == "alice@courriel.test" and hops[-1]["facts"]["host"] == "mx.far.test"
    assert "mx.far.test took it for b@far.test: 250 2.0.0" in way()
    svg = tmp_path / "way.svg"
    assert "boîte" in courriel("--lang", "fr", "trace", "way@courriel.test", "--words", data=lab.near.data).stdout
    way("--svg", str(svg))
    assert svg.read_text("utf-8").count("<rect") == 5
    arrived = json.loads(courriel("trace", "way@courriel.test", "--json", data=lab.far.data).stdout)["hops"]
    assert [hop["place"] for hop in arrived] == ["MTA", "MX", "MDA"]
    assert courriel("trace", "never@courriel.test", data=lab.near.data).returncode == 1
