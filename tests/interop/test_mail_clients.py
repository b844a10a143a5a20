"""Real mail programs against ``courriel try``: what a new user would do first."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import ssl
import subprocess
import uuid
from email.message import EmailMessage

import pytest

from courriel.imap.client import ImapClient
from courriel.net.tls import client_context
from tests.trial import SHARED, Trial

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.xdist_group("clients")]

SCRIPT = SHARED / "tools" / "clients_e2e.sh"
PROGRAMS = ("curl", "swaks", "msmtp", "mbsync", "getmail", "fetchmail", "mutt", "offlineimap", "sieve-connect")


def _message(token: str, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "bob@courriel.test", token
    message.set_content("hello")
    return message


async def _inbox(trial: Trial, token: str, user: str = "bob@courriel.test") -> list[int]:
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login(user, "secret")
    await client.select("INBOX")
    found = await client.search(b"SUBJECT", token.encode())
    await client.close()
    return found


@pytest.mark.parametrize("door", ["smtp", "submission", "submissions"])
def test_smtplib_sends_through_each_door(trial: Trial, door: str) -> None:
    token = uuid.uuid4().hex
    context = client_context(trial.ca)
    if door == "submissions":
        client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", trial.port(door), context=context)
    else:
        client = smtplib.SMTP("localhost", trial.port(door))
        client.starttls(context=context)
    if door != "smtp":
        client.login("alice@courriel.test", "secret")
    client.send_message(_message(token, "alice@courriel.test"))
    client.quit()
    assert len(asyncio.run(_inbox(trial, token))) == 1


def test_a_message_is_pushed_to_a_client_in_idle(trial: Trial) -> None:
    async def run() -> int:
        client = await ImapClient.connect("localhost", trial.port("imap"), client_context(trial.ca), starttls=True)
        await client.login("bob", "secret")
        before = await client.select("INBOX")

        def send() -> None:
            with smtplib.SMTP("localhost", trial.port("smtp")) as smtp:
                smtp.send_message(_message("pushed", "friend@example.org"))

        pushed, _ = await asyncio.gather(client.idle(b"EXISTS", 20), asyncio.to_thread(send))
        await client.close()
        return pushed.number - before

    assert asyncio.run(run()) == 1


@pytest.mark.skipif(not SCRIPT.exists(), reason=f"{SCRIPT} is absent")
def test_debian_clients_end_to_end(trial: Trial) -> None:
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "H": "localhost",
        "CA": str(trial.ca),
        "SMTP": str(trial.port("smtp")),
        "SUB": str(trial.port("submission")),
        "IMAPS": str(trial.port("imaps")),
        "POP3S": str(trial.port("pop3s")),
        "SIEVE": str(trial.port("managesieve")),
        "U": "alice",
        "P": "secret",
        "U2": "bob",
        "P2": "secret",
        "DOM": "courriel.test",
    }
    done = subprocess.run(
        ["bash", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert "19 passed, 0 failed" in done.stdout, done.stdout + done.stderr


def test_the_certificate_is_ours_and_names_the_host(trial: Trial) -> None:
    pem = ssl.get_server_certificate(("localhost", trial.port("imaps")), ca_certs=str(trial.ca))
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
