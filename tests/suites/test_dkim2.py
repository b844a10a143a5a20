"""Chains of DKIM2 signatures (draft-ietf-dkim-dkim2-spec-03 and -04), with the zone they were signed for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from courriel.formats.header import split_block
from courriel.formats.message.canonical import to_crlf
from courriel.mailauth.dkim2_fields import hops
from courriel.mailauth.dkim2_verify import verify
from courriel.model.verdict import Result
from tests.mailauth.zone import Zone
from tests.suites.place import AUTH

FOLDER = AUTH / "dkim2"
FILE = FOLDER / "cases.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else []


def zone() -> Zone:
    published = json.loads((FOLDER / "dns.json").read_text("utf-8"))
    return Zone(
        {
            f"{name}.{domain}": [text.encode() for _, text in records]
            for domain, names in published.items()
            for name, records in names.items()
        }
    )


@pytest.mark.skipif(not CASES, reason=f"no {FILE}")
@pytest.mark.parametrize("case", CASES, ids=[f"dkim2:{case['name']}" for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    """Cases at time 0 say nothing of ages."""
    content = to_crlf((FOLDER / "expected" / case["file"]).read_bytes())
    verdict = asyncio.run(
        verify(content, case["mail_from"], case["rcpt_to"], zone(), case["now"] or None, brackets=case["strict"])
    )
    assert verdict.result.value == case["expected"], (case["comments"], verdict)


OTHERS = sorted({file.name for file in (FOLDER / "expected").glob("*.eml")} - {case["file"] for case in CASES})


@pytest.mark.skipif(not CASES, reason=f"no {FILE}")
@pytest.mark.parametrize("name", OTHERS, ids=[f"dkim2-signed:{name}" for name in OTHERS])
def test_what_others_signed(name: str) -> None:
    """Signed messages without a case: they hold for the envelope they name, whatever their age."""
    content = to_crlf((FOLDER / "expected" / name).read_bytes())
    last = hops(split_block(content).raw_items())[-1]
    verdict = asyncio.run(verify(content, last.mail_from, last.rcpt_to, zone(), None, brackets=False))
    assert verdict.result is Result.PASS, verdict
