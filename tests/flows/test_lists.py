"""Forwarding and lists between two servers: bounces find their way, members leave, moderators decide."""

from __future__ import annotations

import json
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.flows.lab import inbox, names, send, until
from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = 'far.test. MX 10 mx.far.test.\nfar.test. TXT "v=spf1 ip4:127.0.0.1 -all"\nmx.far.test. A 127.0.0.1\n'
MESSAGE = b"From: %b\r\nTo: x@courriel.test\r\nSubject: %b\r\n\r\nhello\r\n"


@dataclass
class Lab:
    near: Trial
    far: Trial

    def do(self, *words: str) -> Any:
        done = courriel(*words, data=self.near.data)
        assert done.returncode == 0, (words, done.stderr)
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def make_list(self, name: str, *members: str) -> str:
        """A list of the test's own."""
        address = f"{name}@courriel.test"
        self.do("list", "add", address, "--owner", "alice@courriel.test")
        if members:
            self.do("list", "add-member", address, *members)
        return address

    def from_far(self, sender: str, to: str, subject: bytes = b"hello") -> None:
        """As the other server's MX would hand it in."""
        with smtplib.SMTP("localhost", self.near.port("smtp")) as client:
            client.sendmail(sender, [to], MESSAGE % (sender.encode() or b"eve@far.test", subject))

    def at_far(self, word: bytes) -> list[bytes]:
        return [one for one in inbox(self.far, "b@far.test") if word in one]

    def at_alice(self, word: bytes) -> list[bytes]:
        return [one for one in inbox(self.near, "alice@courriel.test") if word in one]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lists")
    with names(ZONE) as zone, running(root / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        courriel("user", "add", "b@far.test", "--password-stdin", data=far.data, stdin="secret\n")
        settings = [f"relay.port={far.port('smtp')}", f"dns.servers={zone.address}"]
        with running(root / "near", *(word for one in settings for word in ("--set", one))) as near:
            yield Lab(near, far)


def test_mail_that_is_sent_on_arrives_and_its_bounce_finds_the_first_sender(lab: Lab) -> None:
    lab.do("user", "forward", "bob@courriel.test", "--to", "b@far.test")
    lab.from_far("eve@far.test", "bob@courriel.test", b"sent on")
    until(lambda: bool(lab.at_far(b"Subject: sent on")))
    [mail] = lab.at_far(b"Subject: sent on")
    assert mail.startswith(b"Return-Path: <SRS0=") and b"=far.test=eve@courriel.test>\r\n" in mail
    assert b"Delivered-To: bob@courriel.test\r\n" in mail and mail.endswith(b"\r\n\r\nhello\r\n")
    assert len(inbox(lab.near, "bob@courriel.test")) == 1
    lab.do("user", "forward", "bob@courriel.test", "--to", "nobody@far.test", "--no-copy")
    lab.from_far("b@far.test", "bob@courriel.test", b"comes back")
    until(lambda: bool(lab.at_far(b"nobody@far.test")))
    [bounce] = lab.at_far(b"nobody@far.test")
    assert bounce.startswith(b"Return-Path: <>\r\n") and b"Action: failed" in bounce and b"comes back" in bounce
    lab.do("user", "forward", "bob@courriel.test", "--off")


def test_srs_is_no_open_door(lab: Lab) -> None:
    with smtplib.SMTP("localhost", lab.near.port("smtp")) as client:
        client.ehlo()
        client.mail("")
        code, text = client.rcpt("SRS0=aaaaaaaa=zz=far.test=b@courriel.test")
        assert code == 550 and text.startswith(b"5.1.1 ")


def test_a_list_with_members_inside_and_outside_and_one_who_is_gone(lab: Lab) -> None:
    lab.do("list", "add", "dev@courriel.test", "--owner", "alice@courriel.test", "--bounces", "1")
    members = ("bob@courriel.test", "b@far.test", "nobody@far.test", "alice@courriel.test")
    lab.do("list", "add-member", "dev@courriel.test", *members)
    send(lab.near, ["dev@courriel.test"], MESSAGE % (b"alice@courriel.test", b"to the list"))
    until(lambda: bool(lab.at_far(b"Subject: to the list")))
    [there] = lab.at_far(b"Subject: to the list")
    assert there.startswith(b"Return-Path: <dev-bounces+2-") and b"\r\nList-Id: <dev.courriel.test>\r\n" in there
    assert len(lab.at_alice(b"Subject: to the list")) == 1, "authors get a copy, too"
    until(lambda: lab.do("list", "show", "dev@courriel.test", "--json")["suspended"] == 1)
    rows = lab.do("list", "members", "dev@courriel.test", "--json")
    assert [row["address"] for row in rows if row["suspended"]] == ["nobody@far.test"]
    until(lambda: bool(lab.at_alice(b"nobody@far.test gets no more mail")))
    id = re.search(rb"id ([0-9a-f]{26})", lab.at_alice(b"Subject: to the list")[0])
    assert id is not None
    trace = lab.do("trace", id[1].decode(), "--json")
    assert {"list", "MSA", "remote MX"} <= {hop["place"] for hop in trace["hops"]}
    assert "dev@courriel.test: a post of alice@courriel.test for 4 members." in lab.do(
        "trace", id[1].decode(), "--words"
    )


def test_a_member_leaves_by_the_address_in_the_header(lab: Lab) -> None:
    address = lab.make_list("leaving", "b@far.test", "alice@courriel.test")
    send(lab.near, [address], MESSAGE % (b"alice@courriel.test", b"last words"))
    until(lambda: bool(lab.at_far(b"Subject: last words")))
    [mail] = lab.at_far(b"Subject: last words")
    leave = re.search(rb"List-Unsubscribe: <mailto:([^>]+)>", mail)
    assert leave is not None
    lab.from_far("whoever@far.test", leave[1].decode())
    until(lambda: bool(lab.at_far(b"You have left the list")))
    rows = lab.do("list", "members", address, "--json")
    assert "b@far.test" not in [row["address"] for row in rows]


def test_joining_is_confirmed_by_mail(lab: Lab) -> None:
    address = lab.make_list("joining")
    lab.from_far("b@far.test", "joining-subscribe@courriel.test")
    until(lambda: bool(lab.at_far(b"Please confirm: join")))
    [question] = lab.at_far(b"Please confirm: join")
    answer = re.search(rb"Reply-To: (\S+)", question)
    assert answer is not None
    lab.from_far("b@far.test", answer[1].decode())
    until(lambda: bool(lab.at_far(b"You are on the list")))
    rows = lab.do("list", "members", address, "--json")
    assert "b@far.test" in [row["address"] for row in rows]


def test_moderators_decide_by_mail_or_by_command(lab: Lab) -> None:
    address = lab.make_list("moderated", "alice@courriel.test")
    lab.do("list", "set", address, "--posting", "moderators", "--moderator", "b@far.test")
    for subject in (b"first held", b"second held"):
        lab.from_far("eve@far.test", address, subject)
    until(lambda: len(lab.at_far(b"waits for you")) == 2)
    [first] = [one for one in lab.at_far(b"waits for you") if b"first held" in one.partition(b"\r\n\r\n")[0]]
    answer = re.search(rb"Reply-To: (\S+)", first)
    assert answer is not None
    lab.from_far("b@far.test", answer[1].decode())
    until(lambda: bool(lab.at_alice(b"Subject: first held\r\n")))
    [held] = lab.do("list", "moderate", address, "--json")
    assert (held["from"], held["subject"]) == ("eve@far.test", "second held")
    lab.do("list", "moderate", address, "--approve", str(held["id"]))
    until(lambda: bool(lab.at_alice(b"Subject: second held\r\n")))
    words = ("list", "moderate", address, "--reject", str(held["id"]))
    again = courriel("--lang", "fr", *words, data=lab.near.data)
    assert again.returncode == 1 and "déjà décidé" in again.stderr


def test_ten_thousand_people_are_put_on_a_list(lab: Lab) -> None:
    lab.do("list", "add", "all@courriel.test", "--owner", "alice@courriel.test", "--posting", "anyone")
    people = "\n".join(f"m{n}@d{n % 1000}.nowhere.test" for n in range(10_000))
    done = courriel("list", "add-member", "all@courriel.test", "-", data=lab.near.data, stdin=people)
    assert done.returncode == 0 and "10000" in done.stdout
    lab.do("list", "add-member", "all@courriel.test", "bob@courriel.test")
    assert len(lab.do("list", "members", "all@courriel.test", "--json")) == 10_001
    lab.do("list", "remove", "all@courriel.test", "--yes")
    assert courriel("list", "show", "all@courriel.test", data=lab.near.data).returncode == 1
