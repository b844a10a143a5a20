"""All shards of a store back to what they were before the last migration, while no server runs."""

from __future__ import annotations

import os
from pathlib import Path

from courriel.base.errors import Unavailable
from courriel.store.blobs.files import SystemFiles
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.snapshot import newest_snapshot, roll_back
from courriel.store.sqlite.store import shard_numbers, take_lock


def roll_back_store(data: Path) -> dict[int, int]:
    """The schema version each shard has now; all have a snapshot, or none is touched.

    Raises Unavailable: no store, no snapshot, or a server runs.
    """
    place, files = data / "store", SystemFiles()
    if not place.is_dir():
        raise Unavailable(f"there is no store in {data}")
    lock = take_lock(str(place / "lock"))
    try:
        numbers = shard_numbers(files, str(place), StoreSettings())
        for number in numbers:
            newest_snapshot(files, str(place), number)
        return {number: roll_back(files, str(place), number) for number in numbers}
    finally:
        os.close(lock)
