"""Who guesses passwords does not begin anew because the server did."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.accounts.lockout import HOUR_S, Lockout
from courriel.app.lockout_file import LockoutFile
from courriel.base.clock import ManualClock
from courriel.model.refusals import Throttled

IP, NEAR = "192.0.2.7", "192.0.2.8"


class House:
    """One run of a server after the other; each has a steady clock of its own, as after a reboot."""

    def __init__(self, place: Path) -> None:
        self.file = place / "lockout.json"
        self.clock = ManualClock()

    def restart(self, pause_s: float = 0.0) -> tuple[Lockout, LockoutFile]:
        now = self.clock.now() + pause_s
        self.clock = ManualClock()
        self.clock.advance(now - self.clock.now())
        lockout = Lockout(self.clock)
        kept = LockoutFile(self.file, lockout, self.clock)
        kept.load()
        return lockout, kept


def _fail(lockout: Lockout, login: str, times: int, ip: str = IP) -> None:
    for _ in range(times):
        attempt = lockout.admit(login, ip)
        assert attempt is not None
        lockout.failed(attempt)


def test_a_full_bucket_is_full_after_a_restart_and_leaks_meanwhile(tmp_path: Path) -> None:
    house = House(tmp_path)
    lockout, kept = house.restart()
    _fail(lockout, "alice", 10)
    kept.save()
    lockout, kept = house.restart(60.0)
    with pytest.raises(Throttled) as refusal:
        lockout.admit("alice", IP)
    assert refusal.value.retry_after_s == pytest.approx(HOUR_S / 20 - 60.0)
    lockout, _ = house.restart(HOUR_S / 20)
    _fail(lockout, "alice", 1)


def test_a_known_network_stays_known(tmp_path: Path) -> None:
    """An attacker beside her does not shut her out after a restart either."""
    house = House(tmp_path)
    lockout, kept = house.restart()
    attempt = lockout.admit("alice", IP)
    assert attempt is not None
    lockout.succeeded(attempt)
    for login in "bcdefghijk":
        _fail(lockout, login, 1)
    kept.save()
    lockout, _ = house.restart()
    assert lockout.admit("alice", IP) is not None
    with pytest.raises(Throttled):
        lockout.admit("bob", IP)


def test_what_cannot_be_written_or_read_stops_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    lockout, kept = house.restart()
    _fail(lockout, "half\ud800", 2)
    kept.save()
    assert house.restart()[0].entries == 1, "the network"
    house.file.write_bytes(b'{"pairs": [["x"')
    assert house.restart()[0].entries == 0
    house.file = tmp_path / "gone" / "lockout.json"
    house.restart()[1].save()


def test_a_clock_set_back_makes_no_try_last_longer(tmp_path: Path) -> None:
    house = House(tmp_path)
    lockout, kept = house.restart(10 * HOUR_S)
    _fail(lockout, "alice", 10)
    kept.save()
    lockout, _ = house.restart(-9 * HOUR_S)
    house.clock.advance(HOUR_S / 2)
    _fail(lockout, "alice", 10)
