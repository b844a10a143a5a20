"""SPF: the suites of RFC 7208 and RFC 4408 (openspf), pyspf's own, and the line format of another implementation."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from courriel.mailauth import spf
from courriel.model.envelope import NULL_PATH, Address
from courriel.model.verdict import Result, SpfVerdict
from tests.suites.folder import cases, files
from tests.zone import Zone

yaml = pytest.importorskip("yaml")

# Cases in which a suite and RFC 7208 differ, with the result of the RFC.
ARGUED = {
    # An unknown modifier is ignored (§6); "default=" was one of pyspf's lax mode, "ambiguous" a result of its own.
    "pyspf-extra:default-modifier": "neutral",
    "pyspf-extra:default-modifier-harsh": "neutral",
    # A syntax error anywhere is a permerror, behind "all" too (§4.6).
    "stalwart:all-All-test": "permerror",
    # Ten terms without an answer: two are let pass (§4.6.4).
    "stalwart:basic-DNS-Lookup-Limits": "permerror",
    # exists asks for A, whatever the client's family (§5.7); these names have AAAA only.
    "stalwart:exists-Exists#2": "fail",
    "stalwart:macro-Macro-expansion-2#2": "fail",
    # An IPv4 client is judged by ip4 mechanisms alone (§5).
    "stalwart:ip-IPv6-match#4": "fail",
}


class Case(msgspec.Struct):
    zone: Zone
    ip: str
    helo: str
    sender: str
    results: tuple[str, ...]
    explanation: str | None = None


# --- openspf ----------------------------------------------------------------------------------------------------


def openspf(path: Path) -> Iterator[tuple[str, Case]]:
    for scenario in yaml.safe_load_all(path.read_text("utf-8")):
        zone = openspf_zone(scenario["zonedata"])
        for name, test in scenario["tests"].items():
            results = test["result"] if isinstance(test["result"], list) else [test["result"]]
            host, sender = str(test["host"]), test["mailfrom"] or ""
            yield name, Case(zone, host, test["helo"], sender, tuple(results), test.get("explanation"))


def openspf_zone(data: dict[str, Any]) -> Zone:
    """SPF records are TXT records as well, unless the name has TXT records of its own."""
    records: dict[str, dict[str, list[Any]]] = {}
    failing: list[str | tuple[str, str]] = []
    for name, entries in data.items():
        types: dict[str, list[Any]] = {}
        own_text, silent = False, False
        for entry in entries:
            if entry == "TIMEOUT":
                silent = True
                continue
            ((rdtype, value),) = entry.items()
            if rdtype == "TXT":
                own_text = True
            if value == "TIMEOUT":
                failing.append((name, rdtype))
            elif rdtype in ("TXT", "SPF"):
                if value != "NONE":
                    types.setdefault(rdtype, []).append(_octets(value))
            elif rdtype == "MX":
                types.setdefault("MX", []).append((value[0], value[1]))
            else:
                types.setdefault(rdtype, []).append(str(value))
        if not own_text and "SPF" in types:
            types["TXT"] = types["SPF"]
        records[name] = types
        if silent:
            failing += [(name, rdtype) for rdtype in ("A", "AAAA", "MX", "TXT", "PTR") if rdtype not in types]
    return Zone(records, failing)


def _octets(value: str | list[str]) -> bytes:
    return "".join(value if isinstance(value, list) else [value]).encode("utf-8")


# --- the line format --------------------------------------------------------------------------------------------


def lines(path: Path) -> Iterator[tuple[str, Case]]:
    """State carries on from line to line inside a block."""
    for block in path.read_text("utf-8").split("\n---"):
        name, state, zone = "", {"domain": "", "sender": "", "ip": ""}, Zone({}, ())
        for line in block.splitlines():
            if line.startswith("#") or ":" not in line:
                continue
            key, _, value = line.strip().removeprefix("- ").partition(":")
            value = value.strip()
            if key == "name":
                name = value.replace(" ", "-")
            elif key in ("spf", "exp", "a", "aaaa", "mx", "ptr"):
                _add(zone, key, *value.split(None, 1))
            elif key == "expect":
                result, _, explanation = value.partition(" ")
                sender = state["sender"]
                yield (
                    f"{path.stem}-{name}",
                    Case(deepcopy(zone), state["ip"], state["domain"], sender, (result,), explanation.strip() or None),
                )
            elif key in state:
                state[key] = value


def _add(zone: Zone, key: str, name: str, value: str) -> None:
    if key == "ptr":
        name = ipaddress.ip_address(name).reverse_pointer
    types = zone.records.setdefault(name.lower(), {})
    if key in ("spf", "exp"):
        types["TXT"] = [value.encode()]
    elif key == "mx":
        # Its MX records name addresses: each gets a host of its own.
        for at, ip in enumerate(re.split(r"[ ,]+", value.strip())):
            host = f"mx{at}.{name}"
            types.setdefault("MX", []).append((10, host))
            zone.records[host.lower()] = {"AAAA" if ":" in ip else "A": [ip]}
    else:
        types.setdefault(key.upper(), []).extend(re.split(r"[ ,]+", value.strip()))


# --- the tests --------------------------------------------------------------------------------------------------


async def judged(case: Case) -> SpfVerdict:
    local, _, domain = case.sender.rpartition("@")
    sender = Address(local, domain) if case.sender else NULL_PATH
    question = spf.of_mail(case.ip, case.helo, sender, "receiver.example", 0.0)
    return await spf.check(question, case.zone)


def expected(request: pytest.FixtureRequest, case: Case) -> tuple[str, ...]:
    argued = ARGUED.get(request.node.callspec.id)
    return case.results if argued is None else (argued,)


@pytest.mark.parametrize(
    "case",
    [
        one
        for suite in ("rfc7208-tests", "rfc4408-tests", "pyspf-extra")
        for path in files(f"spf/{suite}.yml")
        for one in cases(suite.removesuffix("-tests"), openspf(path))
    ],
)
async def test_openspf(runner: object, request: pytest.FixtureRequest, case: Case) -> None:
    verdict = await judged(case)
    assert verdict.result.value in expected(request, case), verdict.trace
    if case.explanation and verdict.result.value == "fail":
        wanted = "" if case.explanation == "DEFAULT" else case.explanation
        assert verdict.explanation == wanted


@pytest.mark.parametrize(
    "case", [one for path in files("spf/stalwart/*.yml") for one in cases("stalwart", lines(path))]
)
async def test_lines(runner: object, request: pytest.FixtureRequest, case: Case) -> None:
    """It judges the HELO first, and takes its fail for the answer."""
    case.zone.failing.update({"_dns_error.org", "_dns_error.test.org"})
    verdict = await spf.check(spf.of_helo(case.ip, case.helo, "receiver.example", 0.0), case.zone)
    if verdict.result is not Result.FAIL:
        verdict = await judged(case)
    assert verdict.result.value in expected(request, case), verdict.trace
    if case.explanation is not None:
        assert verdict.explanation == case.explanation
