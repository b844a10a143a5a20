"""The scripted IMAP tests against our server, and proof that the runner can fail.

The runner was proved on Debian's Dovecot (``DOVECOT=host:port:user:password pytest tests/interop/test_imaptest.py``
runs it there): it finds what CONFORMANCE states.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from tests.imap.house import PASSWORD, listening, make_house
from tests.interop.imaptest import Exchange, Outcome, Script, Server, load, play
from tests.trial import SHARED

SCRIPTS = SHARED / "suites" / "imaptest" / "tests"
NAMES = sorted(path.name for path in SCRIPTS.iterdir() if "." not in path.name) if SCRIPTS.exists() else []

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not NAMES, reason=f"the scripted tests are not at {SCRIPTS}"),
]


def script(name: str) -> Script:
    return load(SCRIPTS / name, SCRIPTS / "default.mbox")


def run(one: Script) -> Outcome:
    async def main() -> Outcome:
        house = await make_house(("tester",))
        async with listening(house) as port:
            return await play(one, Server("127.0.0.1", port, "tester@courriel.test", PASSWORD))

    return asyncio.run(main())


@pytest.mark.parametrize("name", NAMES)
def test_script(name: str) -> None:
    outcome = run(script(name))
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert not outcome.failed, outcome.failed
    assert outcome.commands


@pytest.mark.skipif("DOVECOT" not in os.environ, reason="DOVECOT=host:port:user:password names no server")
@pytest.mark.parametrize("name", NAMES)
def test_script_on_dovecot(name: str) -> None:
    host, port, user, password = os.environ["DOVECOT"].split(":")
    outcome = asyncio.run(play(script(name), Server(host, int(port), user, password)))
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert not outcome.failed, outcome.failed


def refuse(exchange: Exchange) -> Exchange:
    """The same, but every command is meant to fail."""
    return replace(exchange, results=[("bad", prefix) for _, prefix in exchange.results])


def forbid(exchange: Exchange) -> Exchange:
    """The same, but what must come must not."""
    expected = [replace(one, sign="!") if one.sign == "*" else one for one in exchange.expected]
    return replace(exchange, expected=expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name in {"fetch", "store", "search-flags", "copy", "list"}])
@pytest.mark.parametrize("alter", [refuse, forbid])
def test_altered_script_fails(name: str, alter: object) -> None:
    assert callable(alter)
    good = script(name)
    for at, exchange in enumerate(good.exchanges):
        if alter is forbid and not any(one.sign == "*" for one in exchange.expected):
            continue
        bad = replace(good, exchanges=[*good.exchanges[:at], alter(exchange)])
        outcome = run(bad)
        assert outcome.failed, f"line {exchange.line}"
        break
    else:
        raise AssertionError("nothing to alter")
