"""neomutt, aerc and alpine against ``courriel try``: they open INBOX, list it, and move a message to another mailbox.

alpine knows no other authorities than the system's, so it does not check the certificate; the other two do.  Claws
Mail, Evolution and Thunderbird's kin want a screen.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import smtplib
import time
import uuid
from email.message import EmailMessage
from pathlib import Path

import pytest

from courriel.imap.client import ImapClient
from courriel.net.tls import client_context
from tests.interop.terminal import Terminal
from tests.trial import Trial

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.xdist_group("clients")]

PATIENCE_S = 30.0


def deliver(trial: Trial) -> str:
    """A message for alice; its subject."""
    token = "t" + uuid.uuid4().hex[:12]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "friend@example.org", "alice@courriel.test", token
    message.set_content("hello from a friend")
    with smtplib.SMTP("localhost", trial.port("smtp")) as smtp:
        smtp.send_message(message)
    return token


async def found(trial: Trial, mailbox: str, token: str) -> int:
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login("alice@courriel.test", "secret")
    await client.select(mailbox)
    numbers = await client.search(b"SUBJECT", token.encode())
    await client.close()
    return len(numbers)


def wait_until_in(trial: Trial, mailbox: str, token: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not asyncio.run(found(trial, mailbox, token)):
        assert time.monotonic() < end, f"{token} never came to {mailbox}"
        time.sleep(0.3)


def environment(home: Path, trial: Trial) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "SSL_CERT_FILE": str(trial.ca), "XDG_RUNTIME_DIR": str(home)}


@pytest.mark.skipif(shutil.which("neomutt") is None, reason="neomutt is absent")
@pytest.mark.parametrize("qresync", ["no", "yes"])
def test_neomutt_reads_and_moves(trial: Trial, tmp_path: Path, qresync: str) -> None:
    token = deliver(trial)
    settings = {
        "ssl_ca_certificates_file": str(trial.ca), "certificate_file": str(trial.ca), "imap_user": "alice",
        "imap_pass": "secret", "folder": f"imaps://localhost:{trial.port('imaps')}/", "spoolfile": "+INBOX",
        "imap_qresync": qresync, "imap_condstore": qresync, "header_cache": str(tmp_path / "cache"),
        "confirmappend": "no", "delete": "yes", "quit": "yes", "wait_key": "no", "mark_old": "no",
    }  # fmt: skip
    rc = tmp_path / "rc"
    rc.write_text("".join(f'set {name}="{value}"\n' for name, value in settings.items()))
    for _ in range(2):  # the second time with what is in the cache
        with Terminal(["neomutt", "-n", "-F", str(rc)], environment(tmp_path, trial), tmp_path) as program:
            program.wait_for(token.encode())
            program.type("q")
            assert program.ended()
    with Terminal(["neomutt", "-n", "-F", str(rc)], environment(tmp_path, trial), tmp_path) as program:
        program.wait_for(token.encode())
        program.type(f"l~s {token}\r")
        program.type("s=Archive\r")
        program.type("$")
        wait_until_in(trial, "Archive", token)
        program.type("q")
        assert program.ended()
    assert asyncio.run(found(trial, "INBOX", token)) == 0


@pytest.mark.skipif(shutil.which("aerc") is None, reason="aerc is absent")
def test_aerc_reads_and_moves(trial: Trial, tmp_path: Path) -> None:
    token = deliver(trial)
    place = tmp_path / ".config" / "aerc"
    place.mkdir(parents=True)
    accounts = place / "accounts.conf"
    accounts.write_text(
        f"[alice]\nsource = imaps://alice:secret@localhost:{trial.port('imaps')}\ndefault = INBOX\n"
        "from = Alice <alice@courriel.test>\ncopy-to = Sent\ncache-headers = true\n"
    )
    accounts.chmod(0o600)
    with Terminal(["aerc"], environment(tmp_path, trial), tmp_path) as program:
        program.wait_for(token.encode())
        program.type(":select 0\r")
        program.type(":move Archive\r")
        wait_until_in(trial, "Archive", token)
        program.type(":quit -f\r")
        assert program.ended()
    assert asyncio.run(found(trial, "INBOX", token)) == 0


@pytest.mark.skipif(shutil.which("alpine") is None, reason="alpine is absent")
def test_alpine_reads_and_moves(trial: Trial, tmp_path: Path) -> None:
    token = deliver(trial)
    place = f"{{localhost:{trial.port('imaps')}/imap/ssl/novalidate-cert/user=alice}}"
    pinerc = tmp_path / ".pinerc"
    pinerc.write_text(
        f"inbox-path={place}INBOX\nfolder-collections={place}[]\nuser-domain=courriel.test\nlast-version-used=9.99\n"
        "feature-list=expunge-without-confirm,quit-without-confirm,no-hide-empty-lists,disable-password-file-saving\n"
    )
    with Terminal(
        ["alpine", "-p", str(pinerc), "-i"], environment(tmp_path, trial) | {"USER": "alice"}, tmp_path
    ) as program:
        program.wait_for(b"ASSWORD")
        program.type("secret\r")
        program.wait_for(token.encode())
        program.type(f"W{token}\r")
        time.sleep(0.5)
        program.type("s")
        program.wait_for(b"SAVE")
        program.type("\x15Archive\r")
        wait_until_in(trial, "Archive", token)
        program.type("qy")
        assert program.ended()
    assert asyncio.run(found(trial, "INBOX", token)) == 0
