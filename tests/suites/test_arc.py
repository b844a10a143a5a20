"""The public suite of ARC: chains to judge, and sets to make octet by octet.  One test a case."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from courriel.formats.header import split_block
from courriel.formats.message.canonical import to_crlf
from courriel.formats.tag_list import parse_tags
from courriel.mailauth.arc import validate
from courriel.mailauth.arc_seal import own_results, seal
from courriel.mailauth.dkim_own import load
from courriel.model.verdict import Result
from tests.mailauth.zone import Zone
from tests.suites.place import AUTH

yaml = pytest.importorskip("yaml")

VALIDATE = AUTH / "arc" / "arc-draft-validation-tests.yml"
SIGN = AUTH / "arc" / "arc-draft-sign-tests.yml"


class _Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
    """Three cases of the suite have the names of others; they are cases all the same."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in node.value:
            name = self.construct_object(key, deep=True)
            found[f"{name}-again" if name in found else name] = self.construct_object(value, deep=True)
        return found


def _cases(file: Path, suite: str) -> list[Any]:
    """(scenario, case), each under its name."""
    if not file.exists():
        return [pytest.param({}, {}, marks=pytest.mark.skip(f"no {file}"))]
    scenarios = list(yaml.load_all(file.read_text("utf-8"), _Loader))
    return [pytest.param(one, case, id=f"{suite}:{name}") for one in scenarios for name, case in one["tests"].items()]


def _zone(scenario: dict[str, Any]) -> Zone:
    return Zone({name: [text.replace("\n", "").encode()] for name, text in scenario["txt-records"].items()})


@pytest.mark.parametrize(("scenario", "case"), _cases(VALIDATE, "arc-validate"))
def test_validate(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    """Where the suite says nothing, the last seal says cv=fail: RFC 8617 §5.2 step 2."""
    verdict = asyncio.run(validate(to_crlf(case["message"].encode()), _zone(scenario)))
    assert verdict.result is Result(case["cv"].lower() or "fail"), verdict


@pytest.mark.parametrize(("scenario", "case"), _cases(SIGN, "arc-sign"))
def test_sign(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    content = to_crlf(case["message"].encode())
    verdict = asyncio.run(validate(content, _zone(scenario)))
    key = load(scenario["domain"], scenario["sel"], scenario["privatekey"].encode())
    results = own_results(split_block(content).raw_items(), case["srv-id"].encode())
    made = seal(content, results, verdict, key, case["t"], case["sig-headers"].encode().split(b":"))
    if not case["AS"]:
        assert made == b""
        return
    fields = split_block(made)
    for name, wanted in (("ARC-Seal", case["AS"]), ("ARC-Message-Signature", case["AMS"])):
        assert _tags(fields.get(name.encode()) or b"") == _tags(wanted.encode())
    assert (fields.get(b"ARC-Authentication-Results") or b"").split() == case["AAR"].encode().split()


def _tags(value: bytes) -> dict[str, str]:
    tags = parse_tags(to_crlf(value.strip()).replace(b"\r\n", b" "), "ARC field")
    return {name: text if name != "b" else "".join(text.split()) for name, text in tags.items()}
