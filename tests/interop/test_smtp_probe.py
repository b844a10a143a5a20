"""The probe of 100 corner cases (``../shared/tools/smtp_probe.py``) against the MX port of a trial server."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.trial import SHARED, Trial

PROBE = SHARED / "tools" / "smtp_probe.py"


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.skipif(not PROBE.exists(), reason="../shared/tools/smtp_probe.py is not here")
def test_no_case_fails(trial: Trial) -> None:
    where = ["127.0.0.1", str(trial.port("smtp")), "--rcpt", "alice@courriel.test"]
    done = subprocess.run([sys.executable, str(PROBE), *where], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-2:] == [
        "100 cases: 0 warnings, 0 skipped (extension not offered)",
        "100 passed, 0 failed",
    ], done.stdout + done.stderr
