"""DKIM verification cases, each judged by several implementations or by RFC 6376: one test a case.

The suite knows pass, fail, none and temperror; what RFC 6376 §6.1 calls PERMFAIL is a fail there.  Of several
signatures one that passes is enough.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from courriel.mailauth.dkim_verify import verify
from courriel.model.verdict import DkimVerdict, Result
from tests.mailauth.zone import Zone
from tests.suites.place import AUTH

FILE = AUTH / "dkim" / "dkim-verify-cases.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []

AS_FAIL = {Result.PERMERROR: "fail", Result.FAIL: "fail"}


def _zone(dns: dict[str, Any]) -> Zone:
    """Values are lists of TXT records (each a text, or its strings), or the name of a failure."""
    return Zone({name: value if isinstance(value, str) else list(map(_record, value)) for name, value in dns.items()})


def _record(value: str | list[str]) -> bytes:
    return (value if isinstance(value, str) else "".join(value)).encode()


def _word(verdicts: tuple[DkimVerdict, ...]) -> str:
    results = [one.result for one in verdicts] or [Result.NONE]
    best = Result.PASS if Result.PASS in results else results[0]
    return AS_FAIL.get(best, best.value)


def _judge(case: dict[str, Any]) -> tuple[DkimVerdict, ...]:
    return asyncio.run(verify(base64.b64decode(case["msg"]), _zone(case["dns"]), lambda: case["now"]))


@pytest.mark.skipif(not CASES, reason=f"no {FILE}")
@pytest.mark.parametrize("case", CASES, ids=[f"dkim-{case['cls']}:{case['id']}" for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    verdicts = _judge(case)
    assert _word(verdicts) in case["expect"].split("|"), (case["note"], verdicts)


@pytest.mark.skipif(not CASES, reason=f"no {FILE}")
def test_no_sha1_passes() -> None:
    for case in CASES:
        assert all(one.result is not Result.PASS for one in _judge(case) if one.algorithm == "rsa-sha1"), case["id"]
