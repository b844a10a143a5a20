"""``courriel sieve`` as people type it: checking, trying, keeping; and the way of a message through a script."""

from __future__ import annotations

import asyncio
import json
import smtplib
from pathlib import Path

import pytest

from courriel.imap.client import ImapClient
from courriel.net.tls import client_context
from tests.trial import Trial, courriel

pytestmark = pytest.mark.slow

RULES = """require ["fileinto", "mailbox", "imap4flags", "copy"];
if header :contains "subject" "[dev]" {
    fileinto :create :flags "\\\\Flagged" "Lists/Dev";
} elsif address :domain "from" "annoying.example" {
    discard;
}
"""
MAIL = "From: eve@far.test\nTo: alice@courriel.test\nSubject: [dev] hello\n\nhello\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.sieve"
    file.write_text(RULES)
    return file


def test_mistakes_are_told_as_editors_understand_them(tmp_path: Path) -> None:
    file = tmp_path / "bad.sieve"
    file.write_text('keep\nfoo;\nredirect "x";\n')
    done = courriel("sieve", "check", str(file))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{file}:1: “keep” takes no test; is a semicolon missing?",
        f"{file}:3: “x” is no address",
    ]
    french = courriel("sieve", "check", str(file), "--json", LANGUAGE="fr")
    assert json.loads(french.stdout)["problems"][1] == {"line": 3, "problem": "« x » n’est pas une adresse"}


def test_a_good_script_says_what_it_requires(rules: Path) -> None:
    done = courriel("sieve", "check", str(rules))
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "No mistakes. It requires: copy, fileinto, imap4flags, mailbox",
    )


def test_a_script_is_tried_on_a_message(rules: Path, tmp_path: Path) -> None:
    message = tmp_path / "mail.eml"
    message.write_text(MAIL)
    done = courriel("sieve", "test", str(rules), str(message), LANGUAGE="fr")
    assert done.returncode == 0, done.stderr
    assert '   2  ✔ header :contains "subject" "[dev]"  (oui)' in done.stdout
    assert "le classer dans « Lists/Dev », avec les drapeaux \\Flagged" in done.stdout
    message.write_text(MAIL.replace("[dev]", "").replace("far.test", "annoying.example"))
    found = json.loads(courriel("sieve", "test", str(rules), str(message), "--json").stdout)
    assert [(step["line"], step["result"]) for step in found["steps"]] == [(2, False), (4, True), (5, None)]
    assert found["actions"] == [{"do": "discard"}] and found["error"] is None


def test_scripts_are_kept_put_to_work_and_removed(trial: Trial, rules: Path) -> None:
    data = trial.data
    put = courriel("sieve", "put", "bob", str(rules), "--name", "été", data=data)
    assert (put.returncode, put.stdout.strip()) == (0, "Script “été” is kept.")
    assert courriel("sieve", "show", "bob", "été", data=data).stdout == RULES
    assert courriel("sieve", "activate", "bob", "été", data=data).returncode == 0
    rows = json.loads(courriel("sieve", "list", "bob", "--json", data=data).stdout)
    assert rows == [{"name": "été", "octets": len(RULES), "active": True}]
    refused = courriel("sieve", "remove", "bob", "été", data=data)
    assert refused.returncode == 1 and "That script is at work" in refused.stderr
    assert courriel("sieve", "activate", "bob", "--off", data=data).returncode == 0
    assert courriel("sieve", "remove", "bob", "été", data=data).returncode == 0
    assert courriel("sieve", "show", "bob", data=data).returncode == 1


async def test_mail_goes_where_the_script_says(runner: asyncio.Runner, trial: Trial, rules: Path) -> None:
    """From SMTP to IMAP, through a real server."""
    done = courriel("sieve", "put", "alice", str(rules), "--activate", data=trial.data)
    assert done.returncode == 0, done.stderr
    with smtplib.SMTP("localhost", trial.port("smtp")) as smtp:
        smtp.sendmail("eve@far.test", ["alice@courriel.test"], MAIL)
        smtp.sendmail("eve@far.test", ["alice@courriel.test"], MAIL.replace("eve@far.test", "x@annoying.example"))
        smtp.sendmail("x@annoying.example", ["alice@courriel.test"], "From: x@annoying.example\nSubject: y\n\nz\n")
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login("alice", "secret")
    filed = await client.select("Lists/Dev")
    assert filed == 2
    assert await client.search(b"FLAGGED") == [1, 2]
    assert await client.select("INBOX") == 0
    await client.close()


def test_a_refusal_is_heard_by_the_sender(trial: Trial, tmp_path: Path) -> None:
    file = tmp_path / "no.sieve"
    file.write_text('require "reject"; if header :is "subject" "no" { reject "Not this."; }')
    assert courriel("sieve", "put", "bob", str(file), "--activate", data=trial.data).returncode == 0
    with smtplib.SMTP("localhost", trial.port("smtp")) as smtp:
        with pytest.raises(smtplib.SMTPDataError, match="Not this"):
            smtp.sendmail("eve@far.test", ["bob@courriel.test"], "From: eve@far.test\nSubject: no\n\nx\n")
        smtp.sendmail("eve@far.test", ["bob@courriel.test"], "From: eve@far.test\nSubject: yes\n\nx\n")
    assert courriel("sieve", "activate", "bob", "--off", data=trial.data).returncode == 0
