"""The contract of scripts' stores, over each there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.base.errors import FormatError
from courriel.model.ids import AccountId
from courriel.model.script import NoSuchScript, ScriptActive, ScriptExists, TooManyScripts, canonical_script_name
from courriel.ports.sieve import SieveStore

A, B = AccountId(1), AccountId(2)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, ram_path: Path) -> Iterator[SieveStore]:
    if request.param == "memory":
        from courriel.store.memory.sieve import MemorySieve

        yield MemorySieve()
        return
    from courriel.store.sqlite.sieve import SqliteSieve

    kept = SqliteSieve(ram_path / "sieve.db")
    yield kept
    kept.close()


async def test_scripts_are_kept_by_name(runner: asyncio.Runner, store: SieveStore) -> None:
    await store.put(A, "b", b"keep;", 9)
    await store.put(A, "a", b"\xff\x00", 9)
    await store.put(B, "a", b"stop;", 9)
    rows = [(one.name, one.size_octets, one.is_active) for one in await store.scripts(A)]
    assert rows == [("a", 2, False), ("b", 5, False)]
    assert (await store.read(A, "a"), await store.read(B, "a")) == (b"\xff\x00", b"stop;")
    before = (await store.scripts(A))[1].digest
    await store.put(A, "b", b"discard;", 9)
    assert (await store.scripts(A))[1].digest != before
    with pytest.raises(NoSuchScript):
        await store.read(A, "c")
    await store.forget_account(A)
    assert not await store.scripts(A) and len(await store.scripts(B)) == 1


async def test_one_is_at_work(runner: asyncio.Runner, store: SieveStore) -> None:
    assert store.active(A) is None
    await store.put(A, "a", b"keep;", 9)
    await store.put(A, "b", b"stop;", 9)
    await store.activate(A, "a")
    await store.activate(A, "b")
    active = store.active(A)
    assert active is not None and active.name == "b" and store.active(B) is None
    with pytest.raises(NoSuchScript):
        await store.activate(A, "c")
    assert store.active(A) == active
    await store.put(A, "b", b"discard;", 9)
    changed = store.active(A)
    assert changed is not None and changed.digest != active.digest
    await store.rename(A, "b", "c")
    assert [(one.name, one.is_active) for one in await store.scripts(A)] == [("a", False), ("c", True)]
    with pytest.raises(ScriptActive):
        await store.remove(A, "c")
    await store.activate(A, "")
    assert store.active(A) is None
    await store.remove(A, "c")
    with pytest.raises(NoSuchScript):
        await store.remove(A, "c")


async def test_names_are_taken_once(runner: asyncio.Runner, store: SieveStore) -> None:
    for name in ("a", "b"):
        await store.put(A, name, b"keep;", 2)
    with pytest.raises(ScriptExists):
        await store.rename(A, "a", "b")
    with pytest.raises(ScriptExists):
        await store.rename(A, "a", "a")
    with pytest.raises(NoSuchScript):
        await store.rename(A, "c", "d")
    with pytest.raises(TooManyScripts):
        await store.put(A, "c", b"keep;", 2)
    await store.put(A, "b", b"stop;", 2)


async def test_keys_are_remembered_for_a_time(runner: asyncio.Runner, store: SieveStore) -> None:
    assert await store.remember(A, {"x": 10.0, "y": 20.0}, 1.0, 9) == {"x", "y"}
    assert await store.remember(A, {"x": 12.0}, 9.0, 9) == frozenset()
    assert store.known(A, "x", 11.9) and not store.known(A, "x", 12.0) and not store.known(B, "x", 1.0)
    assert await store.remember(A, {"x": 30.0}, 12.0, 9) == {"x"}
    assert await store.forget(20.0) == 1
    assert store.known(A, "x", 20.0)
    await store.forget_account(A)
    assert not store.known(A, "x", 20.0)


async def test_of_too_many_keys_the_first_to_end_give_way(runner: asyncio.Runner, store: SieveStore) -> None:
    await store.remember(A, {f"k{number}": 100.0 + number for number in range(5)}, 1.0, 3)
    assert [store.known(A, f"k{number}", 2.0) for number in range(5)] == [False, False, True, True, True]


def test_what_is_at_work_is_known_when_the_file_is_opened_again(ram_path: Path, runner: asyncio.Runner) -> None:
    from courriel.store.sqlite.sieve import SqliteSieve

    store = SqliteSieve(ram_path / "sieve.db")
    runner.run(store.put(A, "a", b"keep;", 9))
    runner.run(store.activate(A, "a"))
    before = store.active(A)
    store.close()
    again = SqliteSieve(ram_path / "sieve.db")
    assert before is not None and again.active(A) == before
    again.close()


def test_names_of_scripts() -> None:
    """RFC 5804 §1.6."""
    assert canonical_script_name("e\u0301te\u0301") == "\u00e9t\u00e9"
    for name in ("", "a\nb", "a\u2028b", "x" * 513, "\x7f"):
        with pytest.raises(FormatError):
            canonical_script_name(name)
