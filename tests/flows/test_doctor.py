"""The examination of a domain by a running server, against a real name server."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.tsigkeyring
import dns.update
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from courriel.http.site import ROLES
from tests.flows.knot import KEY, PROGRAMS, SECRET, Knot
from tests.net.certificates import DAY, make
from tests.trial import Trial, command, free_base_port, free_port, running

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(any(shutil.which(program) is None for program in PROGRAMS), reason="knotd is not installed"),
]

ZONES = ("example.org", "127.in-addr.arpa", "test", "zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com")


class Ward:
    """A server with its names."""

    def __init__(self, trial: Trial, knot: Knot, key: Path) -> None:
        self.trial, self.knot, self.key = trial, knot, key

    def type(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            command(*words, "--data", str(self.trial.data)), capture_output=True, text=True, check=False
        )
        assert done.returncode == code and done.stdout, done.stdout + done.stderr
        return done.stdout

    def examine(self, code: int = 0) -> dict[str, set[tuple[str, str]]]:
        """Group → (health, symptom) of its findings."""
        found: list[dict[str, Any]] = json.loads(
            self.type("doctor", "example.org", "--outside", "elsewhere.test", "--json", code=code)
        )
        groups: dict[str, set[tuple[str, str]]] = {}
        for one in found:
            groups.setdefault(one["group"], set()).add((one["health"], one["symptom"]))
        return groups

    def publish(self, zone: str) -> None:
        server = ("--server", self.knot.address, "--key-file", str(self.key), "--zone", zone, "--ttl", "1")
        self.type("dns", "publish", "example.org", *server)

    def add(self, zone: str, name: str, type: str, value: str) -> None:
        ring = dns.tsigkeyring.from_text({"update": ("hmac-sha256", SECRET)})
        message = dns.update.UpdateMessage(zone, keyring=ring)
        message.add(f"{name}.", 1, type, value)
        ip, _, port = self.knot.address.partition(":")
        assert dns.query.tcp(message, ip, port=int(port), timeout=5).rcode() == 0


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    knot = Knot(tmp_path / "knot", free_port(), ZONES)
    key = tmp_path / "update.key"
    key.write_text(KEY)
    knot.start()
    try:
        base = free_base_port()
        now = datetime.datetime.now(datetime.UTC)
        authority = make("Authority", ca=True, may_sign=True, begins=now - DAY, ends=now + DAY)
        names = ("mx.example.org", *[f"{role}.example.org" for role in ROLES])
        chain, private = make("mx", authority, names=names, begins=now - DAY, ends=now + DAY).write(tmp_path)
        (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        env = {
            "COURRIEL_TLS_CERTIFICATE": str(chain),
            "COURRIEL_TLS_KEY": str(private),
            "COURRIEL_RELAY_CA_FILE": str(tmp_path / "ca.pem"),
            "COURRIEL_RELAY_STS_PORT": str(base + 443),
            "COURRIEL_HOSTNAME": "mx.example.org",
            "COURRIEL_DNS_SERVERS": knot.address,
            "COURRIEL_DNS_ADDRESSES": "127.0.0.1",
            "COURRIEL_RELAY_PORT": str(base + 25),
        }
        with running(tmp_path / "data", base_port=base, env=os.environ | env) as trial:
            ward = Ward(trial, knot, key)
            ward.type("domain", "add", "example.org")
            yield ward
    finally:
        knot.stop()


def test_nothing_published_is_bad_and_says_what_to_publish(ward: Ward) -> None:
    groups = ward.examine(code=1)
    assert groups["mx"] == {("bad", "missing")}
    assert groups["spf"] == {("bad", "missing"), ("warning", "missing")}
    assert groups["port-25-in"] == {("good", "right")}
    assert groups["tls"] == {("warning", "bad-certificate")}
    text = ward.type("doctor", "example.org", "--outside", "elsewhere.test", code=1)
    assert "example.org. 3600 IN MX 10 mx.example.org." in text


def test_what_was_published_is_good(ward: Ward) -> None:
    ward.publish("example.org")
    ward.publish("127.in-addr.arpa")
    ward.add("test", "elsewhere.test", "MX", "10 mx.test.")
    ward.add("test", "mx.test", "A", "127.0.0.1")
    groups = ward.examine()
    for group in (
        "mx",
        "address",
        "reverse",
        "spf",
        "dmarc",
        "tls-reports",
        "service",
        "port-25-in",
        "port-25-out",
        "mta-sts",
        "autoconfig",
        "autodiscover",
    ):
        assert groups[group] == {("good", "right")}, group
    assert groups["dnssec"] == {("warning", "not-signed")}
    assert groups["blocklists"] == {("good", "right")}


def test_an_address_on_a_block_list_and_a_record_nobody_serves(ward: Ward) -> None:
    ward.add("zen.spamhaus.org", "1.0.0.127.zen.spamhaus.org", "A", "127.0.0.2")
    ward.add("bl.spamcop.net", "1.0.0.127.bl.spamcop.net", "A", "127.255.255.254")
    ward.add("example.org", "_mta-sts.example.org", "TXT", '"v=STSv1; id=1"')
    groups = ward.examine(code=1)
    assert groups["blocklists"] == {("bad", "listed"), ("unknown", "no-answer"), ("good", "right")}
    assert groups["mta-sts"] == {("warning", "different"), ("warning", "missing")}
