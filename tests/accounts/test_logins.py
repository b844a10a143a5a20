"""The gate: right and wrong passwords, equal work for all failures, the memory of recent logins, the lockout."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from courriel.accounts.authenticator import GateSettings
from courriel.accounts.lockout import Bucket, Lockout, LockoutSettings
from courriel.accounts.passwords import PASSWORD_OCTETS, Passwords, PasswordSettings, prepare, saslprep
from courriel.base.clock import ManualClock
from courriel.base.errors import FormatError
from courriel.base.networks import is_loopback, network_of
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.refusals import AuthenticationFailed, Throttled
from tests.accounts.people import CHEAP, ELSEWHERE, House


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def _try(house: House, login: str, password: str, ip: str = ELSEWHERE, protocol: str = "imap") -> str:
    try:
        return (await house.password(login, password, ip, protocol)).login
    except AuthenticationFailed as refusal:
        return f"failed {refusal.detail}".strip()
    except Throttled:
        return "throttled"


TRIES = [
    ("alice", "secret", "alice@one.test"),
    ("ALICE@One.Test", "secret", "alice@one.test"),
    ("dora", "pässword", "dora@two.test"),
    ("dora", "pa\u0308ssword", "dora@two.test"),
    ("alice", "Secret", "failed"),
    ("alice", "", "failed"),
    ("alice", "secret\0", "failed"),
    ("alice", "x" * 5000, "failed"),
    ("bob", "secret", "failed"),
    ("bob", "wrong", "failed"),
    ("nobody", "secret", "failed"),
    ("x" * 5000, "secret", "failed"),
    ("a\ud800", "secret", "failed"),
]


@pytest.mark.parametrize(("login", "password", "outcome"), TRIES)
def test_a_login(login: str, password: str, outcome: str) -> None:
    async def go() -> str:
        return await _try(await House().open(), login, password)

    assert run(go()) == outcome


def test_every_failure_does_the_same_work() -> None:
    """AUTH row 33, counted in hashes: unknown, wrong and disabled, and the first try of a fresh process."""

    async def go() -> list[int]:
        counts = []
        for login, password in [("nobody", "x"), ("alice", "x"), ("bob", "secret"), ("alice", "\0")]:
            house = await House().open()
            before = house.passwords.hashes
            assert await _try(house, login, password) == "failed"
            counts.append(house.passwords.hashes - before)
        return counts

    assert len(set(run(go()))) == 1


def test_a_recent_login_costs_no_hash_until_something_changes() -> None:
    async def go() -> None:
        house = await House().open()
        hashes = []
        for step in ("first", "again", "other password", "new record", "old again", "expired"):
            before = house.passwords.hashes
            if step == "new record":
                house.records[AccountId(1)] = await house.passwords.record("new")
                before = house.passwords.hashes
                assert await _try(house, "alice", "secret") == "failed"
            elif step == "other password":
                assert await _try(house, "alice", "wrong") == "failed"
            elif step == "expired":
                house.clock.advance(CHEAP.cache_s + 1)
                assert await _try(house, "alice", "new") == "alice@one.test"
            else:
                wanted = "new" if step == "old again" else "secret"
                assert await _try(house, "alice", wanted) == "alice@one.test"
            hashes.append(house.passwords.hashes - before)
        assert hashes == [2, 0, 1, 1, 1, 1]  # the very first makes the dummy hash too

    run(go())


def test_a_disabled_account_is_shut_at_once_though_its_login_is_remembered() -> None:
    async def go() -> None:
        house = await House().open()
        assert await _try(house, "alice", "secret") == "alice@one.test"
        house.roster.put_account(Account(AccountId(1), "alice@one.test", enabled=False))
        assert await _try(house, "alice", "secret") == "failed"

    run(go())


def test_the_memory_of_logins_is_bounded() -> None:
    async def go() -> int:
        passwords = Passwords(PasswordSettings(argon2_memory_kib=8, cache_logins=5), ManualClock())
        for number in range(20):
            await passwords.check(f"u{number}", "x", None)
        return len(passwords._recent)

    assert run(go()) == 5


def test_more_waiting_than_named_are_sent_away() -> None:
    async def go() -> list[str]:
        house = await House(LockoutSettings(pair=Bucket(999, 1), network=Bucket(999, 1))).open()
        house.passwords.settings = PasswordSettings(argon2_memory_kib=8, hash_threads=1, hash_queue=3)
        await house.passwords.check("warm", "up", None)
        return await asyncio.gather(*[_try(house, f"u{n}", f"p{n}") for n in range(10)])

    outcomes = run(go())
    assert (outcomes.count("failed"), outcomes.count("throttled")) == (4, 6)


# --- lockout ----------------------------------------------------------------------------------------------------
async def _storm(house: House, hours: float, login: str, ip: str, every_s: float = 10.0) -> int:
    """Try for some hours; how many passwords were really looked at."""
    looked = 0
    for number in range(int(hours * 3600 / every_s)):
        looked += await _try(house, login.format(n=number), f"guess {number}", ip.format(n=number)) == "failed"
        house.clock.advance(every_s)
    return looked


STORMS = [
    ("alice", "192.0.2.1"),
    ("user{n}", "192.0.2.1"),
    ("nobody", "192.0.2.1"),
    ("alice", "2001:db8::{n:x}"),
]


@pytest.mark.parametrize(("login", "ip"), STORMS)
def test_an_attacker_has_thirty_tries_an_hour(login: str, ip: str) -> None:
    """AUTH row 34: one user and many passwords, many users, many addresses of one /64."""

    async def go() -> None:
        house = await House().open()
        assert await _storm(house, 1.0, login, ip) <= 30
        assert await _storm(house, 1.0, login, ip) <= 30
        assert await _try(house, "alice", "secret", "198.51.100.9") == "alice@one.test"

    run(go())


def test_all_protocols_count_together() -> None:
    async def go() -> int:
        house = await House().open()
        outcomes = [await _try(house, "alice", f"p{n}", protocol=("imap", "smtp", "pop3")[n % 3]) for n in range(30)]
        return outcomes.count("failed")

    assert run(go()) == 10


def test_many_tries_at_once_are_many() -> None:
    async def go() -> int:
        house = await House().open()
        outcomes = await asyncio.gather(*[_try(house, "alice", f"p{n}") for n in range(50)])
        return outcomes.count("failed")

    assert run(go()) == 10


def test_a_known_network_stays_open_though_others_there_guess() -> None:
    async def go() -> None:
        house = await House().open()
        assert await _try(house, "alice", "secret", "192.0.2.1") == "alice@one.test"
        assert await _storm(house, 0.04, "user{n}", "192.0.2.1", 1.0) == 10
        assert await _try(house, "alice", "secret", "192.0.2.1") == "alice@one.test"
        assert await _try(house, "dora", "pässword", "192.0.2.1") == "throttled"
        house.clock.advance(31 * 86_400)
        await _storm(house, 0.04, "user{n}", "192.0.2.1", 1.0)
        assert await _try(house, "alice", "secret", "192.0.2.1") == "throttled"

    run(go())


def test_a_known_network_is_no_licence_to_guess() -> None:
    async def go() -> None:
        house = await House().open()
        assert await _try(house, "alice", "secret", "192.0.2.1") == "alice@one.test"
        assert await _storm(house, 1.0, "alice", "192.0.2.1") <= 30
        assert await _try(house, "alice", "secret", "192.0.2.1") == "throttled"

    run(go())


def test_right_passwords_never_lock() -> None:
    async def go() -> None:
        house = await House().open()
        for _ in range(200):
            assert await _try(house, "alice", "secret") == "alice@one.test"
        assert house.slept == []

    run(go())


def test_a_phone_with_an_old_password_does_not_lock_its_owner_out() -> None:
    async def go() -> None:
        house = await House().open()
        for _ in range(100):
            assert await _try(house, "alice", "last year's") == "failed"
        assert await _try(house, "alice", "secret") == "alice@one.test"

    run(go())


def test_failures_are_answered_later_each_time() -> None:
    async def go() -> None:
        house = await House().open()
        for number in range(6):
            await _try(house, "alice", f"p{number}")
        assert house.slept == [0.5, 1.0, 2.0, 4.0, 4.0]

    run(go())


def test_a_typing_error_on_this_machine_costs_nothing_but_a_storm_ends() -> None:
    async def go() -> None:
        house = await House().open()
        outcomes = [await _try(house, "alice", f"p{number}", "127.0.0.1") for number in range(150)]
        assert (outcomes.count("failed"), outcomes.count("throttled")) == (100, 50)
        assert house.slept == []

    run(go())


def test_throttled_says_when_to_come_again() -> None:
    clock = ManualClock()
    lockout = Lockout(clock, LockoutSettings(pair=Bucket(1, 20)))
    attempt = lockout.admit("alice", ELSEWHERE)
    assert attempt is not None
    assert lockout.admit("alice", ELSEWHERE) is None  # the first is not decided yet
    lockout.failed(attempt)
    with pytest.raises(Throttled) as refused:
        lockout.admit("alice", ELSEWHERE)
    assert refused.value.retry_after_s == 180.0
    clock.advance(180)
    lockout.admit("alice", ELSEWHERE)


def test_the_memory_of_the_lockout_is_bounded() -> None:
    lockout = Lockout(ManualClock(), LockoutSettings(entries=100))
    for number in range(2000):
        for end in (lockout.succeeded, lockout.failed):
            attempt = lockout.admit(f"u{number}", f"2001:db8:{number:x}::1")
            assert attempt is not None
            end(attempt)
    assert lockout.entries <= 300
    assert not lockout._under_way


NETWORKS = [
    ("192.0.2.1", "192.0.2.1"),
    ("2001:db8::1", "2001:db8::/64"),
    ("2001:db8:0:0:ffff::9%eth0", "2001:db8::/64"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("", ""),
    ("no:address", "no:address"),
]


@pytest.mark.parametrize(("ip", "network"), NETWORKS)
def test_network_of(ip: str, network: str) -> None:
    assert network_of(ip) == network


@pytest.mark.parametrize(
    ("ip", "here"),
    [("127.0.0.1", True), ("::1", True), ("", True), ("::ffff:127.0.0.1", True), ("::2", False), ("10.0.0.1", False)],
)
def test_is_loopback(ip: str, here: bool) -> None:
    assert is_loopback(ip) is here


def test_a_crowd_behind_one_address_comes_back_at_once() -> None:
    """After a restart nobody is known and nothing is remembered; right passwords must not look like a storm."""

    async def go() -> list[str]:
        house = await House().open()
        people = [f"u{number}@one.test" for number in range(40)]
        for number, login in enumerate(people, 100):
            house.roster.put_account(Account(AccountId(number), login))
            house.records[AccountId(number)] = house.records[AccountId(1)]
        return await asyncio.gather(*[_try(house, login, "secret") for login in people])

    assert run(go()) == [f"u{number}@one.test" for number in range(40)]


def test_one_client_on_many_connections_makes_one_guess() -> None:
    async def go() -> None:
        house = await House().open()
        await house.passwords.check("warm", "up", None)
        before = house.passwords.hashes
        assert set(await asyncio.gather(*[_try(house, "alice", "secret") for _ in range(50)])) == {"alice@one.test"}
        assert house.passwords.hashes == before + 1
        assert set(await asyncio.gather(*[_try(house, "alice", "wrong") for _ in range(50)])) == {"failed"}
        assert house.passwords.hashes == before + 2
        assert await _try(house, "alice", "secret") == "alice@one.test"

    run(go())


def test_a_client_that_hangs_up_has_used_its_try() -> None:
    async def go() -> list[str]:
        house = await House().open()
        for number in range(10):
            guess = asyncio.ensure_future(_try(house, "alice", f"p{number}"))
            await asyncio.sleep(0)
            guess.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await guess
        return [await _try(house, "alice", "secret"), await _try(house, "alice", "secret", "198.51.100.1")]

    assert run(go()) == ["throttled", "alice@one.test"]


# --- records ----------------------------------------------------------------------------------------------------
def test_a_record_holds_no_password_and_the_named_parameters() -> None:
    async def go() -> None:
        passwords = Passwords(PasswordSettings())
        record = await passwords.record("sesame")
        assert record.argon2.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
        assert b"sesame" not in msgspec.msgpack.encode(record)
        assert record.scram_sha256 is not None
        assert record.scram_sha256.iterations >= 4096  # RFC 7677 §4
        assert record.scram_sha1 is None
        assert await passwords.check("a", "sesame", record)
        passwords.close()

    run(go())


def test_a_damaged_record_lets_nobody_in() -> None:
    async def go() -> None:
        house = await House().open()
        house.records[AccountId(1)] = msgspec.structs.replace(house.records[AccountId(1)], argon2="$argon2id$v=19$")
        assert await _try(house, "alice", "secret") == "failed"

    run(go())


PREPARED = [
    ("plain", "plain"),
    ("two words", "two words"),
    ("a\u00a0b", "a b"),
    ("e\u0301", "é"),
    ("ﬁ", "ﬁ"),
    ("", FormatError),
    ("a\tb", FormatError),
    ("a\0", FormatError),
    ("\ud800", FormatError),
    ("é" * (PASSWORD_OCTETS // 2 + 1), FormatError),
]


@pytest.mark.parametrize(("password", "kept"), PREPARED)
def test_prepare(password: str, kept: str | type[Exception]) -> None:
    if isinstance(kept, str):
        assert prepare(password) == kept
    else:
        with pytest.raises(kept):
            prepare(password)


SASLPREP = [  # RFC 4013 §3
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    ("\u0007", FormatError),
    ("\u0627\u0031", FormatError),
]


@pytest.mark.parametrize(("text", "kept"), SASLPREP)
def test_saslprep(text: str, kept: str | type[Exception]) -> None:
    if isinstance(kept, str):
        assert saslprep(text) == kept
    else:
        with pytest.raises(kept):
            saslprep(text)


OFFERS = [
    (False, False, False, ("SCRAM-SHA-256", "SCRAM-SHA-1"), False),
    (True, False, False, ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"), True),
    (False, True, False, ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"), True),
    (False, False, True, ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"), True),
]


@pytest.mark.parametrize(("tls", "loopback", "setting", "offered", "may"), OFFERS)
def test_cleartext_is_offered_only_where_nobody_listens(
    tls: bool, loopback: bool, setting: bool, offered: tuple[str, ...], may: bool
) -> None:
    gate = House(settings=GateSettings(cleartext_without_tls=setting, scram_sha1=True)).gate
    assert gate.mechanisms(tls=tls, loopback=loopback) == offered
    assert gate.may_log_in(tls=tls, loopback=loopback) is may
    ip = "127.0.0.1" if loopback else ELSEWHERE
    assert (gate.begin("plain", ip=ip, protocol="imap", tls=tls) is not None) is may
    assert gate.begin("CRAM-MD5", ip=ip, protocol="imap", tls=tls) is None
