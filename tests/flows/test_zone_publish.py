"""An empty zone on a real server becomes right without a hand in it.  RFC 2136, RFC 8945."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

from courriel.app import config
from courriel.app.installation import Installation
from courriel.base.utc import utc_day
from courriel.formats.zone_file import quoted
from courriel.model.mail_report import MailReport, Seen
from courriel.zones.plan import SRV_NAMES
from courriel.zones.policy_step import DAYS
from tests.app.test_checkup import OFF
from tests.flows.knot import KEY, PROGRAMS, SECRET, Knot
from tests.trial import command, free_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(any(shutil.which(program) is None for program in PROGRAMS), reason="knotd is not installed"),
]

ZONE, REVERSE = "example.org", "2.0.192.in-addr.arpa"


class Administrator:
    """Types commands."""

    def __init__(self, data: Path, server: str, key: Path) -> None:
        self.data, self.server, self.key = data, server, key
        self._env = os.environ | {
            "COURRIEL_DATA": str(data),
            "COURRIEL_HOSTNAME": f"mx.{ZONE}",
            "COURRIEL_DNS_SERVERS": server,
            "COURRIEL_DNS_ADDRESSES": "192.0.2.25",
            "COURRIEL_DNS_CAA": "letsencrypt.org",
        }

    def type(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command(*words), env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    def ask(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.type(*words, "--json", code=code).stdout)

    def set(self, variable: str, value: str) -> None:
        self._env[variable] = value

    def enter(self, name: str, type: str, value: str) -> None:
        """What a form of a provider does."""
        zone = REVERSE if name.endswith(REVERSE) else ZONE
        message = dns.update.UpdateMessage(zone, keyring=dns.tsigkeyring.from_text({"update": ("hmac-sha256", SECRET)}))
        message.add(f"{name}.", 60, type, value)
        ip, _, port = self.server.partition(":")
        assert dns.query.tcp(message, ip, port=int(port), timeout=5).rcode() == 0

    def publish(self, *words: str, code: int = 0) -> Any:
        words = ("dns", "publish", ZONE, "--server", self.server, "--key-file", str(self.key), *words)
        return self.ask(*words) if code == 0 else self.type(*words, code=code)


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[Administrator]:
    knot = Knot(tmp_path / "knot", free_port(), (ZONE, REVERSE))
    key = tmp_path / "update.key"
    key.write_text(KEY)
    knot.start()
    try:
        yield Administrator(tmp_path / "data", knot.address, key)
    finally:
        knot.stop()


def test_an_empty_zone_turns_right(administrator: Administrator) -> None:
    administrator.type("domain", "add", ZONE)
    before = administrator.ask("dns", "show", ZONE)["rows"]
    assert {row["state"] for row in before} == {"missing"}
    administrator.publish()
    after = administrator.publish("--zone", REVERSE)["rows"]
    assert [row for row in after if row["state"] != "right"] == []
    assert len(after) == len(before)
    assert administrator.ask("dns", "check", ZONE) == []
    assert {f"{name}.{ZONE}" for name in SRV_NAMES.values()} <= {row["name"] for row in after}
    assert {"mta-sts", "mta-sts-host", "autoconfig", "autodiscover"} <= {row["purpose"] for row in after}


def test_by_hand_a_dozen_texts_are_copied_and_all_is_right(administrator: Administrator) -> None:
    """Whoever types records into a form copies each text once; numbers and names stand beside it."""
    administrator.type("domain", "add", ZONE)
    copies = administrator.ask("dns", "show", ZONE, "--by-hand")
    assert len(copies) <= 12
    for copied in copies:
        for place in copied["places"]:
            text = quoted(copied["text"]) if place["type"] in ("TXT", "CAA") else copied["text"]
            administrator.enter(place["name"], place["type"], f"{place['numbers']} {text}".strip())
    assert administrator.ask("dns", "check", ZONE) == []
    assert administrator.ask("dns", "show", ZONE, "--by-hand") == []


def test_another_policy_has_another_id(administrator: Administrator) -> None:
    administrator.type("domain", "add", ZONE)
    administrator.publish()
    administrator.set("COURRIEL_STS_MODE", "enforce")
    (row,) = [row for row in administrator.ask("dns", "show", ZONE)["rows"] if row["purpose"] == "mta-sts"]
    assert row["state"] == "different"
    assert len(administrator.publish()["changes"]) == 1
    administrator.set("COURRIEL_STS_MODE", "off")
    rows = administrator.ask("dns", "show", ZONE)["rows"]
    assert not [row for row in rows if row["purpose"].startswith("mta-sts")]


def test_records_of_others_stay_and_nothing_is_published_twice(administrator: Administrator) -> None:
    administrator.type("domain", "add", ZONE)
    administrator.publish()
    administrator.publish("--sender", "google")
    texts = [row for row in administrator.ask("dns", "show", ZONE)["rows"] if row["purpose"] == "spf"]
    assert texts[0]["found"] == ["v=spf1 mx include:_spf.google.com ~all"]
    assert texts[0]["state"] == "right"
    assert administrator.publish()["changes"] == []
    assert [row["name"] for row in administrator.ask("dns", "inventory", ZONE)] == ["", "google"]


def _report_a_fortnight(data: Path) -> None:
    """As if a receiver had reported for two weeks: all from our address, all of it proven."""

    async def keep() -> None:
        home = await Installation.open(data, config.load(None, {}, OFF))
        for back in range(1, DAYS + 1):
            day = utc_day(home.clock.now() - back * 86_400.0)
            row = Seen(day, ZONE, "192.0.2.25", "big.example", "none", True, True, "", 10)
            assert await home.mail_reports.add(MailReport("big.example", f"dmarc {day}", day, (row,)))
        await home.close()

    asyncio.run(keep())


def test_the_policy_becomes_strict_step_by_step(administrator: Administrator) -> None:
    administrator.type("domain", "add", ZONE)
    administrator.publish()
    apply = ("--apply", "--server", administrator.server, "--key-file", str(administrator.key))
    assert administrator.ask("dns", "dmarc", ZONE)["standstill"] == "no reports"
    refused = administrator.type("--lang", "fr", "dns", "dmarc", ZONE, *apply, code=1)
    assert "Les rapports n'ont pas encore" in refused.stderr
    _report_a_fortnight(administrator.data)
    for before, after in (("none", "quarantine"), ("quarantine", "reject")):
        shown = administrator.type("dns", "dmarc", ZONE).stdout
        assert f"[{before}]" in shown and f"p={after}" in shown
        done = administrator.ask("dns", "dmarc", ZONE, *apply)
        assert (done["now"], done["next"], len(done["changes"])) == (before, after, 1)
        [record] = [row for row in administrator.ask("dns", "show", ZONE)["rows"] if row["purpose"] == "dmarc"]
        assert record["state"] == "right" and f"p={after};" in record["found"][0]
        assert len(record["found"]) == 1 and f"rua=mailto:postmaster@{ZONE}" in record["found"][0]
    assert administrator.ask("dns", "dmarc", ZONE)["standstill"] == "arrived"


def test_a_wrong_key_changes_nothing_and_is_not_shown(administrator: Administrator, tmp_path: Path) -> None:
    administrator.type("domain", "add", ZONE)
    wrong = SECRET.replace("a", "b", 1).replace("Y", "Z", 1)
    administrator.key.write_text(f"hmac-sha256:update:{wrong}")
    done = administrator.publish(code=1)
    assert wrong not in done.stdout + done.stderr
    assert {row["state"] for row in administrator.ask("dns", "check", ZONE, code=1)} == {"missing"}


def test_the_zone_file_can_be_read_by_others(administrator: Administrator, tmp_path: Path) -> None:
    import dns.zone

    administrator.type("domain", "add", ZONE)
    text = administrator.type("dns", "zone", ZONE).stdout
    inside = "\n".join(line for line in text.splitlines() if REVERSE not in line)
    head = f"{ZONE}. 1 IN SOA ns.{ZONE}. admin.{ZONE}. 1 1 1 1 1\n{ZONE}. 1 IN NS ns.{ZONE}.\n"
    zone = dns.zone.from_text(head + inside, ZONE, relativize=False)
    assert zone.get_rdataset(f"{ZONE}.", "MX") is not None


def test_who_has_the_zone_must_be_said_and_a_token_come_from_somewhere(administrator: Administrator) -> None:
    administrator.type("domain", "add", ZONE)
    words = ("dns", "publish", ZONE)
    assert "--provider" in administrator.type(*words, code=2).stderr
    assert "--provider" in administrator.type(*words, "--server", "192.0.2.1", "--provider", "ovh", code=2).stderr
    done = administrator.type(*words, "--provider", "gandi", code=1)
    assert "token" in done.stderr and "Traceback" not in done.stderr


def test_a_domain_that_is_not_ours_is_refused(administrator: Administrator) -> None:
    assert "Traceback" not in administrator.type("dns", "show", "elsewhere.example", code=1).stderr
