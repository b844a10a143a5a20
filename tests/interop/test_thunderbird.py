"""Thunderbird, headless: it lists, reads, sends and files a copy through ``courriel try``."""

from __future__ import annotations

import importlib.util
import shutil
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.trial import SHARED, Trial

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.xdist_group("clients")]

SCRIPT = SHARED / "tools" / "tb_check.py"
WAIT_S = 240
MARIONETTE = "marionette_driver"


def _absent() -> str:
    """What is missing, "" when all is there."""
    if not SCRIPT.exists():
        return str(SCRIPT)
    if shutil.which("thunderbird") is None:
        return "thunderbird"
    return "" if importlib.util.find_spec(MARIONETTE) else MARIONETTE


@pytest.mark.skipif(bool(_absent()), reason=f"{_absent()} is absent")
def test_thunderbird_reads_and_sends(trial: Trial, tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "friend@example.org", "alice@courriel.test", "Bonjour"
    message.set_content("hello")
    with smtplib.SMTP("localhost", trial.port("smtp")) as smtp:
        smtp.send_message(message)
    command = [
        sys.executable, str(SCRIPT), "--user", "alice@courriel.test", "--password", "secret",
        "--email", "alice@courriel.test", "--to", "bob@courriel.test", "--ca", str(trial.ca.with_name("server.pem")),
        "--imap", f"localhost:{trial.port('imaps')}", "--smtp", f"localhost:{trial.port('submission')}",
        "--mport", str(trial.port("imaps") + 1), "--shot", str(tmp_path / "shot.png"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    assert "PASS" in done.stdout
