"""The stores the contract is tried on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.ports.store import MailStore
from courriel.store.sqlite.settings import StoreSettings
from tests.contracts.place import MemoryPlace, Place, ram_directory
from tests.contracts.sqlite_place import SqlitePlace

SETTINGS = {
    "sqlite": StoreSettings(shards=1),
    "sqlite-3-shards": StoreSettings(shards=3),
    "sqlite-settling": StoreSettings(shards=1, redo_rows=20, settle_octets=2_000),
}


@pytest.fixture
def ram_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = ram_directory(tmp_path_factory)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["memory", "sqlite", "sqlite-3-shards", "sqlite-settling"])
def place(request: pytest.FixtureRequest, runner: asyncio.Runner, ram_path: Path) -> Iterator[Place]:
    """One opened store after the other."""
    if request.param == "memory":
        place: Place = MemoryPlace()
    else:
        place = SqlitePlace(ram_path, SETTINGS[request.param])
    runner.run(place.open())
    yield place
    runner.run(place.store.close())


@pytest.fixture
def store(place: Place) -> MailStore:
    """The opened store; use ``place`` to reopen it or to turn its clock."""
    return place.store
