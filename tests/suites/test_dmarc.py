"""DMARC: evaluation cases of RFC 9989 as data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courriel.formats.header import split_block
from courriel.mailauth import dmarc
from courriel.mailauth.author import author_domains
from courriel.model.verdict import DkimVerdict, Result, SpfVerdict
from tests.suites.folder import cases, files
from tests.zone import Zone

yaml = pytest.importorskip("yaml")


def read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in yaml.safe_load(path.read_text("utf-8")):
        yield case["id"], case


def zone_of(case: dict[str, Any]) -> Zone:
    records: dict[str, dict[str, list[Any]]] = {}
    for name, types in case["zone"].items():
        made = records.setdefault(name, {})
        for rdtype, values in types.items():
            if rdtype == "TXT":
                made["TXT"] = ["".join(one if isinstance(one, list) else [one]).encode() for one in values]
            elif rdtype == "MX":
                made["MX"] = [(10, host) for host in values]
            else:
                made[rdtype] = list(values)
    return Zone(records, case.get("servfail", ()))


@pytest.mark.parametrize("case", [one for path in files("dmarc-eval-cases.yml") for one in cases("dmarc", read(path))])
async def test_evaluation(runner: object, case: dict[str, Any]) -> None:
    zone, expect = zone_of(case), case["expect"]
    header = "\r\n".join(case.get("raw_from") or [f"From: {case['from']}"]) + "\r\n"
    spf = case.get("spf")
    verdict = await dmarc.judge(
        author_domains(split_block(header.encode()).all(b"From")),
        SpfVerdict(Result(spf["result"]), spf["domain"], "mfrom") if spf else None,
        [
            DkimVerdict(Result(one["result"]), one["d"], "s", f"@{one['d']}", "rsa-sha256")
            for one in case.get("dkim", ())
        ],
        zone,
    )
    seen = {
        "result": verdict.result.value,
        "policy": verdict.policy,
        "org": verdict.org_domain,
        "spf_aligned": verdict.spf_aligned,
        "dkim_aligned": verdict.dkim_aligned,
        "queries": [name for name, _ in zone.asked if name.startswith("_dmarc.")],
    }
    if "not" in expect:
        assert verdict.result.value != expect["not"]
    assert {key: seen[key] for key in expect if key != "not"} == {
        key: value for key, value in expect.items() if key != "not"
    }
