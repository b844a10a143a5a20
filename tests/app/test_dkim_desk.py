"""Keys of the house: made, watched in the DNS, put to use, written down, never readable by others."""

from __future__ import annotations

import asyncio
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from courriel.app.dkim_desk import DkimDesk
from courriel.app.dkim_files import DkimFiles
from courriel.app.dkim_letter import tell_postmaster
from courriel.base.clock import ManualClock
from courriel.base.errors import Damaged
from courriel.base.log import Level, log, render_json
from courriel.delivery.intake import Delivery
from courriel.mailauth.dkim_sign import sign
from courriel.mailauth.dkim_verify import verify
from courriel.model.dkim_key import DkimSettings, NoSpareReady, NoSuchKey
from courriel.model.verdict import Result
from tests.mailauth.signing import MESSAGE
from tests.mailauth.zone import Zone
from tests.smtp.house import build

DOMAIN = "example.org"


def _desk(folder: Path, clock: ManualClock) -> DkimDesk:
    return DkimDesk(DkimFiles(folder), DkimSettings(), clock)


def _publish(zone: Zone, rows: list[dict[str, Any]], *states: str) -> None:
    """What a person does with ``courriel dkim show``."""
    for row in rows:
        if row["state"] in states:
            zone.records[row["name"]] = ["".join(row["strings"]).encode()]


def _states(rows: list[dict[str, Any]]) -> list[str]:
    return [row["state"] for row in rows]


def test_a_life(tmp_path: Path) -> None:
    async def test() -> None:
        clock, zone = ManualClock(), Zone({})
        desk = _desk(tmp_path, clock)
        rows = await desk.new(DOMAIN)
        assert _states(rows) == ["pending"] * 4 and desk.signing(DOMAIN) == ()
        assert _states(await desk.check(zone, DOMAIN)) == ["pending"] * 4
        with pytest.raises(NoSpareReady):
            await desk.rotate(DOMAIN)
        _publish(zone, rows, "pending")
        assert sorted(_states(await desk.check(zone))) == ["active", "active", "pending", "pending"]

        keys = desk.signing(f"mail.{DOMAIN}")
        assert {key.domain for key in keys} == {DOMAIN} and desk.signing("org") == ()
        signed = sign(MESSAGE, keys, clock.now()) + MESSAGE
        assert [one.result for one in await verify(signed, zone, clock.now)] == [Result.PASS] * 2

        clock.advance(91 * 86_400)
        rows = await desk.check(zone)
        assert sorted(_states(rows)) == ["active"] * 2 + ["pending"] * 2 + ["retiring"] * 2
        assert {key.selector for key in desk.signing(DOMAIN)}.isdisjoint({key.selector for key in keys})
        clock.advance(7 * 86_400)
        rows = await desk.check(zone)
        assert all(row["value"].endswith("p=") for row in rows if row["state"] == "retired")
        clock.advance(30 * 86_400)
        assert "retired" not in _states(await desk.check(zone))
        left = {file.stem for file in (tmp_path / DOMAIN).glob("*.pem")}
        assert left == {row["selector"] for row in await desk.rows(DOMAIN)}

    asyncio.run(test())


def test_people_are_told_once_when_keys_wait_anew(tmp_path: Path) -> None:
    """New spares after a rotation, keys that have left the DNS; not keys that somebody has just made."""

    async def test() -> None:
        clock, zone, told = ManualClock(), Zone({}), list[tuple[str, bool]]()
        desk = _desk(tmp_path, clock)

        async def tell(domain: str, signs: bool) -> None:
            told.append((domain, signs))

        async def turn(**later: float) -> None:
            clock.advance(timedelta(**later).total_seconds())
            await desk.turn(zone)

        desk.when_waiting = tell
        rows = await desk.new(DOMAIN)
        await turn()
        _publish(zone, rows, "pending")
        await turn(minutes=10)
        assert told == [] and desk.signing(DOMAIN)
        await turn(days=91)
        await turn(days=1)
        assert told == [(DOMAIN, True)]
        zone.records.clear()
        for _ in range(4):
            await turn(hours=6)
        assert told == [(DOMAIN, True), (DOMAIN, False)] and not desk.signing(DOMAIN)

    asyncio.run(test())


@pytest.mark.parametrize(("signs", "words"), [(True, b"new keys of"), (False, b"not in the DNS any more")])
def test_the_postmaster_gets_a_letter(signs: bool, words: bytes) -> None:
    async def test() -> None:
        house = await build()
        await house.directory.add_alias("postmaster@courriel.test", ["bob@courriel.test"])
        assert isinstance(house.intake, Delivery)
        await tell_postmaster("courriel.test", signs, house.intake)
        [mail] = await house.mail("bob")
        assert words in mail and b"courriel dkim show courriel.test" in mail
        await tell_postmaster("two.test", signs, house.intake)  # where nobody is: no error
        await house.close()

    asyncio.run(test())


def test_what_was_written_is_there_after_a_start(tmp_path: Path) -> None:
    async def test() -> None:
        clock, zone = ManualClock(), Zone({})
        desk = _desk(tmp_path, clock)
        _publish(zone, await desk.new(DOMAIN), "pending")
        rows = await desk.check(zone)
        again = _desk(tmp_path, clock)
        assert await again.rows() == rows
        assert [key.selector for key in again.signing(DOMAIN)] == [key.selector for key in desk.signing(DOMAIN)]
        await again.retire(DOMAIN, again.signing(DOMAIN)[0].selector)
        with pytest.raises(NoSuchKey):
            await again.retire(DOMAIN, "nothing")
        await again.forget(DOMAIN)
        assert again.signing(DOMAIN) == ()
        with pytest.raises(NoSuchKey):
            await again.rows(DOMAIN)

    asyncio.run(test())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", ["more", "other", "testing", "revoked"])
def test_what_is_published_must_be_it(tmp_path: Path, spoil: str) -> None:
    async def test() -> None:
        zone = Zone({})
        desk = _desk(tmp_path, ManualClock())
        rows = await desk.new(DOMAIN)
        _publish(zone, rows, "pending")
        for row in rows:
            right = row["value"].encode()
            wrong = {"more": [right, right], "other": [rows[0]["value"].encode() + b"A"], "testing": [right + b"; t=y"],
                     "revoked": [right.partition(b"p=")[0] + b"p="]}  # fmt: skip
            zone.records[row["name"]] = wrong[spoil]
        assert set(_states(await desk.check(zone))) == {"pending"}

    asyncio.run(test())


def test_private_parts_are_private(tmp_path: Path) -> None:
    """Files are their owner's alone, and no log has them."""
    lines: list[str] = []
    log.configure(lines.append, render_json, Level.DEBUG)
    try:
        asyncio.run(_desk(tmp_path, ManualClock()).new(DOMAIN))
    finally:
        log.configure(None, render_json, Level.INFO)
    assert lines and not any("PRIVATE" in line for line in lines)
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_broken_private_part_signs_nothing_and_says_nothing_of_itself(tmp_path: Path) -> None:
    async def test() -> None:
        clock, zone = ManualClock(), Zone({})
        desk = _desk(tmp_path, clock)
        _publish(zone, await desk.new(DOMAIN), "pending")
        await desk.check(zone)
        for file in (tmp_path / DOMAIN).glob("*.pem"):
            file.write_text("-----BEGIN PRIVATE KEY-----\nsecret\n")
        assert _desk(tmp_path, clock).signing(DOMAIN) == ()

    asyncio.run(test())


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "a..b", "A", "x" * 300, "a\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    files = DkimFiles(tmp_path / "dkim")
    for act in (lambda: files.load(name), lambda: files.forget(name), lambda: files.private("example.org", name)):
        with pytest.raises(Damaged):
            act()
