"""Mail handed to mailboxes in another server's care, over its LMTP socket; each recipient has an outcome of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.lab import inbox, send, until
from tests.trial import courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def test_a_route_over_an_lmtp_socket(tmp_path: Path) -> None:
    with running(tmp_path / "far") as far:
        for words in (["domain", "add", "far.test"], ["user", "add", "b@far.test", "--password-stdin"]):
            done = courriel(*words, data=far.data, stdin="secret\n")
            assert done.returncode == 0, done.stderr
        with running(tmp_path / "near", "--set", f"relay.smart_host=lmtp:unix:{far.data / 'lmtp.sock'}") as near:
            send(
                near, ["b@far.test", "nobody@far.test"], b"From: <alice@courriel.test>\r\nSubject: handed\r\n\r\nx\r\n"
            )
            until(lambda: bool(inbox(far, "b@far.test")))
            [mail] = inbox(far, "b@far.test")
            assert b"with LMTP" in mail and mail.endswith(b"Subject: handed\r\n\r\nx\r\n")
            until(lambda: any(b"nobody@far.test" in one for one in inbox(near, "alice@courriel.test")))
