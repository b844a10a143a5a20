"""A day of mail between two servers, and what each tells the other's owner of it the next day."""

from __future__ import annotations

import json
import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.flows.lab import Names, inbox, names, until
from tests.flows.scenario import FAKETIME
from tests.trial import Trial, courriel, free_base_port, running

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed"),
]

ZONE = """
near.test. MX 10 mx.near.test.
near.test. TXT "v=spf1 ip4:127.0.0.1 -all"
mx.near.test. A 127.0.0.1
_dmarc.near.test. TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@near.test"
_smtp._tls.near.test. TXT "v=TLSRPTv1; rua=mailto:postmaster@near.test"
far.test. MX 10 mx.far.test.
far.test. TXT "v=spf1 ip4:127.0.0.1 -all"
mx.far.test. A 127.0.0.1
_dmarc.far.test. TXT "v=DMARC1; p=none"
"""
MESSAGE = b"From: %b\r\nTo: %b\r\nSubject: x\r\nMessage-ID: <%d@x>\r\n\r\nhello\r\n"


def _do(server: Trial, *words: str, stdin: str = "") -> Any:
    done = courriel(*words, data=server.data, stdin=stdin)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout) if "--json" in words else done.stdout


def _people(server: Trial, zone: Names, domain: str, *people: str) -> None:
    """A domain with published keys, and people in it."""
    _do(server, "domain", "add", domain)
    for person in people:
        _do(server, "user", "add", f"{person}@{domain}", "--password-stdin", stdin="secret\n")
    _do(server, "alias", "add", f"postmaster@{domain}", f"{people[0]}@{domain}")
    for row in _do(server, "dkim", "new", domain, "--json"):
        zone.publish(row["name"] + ".", row["strings"])
    _do(server, "dkim", "check", domain)


def _submit(server: Trial, login: str, to: str, number: int) -> None:
    with smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        client.login(login, "secret")
        client.sendmail(login, [to], MESSAGE % (login.encode(), to.encode(), number))


def _words(zone: Names, host: str, relay_port: int) -> tuple[str, ...]:
    settings = (f"dns.servers={zone.address}", f"relay.port={relay_port}", f"hostname={host}")
    return tuple(word for one in settings for word in ("--set", one))


def test_the_owner_learns_who_sent_in_his_name(tmp_path: Path) -> None:
    clock, base = tmp_path / "clock", free_base_port()
    clock.write_text("+0")
    env = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    other = free_base_port(apart_from=base)
    with (
        names(ZONE) as zone,
        running(tmp_path / "far", *_words(zone, "mx.far.test", base + 25), base_port=other, env=env) as far,
    ):
        _people(far, zone, "far.test", "b")
        with running(tmp_path / "near", *_words(zone, "mx.near.test", far.port("smtp")), base_port=base) as near:
            _people(near, zone, "near.test", "alice")
            for number in range(2):
                _submit(near, "alice@near.test", "b@far.test", number)
            with smtplib.SMTP("127.0.0.1", far.port("smtp"), source_address=("127.0.0.2", 0)) as forger:
                forger.sendmail("x@far.test", ["b@far.test"], MESSAGE % (b"boss@near.test", b"b@far.test", 9))
            _submit(far, "b@far.test", "alice@near.test", 10)
            until(lambda: len(inbox(far, "b@far.test")) == 2 and len(inbox(near, "alice@near.test")) == 1)

            assert _do(far, "reports", "--send", "--json") == [], "the day is not over"
            clock.write_text("+1d")
            sent = {one["kind"]: one for one in _do(far, "reports", "--send", "--json") if one["domain"] == "near.test"}
            assert sent["dmarc"]["to"] == sent["tls"]["to"] == "mailto:postmaster@near.test"
            assert sent["dmarc"]["rows"] == 2 and not sent["dmarc"]["problem"] + sent["tls"]["problem"]
            assert len(_do(far, "reports", "near.test", "--send", "--json")) == 2, "nothing is sent twice"

            until(lambda: len(inbox(near, "alice@near.test")) == 3)
            until(lambda: bool(_do(near, "reports", "near.test", "--json")[0]["tls"]))
            [found] = _do(near, "reports", "near.test", "--json")
            assert (found["messages"], found["aligned"], found["reporters"]) == (3, 2, ["far.test"])
            sources = {one["ip"]: one["standing"] for one in found["sources"]}
            assert sources == {"127.0.0.1": "known", "127.0.0.2": "forged"}
            assert {one["result"] for one in found["tls"]} == {""}
            shown = _do(far, "--lang", "fr", "reports", "--sent")
            assert "near.test" in shown and "DMARC" in shown
