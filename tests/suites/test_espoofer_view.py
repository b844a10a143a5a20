"""Composition attacks ("Composition Kills", USENIX 2020): no reading of them shows the forged author as proven.

The message is read as it stands, with the best verdicts that the attacker can get: SPF and DKIM of the attacker's own
domain, and DMARC's pass for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.threats.read import read
from courriel.threats.signals import catalogue, looks
from courriel.threats.signals.proof import author, proven
from courriel.threats.view import Arrival, Context
from tests.suites.folder import cases, files

ATTACKER = "attack.com"
OURS = Context(own_domains=frozenset({"legitimate.com"}))


def read_cases(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in json.loads(path.read_text("utf-8"))["cases"]:
        if not case["required"].startswith("submission"):
            yield case["id"], case


def best_verdicts() -> Judgement:
    spf = SpfVerdict(Result.PASS, ATTACKER, "mfrom")
    dkim = DkimVerdict(Result.PASS, ATTACKER, "selector", f"@{ATTACKER}", "rsa-sha256")
    dmarc = DmarcVerdict(Result.PASS, ATTACKER, "none", "none", "", ATTACKER, True, True)
    return Judgement(Origin(spf, None, Iprev(Result.NONE, "192.0.2.66")), DkimFindings((dkim,)), dmarc)


@pytest.mark.parametrize(
    "case", [one for path in files("attack/espoofer-cases.json") for one in cases("espoofer", read_cases(path))]
)
def test_the_forged_author_is_not_proven(case: dict[str, Any]) -> None:
    arrival = Arrival(client_ip="192.0.2.66", helo=ATTACKER, mail_from=case["mail_from"], judgement=best_verdicts())
    view = read(case["message_latin1"].encode("latin-1"), arrival, OURS)
    one = author(view)
    assert not proven(view) or (one is not None and one.domain.endswith(ATTACKER))
    findings = {finding.signal: finding for look in looks() for finding in look(view)}
    for finding in findings.values():
        if finding.signal.startswith("authentication.") and catalogue()[finding.signal].good < 0:
            assert "legitimate.com" not in str(finding.facts)
