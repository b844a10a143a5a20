"""The directory file: durable changes, refusals, other processes, ids that are never used again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import Damaged, FormatError
from courriel.model.device import Device
from courriel.model.directory_refusals import (
    AddressTaken,
    DomainExists,
    DomainInUse,
    NoSuchAccount,
    NoSuchAlias,
    NoSuchDomain,
)
from courriel.model.envelope import Address
from courriel.ports.credentials import CredentialRecord, ScramKeys
from courriel.store.sqlite.directory import RELOAD_CHECK_S, SqliteDirectory

RECORD = CredentialRecord("$argon2id$…", ScramKeys(b"s", 4096, b"k", b"v"))


async def _fill(directory: SqliteDirectory) -> None:
    await directory.add_domain("One.test")
    await directory.add_account("Alice@one.test", RECORD, "Alice")
    await directory.add_account("bob@one.test", RECORD)
    await directory.add_alias("info@one.test", ["alice@one.test"])
    await directory.set_catch_all("one.test", "bob@one.test")
    await directory.set_quota("bob@one.test", 1000)
    await directory.set_enabled("bob@one.test", False)


def _state(directory: SqliteDirectory) -> tuple[object, ...]:
    accounts = directory.accounts()
    return (
        list(directory.domains()),
        list(accounts),
        list(directory.aliases()),
        [directory.secret(account.id) for account in accounts],
    )


def test_what_was_changed_is_there_after_reopening(tmp_path: Path) -> None:
    directory = SqliteDirectory(tmp_path / "directory.db")
    asyncio.run(_fill(directory))
    before = _state(directory)
    directory.close()
    again = SqliteDirectory(tmp_path / "directory.db")
    assert _state(again) == before
    bob = again.by_login("bob")
    assert bob is not None
    assert (bob.quota_octets, bob.enabled) == (1000, False)
    assert again.secret(bob.id) == RECORD
    again.close()


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    SqliteDirectory(tmp_path / "sub" / "directory.db").close()
    assert (tmp_path / "sub" / "directory.db").stat().st_mode & 0o077 == 0


def test_another_process_is_noticed_within_a_second(tmp_path: Path) -> None:
    clock = ManualClock()
    directory = SqliteDirectory(tmp_path / "directory.db", clock)
    asyncio.run(_fill(directory))
    other = SqliteDirectory(tmp_path / "directory.db")
    asyncio.run(other.remove_account("alice@one.test"))
    asyncio.run(other.add_account("carol@one.test", RECORD))
    assert directory.by_login("alice") is not None
    clock.advance(RELOAD_CHECK_S)
    assert directory.by_login("alice") is None
    assert directory.by_login("carol") is not None
    assert _state(directory) == _state(other)


def test_own_and_foreign_changes_mixed_end_up_the_same(tmp_path: Path) -> None:
    clock = ManualClock()
    one = SqliteDirectory(tmp_path / "directory.db", clock)
    other = SqliteDirectory(tmp_path / "directory.db", clock)
    asyncio.run(one.add_domain("one.test"))
    for number in range(6):
        asyncio.run((one, other)[number % 2].add_account(f"u{number}@one.test", RECORD))
    asyncio.run(other.remove_account("u0@one.test"))
    clock.advance(RELOAD_CHECK_S)
    assert _state(one) == _state(other)
    assert len(one.accounts()) == 5


def test_a_real_second_process(tmp_path: Path) -> None:
    directory = SqliteDirectory(tmp_path / "directory.db", clock := ManualClock())
    script = (
        "import asyncio, sys; from pathlib import Path; from courriel.store.sqlite.directory import SqliteDirectory\n"
        "asyncio.run(SqliteDirectory(Path(sys.argv[1])).add_domain('two.test'))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "directory.db")], check=True)
    clock.advance(RELOAD_CHECK_S)
    assert directory.domain("two.test") is not None


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    async def run() -> list[int]:
        ids = []
        directory = SqliteDirectory(tmp_path / "directory.db")
        await directory.add_domain("one.test")
        for _ in range(3):
            ids.append((await directory.add_account("a@one.test", RECORD)).id)
            await directory.remove_account("a@one.test")
            directory.close()
            directory = SqliteDirectory(tmp_path / "directory.db")
        return ids

    assert asyncio.run(run()) == [1, 2, 3]


Change = Callable[[SqliteDirectory], Coroutine[Any, Any, Any]]

REFUSED: list[tuple[Change, type[Exception]]] = [
    (lambda d: d.add_domain("ONE.test."), DomainExists),
    (lambda d: d.add_domain("bad domain"), FormatError),
    (lambda d: d.remove_domain("one.test"), DomainInUse),
    (lambda d: d.remove_domain("nine.test"), NoSuchDomain),
    (lambda d: d.set_catch_all("nine.test", None), NoSuchDomain),
    (lambda d: d.set_catch_all("one.test", "x"), FormatError),
    (lambda d: d.add_account("ALICE@one.test", RECORD), AddressTaken),
    (lambda d: d.add_account("info@one.test", RECORD), AddressTaken),
    (lambda d: d.add_account("x@nine.test", RECORD), NoSuchDomain),
    (lambda d: d.add_account("x", RECORD), FormatError),
    (lambda d: d.remove_account("x@one.test"), NoSuchAccount),
    (lambda d: d.set_secret("x@one.test", RECORD), NoSuchAccount),
    (lambda d: d.set_enabled("x@one.test", True), NoSuchAccount),
    (lambda d: d.set_quota("x@one.test", 1), NoSuchAccount),
    (lambda d: d.add_alias("alice@one.test", ["bob@one.test"]), AddressTaken),
    (lambda d: d.add_alias("info@one.test", ["bob@one.test"]), AddressTaken),
    (lambda d: d.add_alias("x@nine.test", ["bob@one.test"]), NoSuchDomain),
    (lambda d: d.add_alias("x@one.test", []), FormatError),
    (lambda d: d.remove_alias("x@one.test"), NoSuchAlias),
]


@pytest.mark.parametrize(("change", "refusal"), REFUSED)
def test_a_refused_change_changes_nothing(tmp_path: Path, change: Change, refusal: type[Exception]) -> None:
    directory = SqliteDirectory(tmp_path / "directory.db")
    asyncio.run(_fill(directory))
    before = _state(directory)
    with pytest.raises(refusal):
        asyncio.run(change(directory))
    assert _state(directory) == before
    directory.close()
    assert _state(SqliteDirectory(tmp_path / "directory.db")) == before


def test_changes_show_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        directory = SqliteDirectory(tmp_path / "directory.db")
        await _fill(directory)
        assert directory.resolve(Address("info", "one.test")) is not None
        await directory.remove_alias("info@one.test")
        await directory.set_catch_all("one.test", None)
        assert directory.resolve(Address("info", "one.test")) is None
        await directory.remove_account("alice@one.test")
        await directory.remove_account("bob@one.test")
        assert directory.resolve(Address("postmaster", "one.test")) is None
        await directory.remove_domain("one.test")
        assert directory.domain("one.test") is None
        directory.close()

    asyncio.run(run())


def test_many_changes_at_once_are_all_made(tmp_path: Path) -> None:
    async def run() -> int:
        directory = SqliteDirectory(tmp_path / "directory.db")
        await directory.add_domain("one.test")
        await asyncio.gather(*[directory.add_account(f"u{n}@one.test", RECORD) for n in range(30)])
        return len(directory.accounts())

    assert asyncio.run(run()) == 30


def test_devices_of_an_older_file_have_no_login_and_may_get_company(tmp_path: Path) -> None:
    file = tmp_path / "directory.db"
    SqliteDirectory(file).close()
    with apsw.Connection(str(file)) as db:  # as version 3 left it
        db.execute("ALTER TABLE device DROP COLUMN secret; ALTER TABLE account DROP COLUMN pop_view")
        db.execute("PRAGMA user_version = 3")
        db.execute("INSERT INTO device VALUES('printer', '10.0.0.0/8', 'printer@one.test', 7)")
    directory = SqliteDirectory(file)
    printer = Device("printer", ("10.0.0.0/8",), "printer@one.test", 7)
    assert directory.devices() == [printer] and directory.device_secret("printer") is None
    asyncio.run(directory.add_device(Device("scanner", (), "scanner@one.test"), RECORD))
    directory.close()
    directory = SqliteDirectory(file)
    assert directory.device_at("10.1.2.3") == printer and directory.device_secret("scanner") == RECORD
    directory.close()


def test_a_file_of_the_future_is_left_alone(tmp_path: Path) -> None:
    SqliteDirectory(tmp_path / "directory.db").close()
    with apsw.Connection(str(tmp_path / "directory.db")) as db:
        db.pragma("user_version", 99)
    with pytest.raises(Damaged):
        SqliteDirectory(tmp_path / "directory.db")


def test_a_file_that_is_no_database_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "directory.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(Damaged):
        SqliteDirectory(tmp_path / "directory.db")
