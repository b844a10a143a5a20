"""The doctor fetches what the web door promises, as a stranger would."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from courriel.app import config
from courriel.app.web import policy_of, web_names
from courriel.app.web_check import WebCheck
from courriel.formats.mta_sts import Mode, Policy
from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.zones.plan import Domain, House, plan
from courriel.zones.state import look
from tests.http.house import house, site
from tests.zones.names import Names

HOUSE = House("mx.example.org", ("127.0.0.1",), {}, https=443, sts="1")
OTHERS = {f"{role}.example.org": "mx.example.org." for role in ("mta-sts", "autoconfig", "autodiscover")}
OURS = Policy(Mode.TESTING, ("mx.example.org",), 604_800)


def examine(directory: Path, served: Policy | None = OURS, trusted: bool = True, led: bool = True) -> list[Finding]:
    """What is found where ``served`` is the policy that others get."""

    async def act() -> list[Finding]:
        settings = config.load(None, {}, ["hostname=mx.example.org"])
        names = web_names(settings, ["example.org"])
        async with house(directory, about=site(served), names=names) as place:
            trust = [f"relay.ca_file={directory / 'chain.pem'}"] if trusted else []
            port = [f"relay.sts_port={place.https}"]
            settings = config.load(None, {}, ["hostname=mx.example.org", *port, *trust])
            there = {(name, "CNAME"): (target,) for name, target in OTHERS.items()} if led else {}
            names_there = Names(there | {(name, "A"): ("127.0.0.1",) for name in OTHERS if led})
            rows = await look(plan(HOUSE, Domain("example.org")), names_there)
            return await WebCheck(names_there, settings).look("example.org", rows)

    return asyncio.run(act())


def test_what_is_served_as_promised_is_right(tmp_path: Path) -> None:
    found = examine(tmp_path)
    assert [(one.group, one.symptom) for one in found] == [
        (Group.MTA_STS, Symptom.RIGHT),
        (Group.AUTOCONFIG, Symptom.RIGHT),
        (Group.AUTODISCOVER, Symptom.RIGHT),
    ]


POLICIES = [
    (Policy(Mode.ENFORCE, ("mx.example.org",), 604_800), Health.WARNING, Symptom.OTHER_FILE),
    (Policy(Mode.TESTING, ("old.example.net",), 604_800), Health.WARNING, Symptom.OTHER_FILE),
    (Policy(Mode.ENFORCE, ("old.example.net",), 604_800), Health.BAD, Symptom.OTHER_FILE),
    (None, Health.WARNING, Symptom.NO_FILE),
]


@pytest.mark.parametrize(("served", "health", "symptom"), POLICIES)
def test_a_policy_of_others_is_bad_where_it_keeps_mail_away(
    tmp_path: Path, served: Policy | None, health: Health, symptom: Symptom
) -> None:
    first = examine(tmp_path, served)[0]
    assert (first.group, first.health, first.symptom) == (Group.MTA_STS, health, symptom)


def test_a_certificate_strangers_do_not_know_is_told(tmp_path: Path) -> None:
    found = examine(tmp_path, trusted=False)
    assert {one.symptom for one in found} == {Symptom.NO_FILE}
    assert "certificate" in found[0].detail.lower()


def test_of_names_that_are_missing_nothing_more_is_said(tmp_path: Path) -> None:
    assert examine(tmp_path, led=False) == []


def test_what_is_promised_follows_the_settings() -> None:
    assert policy_of(config.load(None, {}, ["hostname=mx.example.org"])) == OURS
    more = ["hostname=MX.example.org", "sts.mode=enforce", "sts.mx=b.example,*.c.example", "sts.max_age_s=86400"]
    wanted = Policy(Mode.ENFORCE, ("mx.example.org", "b.example", "*.c.example"), 86_400)
    assert policy_of(config.load(None, {}, more)) == wanted
    assert policy_of(config.load(None, {}, ["sts.mode=off"])) is None
    assert policy_of(config.load(None, {}, ["listen.https=0"])) is None
