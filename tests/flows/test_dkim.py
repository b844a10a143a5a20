"""Keys made, published by hand, noticed, and mail that arrives elsewhere with signatures that hold."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from courriel.mailauth.dkim_verify import verify
from courriel.model.verdict import Result
from tests.flows.lab import inbox, names, send, until
from tests.mailauth.zone import Zone
from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = "far.test. MX 10 mx.far.test.\nmx.far.test. A 127.0.0.1\n"
MESSAGE = b"From: Alice <alice@courriel.test>\r\nTo: b@far.test\r\nSubject: signed\r\n\r\nhello  \r\n.dot\r\n"


def _dkim(server: Trial, *words: str) -> list[dict[str, Any]]:
    done = courriel("dkim", *words, "--json", data=server.data)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_from_a_new_key_to_mail_that_others_believe(tmp_path: Path) -> None:
    with names(ZONE) as zone, running(tmp_path / "far") as far:
        assert courriel("domain", "add", "far.test", data=far.data).returncode == 0
        assert (
            courriel("user", "add", "b@far.test", "--password-stdin", data=far.data, stdin="secret\n").returncode == 0
        )
        words = ("--set", f"relay.port={far.port('smtp')}", "--set", f"dns.servers={zone.address}")
        with running(tmp_path / "near", *words) as near:
            rows = _dkim(near, "new", "courriel.test")
            for row in rows:
                zone.publish(row["name"] + ".", row["strings"])
            states = [row["state"] for row in _dkim(near, "check", "courriel.test")]
            assert sorted(states) == ["active", "active", "pending", "pending"]
            send(near, ["b@far.test"], MESSAGE)
            until(lambda: bool(inbox(far, "b@far.test")))
            [mail] = inbox(far, "b@far.test")
            published = Zone({row["name"]: [row["value"].encode()] for row in rows})
            verdicts = asyncio.run(verify(mail, published, time.time))
            assert [one.result for one in verdicts] == [Result.PASS, Result.PASS]
            assert {one.domain for one in verdicts} == {"courriel.test"}

            shown = courriel("dkim", "show", "courriel.test", data=near.data).stdout
            assert all(f"{row['name']}. IN TXT ( " in shown for row in rows)
            told = courriel("--lang", "fr", "dkim", "list", data=near.data).stdout
            assert "signe" in told and "de réserve" in told
            turned = _dkim(near, "rotate", "courriel.test")
            assert sorted(row["state"] for row in turned) == ["active"] * 2 + ["pending"] * 2 + ["retiring"] * 2
            assert courriel("dkim", "rotate", "courriel.test", data=near.data).returncode == 1
