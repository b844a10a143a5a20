"""Copies of the database from before a migration, and the way back to them.

A copy holds the tables and the names of the packs that belong to it; packs are only ever appended to, so they need
no copy.  ``roll_back`` puts the newest copy in place of the database while no server runs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import apsw

from courriel.base.errors import Unavailable
from courriel.store.blobs.files import Files
from courriel.store.blobs.pack import pack_numbers

if TYPE_CHECKING:
    from courriel.store.sqlite.shard import Shard


def take_snapshot(shard: Shard, version: int) -> None:
    """Copy the database of a shard next to it, durably, before schema ``version`` is changed."""
    files, directory = shard.files, f"{shard.directory}/snapshots"
    files.make_directory(directory)
    stem = f"shard-{shard.number}-v{version}"
    for name in files.names(directory):
        if name.startswith(stem):
            files.unlink(f"{directory}/{name}")
    shard.connection.execute("VACUUM INTO ?", (f"{directory}/{stem}.db",))
    listing = files.open_append(f"{directory}/{stem}.json")
    packs = pack_numbers(files, shard.packs_directory)
    files.write(listing, json.dumps({"version": version, "packs": packs}).encode())
    files.fdatasync(listing)
    files.close(listing)
    copy = files.open_read(f"{directory}/{stem}.db")
    files.fdatasync(copy)
    files.close(copy)
    files.fsync_directory(directory)


def newest_snapshot(files: Files, directory: str, number: int) -> int:
    """The schema version of a shard's newest snapshot.  Raises Unavailable when there is none."""
    stem = f"shard-{number}-v"
    try:
        names = files.names(f"{directory}/snapshots")
    except FileNotFoundError:
        names = []
    versions = [int(name[len(stem) : -3]) for name in names if name.startswith(stem) and name.endswith(".db")]
    if not versions:
        raise Unavailable(f"there is no snapshot of shard {number}")
    return max(versions)


def roll_back(files: Files, directory: str, number: int) -> int:
    """Put the newest snapshot of a closed shard in its place; returns its schema version.

    The database it replaces is kept as ``….undone``.  Raises Unavailable when there is no snapshot.
    """
    version = newest_snapshot(files, directory, number)
    snapshots = f"{directory}/snapshots"
    stem = f"shard-{number}-v"
    path = f"{directory}/shard-{number}.db"
    connection = apsw.Connection(path)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    present = set(files.names(directory))
    for suffix in ("-wal", "-shm"):
        if f"shard-{number}.db{suffix}" in present:
            files.unlink(path + suffix)
    redo = f"redo-{number}.log"
    if redo in present:  # it goes on from the database that is replaced
        files.rename(f"{directory}/{redo}", f"{directory}/{redo}.undone")
    files.rename(path, path + ".undone")
    files.rename(f"{snapshots}/{stem}{version}.db", path)
    files.fsync_directory(snapshots)
    files.fsync_directory(directory)
    return version
